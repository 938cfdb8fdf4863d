"""State on disk that survives what happens to a run: kill -9, a full disk, a flipped bit, a stranger's file.

A checkpoint is a folder of three files: ``tensors.safetensors``, ``state.json`` (see ``state_tree``) and
``checksums.json`` with the SHA-256 of both. It is written under another name, forced to the disk and renamed,
so a folder with its proper name is complete. Loading checks the sums first and never runs any code.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError

from sandbox.core.errors import CheckpointBroken
from sandbox.nn import state_tree

TENSORS, STATE, CHECKSUMS = "tensors.safetensors", "state.json", "checksums.json"
_WRITING, _REMOVING = ".writing-", ".removing-"
_FORMAT = 1
# RuntimeError includes RecursionError: JSON nested deeper than Python goes.
_UNDECODABLE = (SafetensorError, ValueError, KeyError, TypeError, AttributeError, RuntimeError)


def save_state(folder: Path, state: Mapping[str, Any]) -> None:
    """Write ``state`` to ``folder``, all of it or nothing; a folder of that name is replaced.

    ``state`` nests dictionaries with string keys, lists and tuples of torch tensors, NumPy arrays and
    scalars, and str, int, float, bool, None. The same state gives the same bytes. Raises TypeError for
    anything else, OSError when the disk refuses (nothing is left behind then).
    """
    folder = Path(folder)
    tree, tensors = state_tree.encode(state)
    aside = folder.with_name(f"{_WRITING}{folder.name}-{os.getpid()}")
    shutil.rmtree(aside, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        aside.mkdir()
        _write(aside / STATE, json.dumps(tree, allow_nan=False).encode())
        _write_tensors(aside / TENSORS, tensors, mode_of=aside / STATE)
        _write(aside / CHECKSUMS, _checksums(aside))
        _force_to_disk(aside)
        remove_state(folder)
        aside.replace(folder)
        _force_to_disk(folder.parent)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise


def load_state(folder: Path) -> dict[str, Any]:
    """Read what ``save_state`` wrote, with the same types; tensors are on the CPU, arrays writable.

    Raises CheckpointBroken, naming the file and what is wrong, unless every byte is as it was written.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise CheckpointBroken(f"{folder}: there is no such checkpoint")
    _verify(folder)
    try:
        tensors = safetensors.torch.load_file(folder / TENSORS)
        state = state_tree.decode(json.loads((folder / STATE).read_bytes()), tensors)
    except _UNDECODABLE as error:
        raise CheckpointBroken(f"{folder}: its files do not hold a checkpoint ({error})") from error
    if not isinstance(state, dict):
        raise CheckpointBroken(f"{folder / STATE} does not hold a dictionary")
    return state


def remove_state(folder: Path) -> None:
    """Remove a checkpoint at once as seen by others: renamed first, so that no half of it is ever loaded."""
    if not folder.exists():
        return
    aside = folder.with_name(f"{_REMOVING}{folder.name}-{os.getpid()}")
    shutil.rmtree(aside, ignore_errors=True)
    folder.replace(aside)
    shutil.rmtree(aside, ignore_errors=True)


def remove_leftovers(parent: Path) -> None:
    """Remove what killed processes left half-written or half-removed in ``parent``."""
    for folder in [*parent.glob(f"{_WRITING}*"), *parent.glob(f"{_REMOVING}*")]:
        shutil.rmtree(folder, ignore_errors=True)


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _write_tensors(path: Path, tensors: state_tree.Tensors, mode_of: Path) -> None:
    try:
        safetensors.torch.save_file(tensors, path)
    except SafetensorError as error:
        # The library words the system's refusal; callers tell a full disk from a bug by OSError's number.
        found = re.search(r"os error (\d+)", str(error))
        number = int(found[1]) if found else errno.EIO
        raise OSError(number, os.strerror(number), str(path)) from error
    shutil.copymode(mode_of, path)  # it is written as 0600, whatever the umask
    _force_to_disk(path)


def _force_to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        # Some network file systems cannot flush folders; the rename itself is done.
        if not (path.is_dir() and error.errno in (errno.EINVAL, errno.ENOTSUP)):
            raise
    finally:
        os.close(handle)


def _checksums(folder: Path) -> bytes:
    sums = {}
    for name in (STATE, TENSORS):
        with (folder / name).open("rb") as file:
            sums[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return (json.dumps({"format": _FORMAT, "sha256": sums}, indent=2) + "\n").encode()


def _verify(folder: Path) -> None:
    for name in (CHECKSUMS, STATE, TENSORS):
        if not (folder / name).is_file():
            raise CheckpointBroken(f"{folder / name} is missing")
    written, actual = (folder / CHECKSUMS).read_bytes(), _checksums(folder)
    if written != actual:
        raise CheckpointBroken(_what_is_wrong(folder, written, actual))


def _what_is_wrong(folder: Path, written: bytes, actual: bytes) -> str:
    try:
        found = json.loads(written)
        if found["format"] > _FORMAT:
            return f"{folder} has format {found['format']}, and this version reads up to {_FORMAT}"
        sums = json.loads(actual)["sha256"]
        for name in (STATE, TENSORS):
            if found["sha256"][name] != sums[name]:
                return f"{folder / name} is damaged: its checksum does not match"
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    return f"{folder / CHECKSUMS} is damaged: it does not hold the checksums that were written"
