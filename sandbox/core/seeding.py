"""One seeding scheme: every generator gets a seed derived from the run's seed and a few words."""

from __future__ import annotations

import hashlib
import json
import secrets

SEED_LIMIT = 2**31


def derive_seed(seed: int, *words: str | int) -> int:
    """Derive an independent seed, 0 <= result < 2**31, for what ``words`` name.

    The same arguments give the same result on every machine and in every version:
    ``derive_seed(0, "environment", 3)`` never depends on what else was derived before.
    """
    text = json.dumps([int(seed), *words], ensure_ascii=True, separators=(",", ":"))
    digest = hashlib.sha256(text.encode("ascii")).digest()
    return int.from_bytes(digest[:8], "big") % SEED_LIMIT


def fresh_seed() -> int:
    """Draw a new seed, 0 <= result < 2**31, from the operating system."""
    return secrets.randbelow(SEED_LIMIT)
