"""Writing files so that a crash leaves the old one or the new one, never half of one."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sandbox.core.errors import Refused


def write_atomically(path: Path, content: str | bytes) -> None:
    """Replace ``path`` by ``content`` (text as UTF-8) in one step: write aside, flush to the disk, rename.

    Raises:
        OSError: The disk is full or the folder is not writable; the old file is untouched.
    """
    aside = path.with_name(f".writing-{path.name}-{os.getpid()}")
    try:
        with aside.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    _flush_folder(path.parent)


def check_writable(path: Path) -> None:
    """See whether the file ``path`` can be written, so that nobody works for nothing; leaves nothing behind.

    Folders that are not there yet will be made.

    Raises:
        Refused: No file can be made there.
    """
    folder = next(parent for parent in path.absolute().parents if os.path.exists(parent))  # noqa: PTH110 - takes any name
    aside = folder / f".writing-{path.name}-{os.getpid()}"
    try:
        aside.touch()
        aside.unlink()
    except OSError as error:
        # Some file systems that make no files say so by "no such file".
        missing = isinstance(error, FileNotFoundError)
        reason = f"{folder} takes no new files" if missing else error.strerror or str(error)
        raise Refused(f"cannot write {path}: {reason}", hint="name another place") from None


def _flush_folder(folder: Path) -> None:
    """Make a rename in ``folder`` survive a power cut, where the file system can."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass  # Some network file systems cannot flush folders; the rename itself is done.
    finally:
        os.close(handle)


def to_json(value: Any, *, indent: int | None = None) -> str:
    """Write ``value`` as strict JSON.

    Paths become strings, NumPy and torch scalars become numbers, NaN and infinity become null.

    Raises:
        TypeError: A value of another type than these and JSON's own.
    """
    return json.dumps(as_json_value(value), indent=indent, ensure_ascii=False, allow_nan=False)


def as_json_value(value: Any) -> Any:
    """Return ``value`` with only JSON's own types in it, as `to_json` writes it."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): as_json_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [as_json_value(item) for item in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    # Scalars and arrays of NumPy and torch, without importing either.
    if hasattr(value, "tolist"):
        return as_json_value(value.tolist())
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
