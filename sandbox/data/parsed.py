"""A cache of parsed files: what takes seconds to read is read once.

The key is the sha256 of the files as they lie on the disk, which is quick to take. A file that changes is
parsed and checked anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np

from sandbox.core.files import write_atomically
from sandbox.data.source import cache_root

Arrays = Mapping[str, np.ndarray]


def cached(name: str, paths: Iterable[Path], parse: Callable[[], Arrays]) -> Arrays:
    """What ``parse`` makes of the files ``paths``: from the cache if it is there, else made and kept.

    A cache that cannot be read or written costs time, and is no error.

    Args:
        name: The data set and the version of its parser.
        paths: None for a data set that a library brings along.
        parse: Returns arrays by name; raises what is wrong with the files.
    """
    path = cache_root() / "parsed" / f"{name}-{_key(paths)}.npz"
    try:
        with np.load(path, allow_pickle=False) as kept:
            return dict(kept)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error):
        pass
    arrays = parse()
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, _as_npz(arrays))
    return arrays


def _key(paths: Iterable[Path]) -> str:
    sums = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
    return hashlib.sha256(" ".join(sums).encode()).hexdigest()[:16]


def _as_npz(arrays: Arrays) -> bytes:
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **arrays)
    return content.getvalue()
