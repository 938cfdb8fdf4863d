"""A refusal with numbers, before the system kills somebody for want of memory."""

from __future__ import annotations

import os
from pathlib import Path

from sandbox.core.errors import Refused

GIB = 2**30
_MEMINFO = Path("/proc/meminfo")


def check_memory(needed: int, there: int, where: str, what: str, hint: str) -> None:
    """Refuse what would not fit.

    Args:
        needed: Bytes.
        there: Bytes.
        where: Has them, as in "cuda" or "this machine".
        what: Needs them, as in "a rollout of 128 steps".
        hint: What to do instead.

    Raises:
        Refused: More is needed than is there.
    """
    if needed > there:
        sizes = f"{needed / GIB:,.1f} GiB, and {where} has {there / GIB:,.1f} GiB"
        raise Refused(f"{what} needs {sizes}", hint=hint)


def physical_memory() -> int:
    """The machine's memory in bytes, whoever uses it."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def available_memory() -> int:
    """Bytes that can be had without swapping, where the system tells it (Linux); else all there are."""
    try:
        lines = _MEMINFO.read_text().splitlines()
    except OSError:
        return physical_memory()
    found = next((line.split() for line in lines if line.startswith("MemAvailable:")), None)
    return physical_memory() if found is None else int(found[1]) * 1024
