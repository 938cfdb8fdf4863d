"""The cache of parsed files: what is used stays, and nothing grows without an end."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest

from sandbox.data import parsed
from sandbox.data.parsed import kept

DAY_S = 86_400


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where an empty cache keeps what was parsed."""
    monkeypatch.setenv("SANDBOX_CACHE", str(tmp_path))
    return tmp_path / "parsed"


def keep(name: str, days: float = 0, size: int = 1_000) -> None:
    """Keep ``size`` bytes under a name, last used so many days ago."""
    kept(name, "key", lambda: {"numbers": np.zeros(size, np.uint8)})
    (path,) = parsed.cache_root().glob(f"parsed/{name}-*")
    age(path, days)


def age(path: Path, days: float) -> None:
    then = time.time() - days * DAY_S
    os.utime(path, (then, then))


def names(folder: Path) -> list[str]:
    return sorted(path.name.rpartition("-")[0] for path in folder.iterdir())


def test_what_was_not_used_for_a_month_is_removed_when_something_new_is_kept(folder: Path) -> None:
    for name in ("old", "used", "recent"):
        keep(name)
    for path in folder.iterdir():
        age(path, 29 if path.name.startswith("recent") else 31)
    kept("used", "key", lambda: pytest.fail("made again"))
    keep("new")
    assert names(folder) == ["new", "recent", "used"]


def test_beyond_the_bound_the_longest_unused_gives_way(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsed, "MOST_BYTES", 40_000)
    for name, days in (("b", 2), ("c", 1), ("a", 3)):
        keep(name, days, size=10_000)
    keep("new", size=10_000)
    assert names(folder) == ["b", "c", "new"]
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 40_000


def test_what_a_killed_process_left_is_swept_away(folder: Path) -> None:
    keep("first")
    left, being_written = folder / ".writing-first-1.npz-7", folder / ".writing-second-1.npz-8"
    left.write_bytes(b"half")
    being_written.write_bytes(b"half")
    age(left, days=1)
    keep("second")
    assert not left.exists()
    assert being_written.exists()
