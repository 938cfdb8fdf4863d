"""A cache of parsed files: what takes seconds to read is read once.

The key says from what it was made, such as the sha256 of the files as they lie on the disk, which is quick to
take. A file that changes is parsed and checked anew, and replaces what was kept of it before.
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
import os
import time
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np

from sandbox.data.archive import archive_of
from sandbox.data.source import cache_root

Arrays = Mapping[str, np.ndarray]

MOST_BYTES = 8 * 2**30
"""in the cache: what was not used for longest gives way"""
UNUSED_S = 30 * 86_400
"""after which an entry is removed"""
ABANDONED_S = 3_600
"""after which nobody is writing a file any more"""
_WRITING = ".writing-"


def cached(name: str, paths: Iterable[Path], parse: Callable[[], Arrays]) -> Arrays:
    """What ``parse`` makes of the files ``paths``: from the cache if it is there, else made and kept.

    A cache that cannot be read or written costs time, and is no error.

    Args:
        name: The data set and the version of its parser.
        paths: None for a data set that a library brings along.
        parse: Returns arrays by name; raises what is wrong with the files.
    """
    return kept(name, _key(paths), parse)


def kept(name: str, key: str, make: Callable[[], Arrays]) -> Arrays:
    """What ``make`` returns: from the cache if it was kept under this name and ``key``, else made and kept.

    Of each name the newest is kept only, and of all what was used lately, up to `MOST_BYTES`. A cache that
    cannot be read or written costs time, and is no error.
    """
    path = cache_root() / "parsed" / f"{name}-{hashlib.sha256(key.encode()).hexdigest()[:16]}.npz"
    try:
        with np.load(path, allow_pickle=False) as found:
            arrays = dict(found)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error):
        pass
    else:
        with contextlib.suppress(OSError):
            os.utime(path)
        return arrays
    arrays = make()
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        _make_room(path.parent, sum(array.nbytes for array in arrays.values()))
        _write(path, arrays)
        for old in path.parent.glob(f"{glob.escape(name)}-{'[0-9a-f]' * 16}.npz"):
            if old != path:
                old.unlink(missing_ok=True)
    return arrays


def _make_room(folder: Path, needed: int) -> None:
    """Remove what is old, what was left half written, and what is too much with ``needed`` more bytes."""
    entries = sorted(((path.stat(), path) for path in folder.iterdir()), key=lambda one: -one[0].st_mtime)
    for details, path in entries:
        needed += details.st_size
        longest_s = ABANDONED_S if path.name.startswith(_WRITING) else UNUSED_S
        if needed > MOST_BYTES or time.time() - details.st_mtime > longest_s:
            path.unlink(missing_ok=True)


def _write(path: Path, arrays: Arrays) -> None:
    """Write aside, then rename; not by way of the memory, of which there may be none to spare."""
    aside = path.with_name(f"{_WRITING}{path.name}-{os.getpid()}")
    try:
        with aside.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def _key(paths: Iterable[Path]) -> str:
    """The sha256 of each file, or of the archive that it lies in."""
    files = {path: archive_of(path) or path for path in paths}
    sums = {file: _sum(file) for file in set(files.values())}
    return " ".join(
        sums[file] if file == path else f"{path.name} in {sums[file]}" for path, file in files.items()
    )


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
