"""Files within a zip archive, by a path that goes on into it: ``archive.zip/sign_mnist_train.csv``.

Nothing is unpacked to the disk, and nothing beyond a bound into the memory.
"""

from __future__ import annotations

import zipfile
import zlib
from io import BufferedIOBase
from pathlib import Path, PurePosixPath
from typing import IO

from sandbox.core.errors import Broken

MOST_BYTES = 512 * 2**20
"""of a file, unpacked: more than any file of a data set has"""
DAMAGES = (
    *(OSError, EOFError, zlib.error, zipfile.BadZipFile, zipfile.LargeZipFile, ValueError),
    *(NotImplementedError, RuntimeError),  # packed in an unknown way, or with a password
)
"""what reading a zip archive raises"""


def within(archive: Path, name: str) -> Path | None:
    """The path of the file ``name`` in a zip ``archive``, in whatever folder; None without one.

    An archive that cannot be read counts as having it: `read_member` then says what is wrong.
    """
    if not archive.is_file():
        return None
    try:
        with zipfile.ZipFile(archive) as opened:
            return archive / name if members(opened, name) else None
    except DAMAGES:
        return archive / name


def archive_of(path: Path) -> Path | None:
    """The archive that ``path`` leads into; None if it is a file of its own."""
    return path.parent if path.parent.is_file() else None


def read_member(path: Path) -> bytes:
    """The content of a file within an archive.

    Raises:
        Broken: The archive is damaged or no zip file, or the file is larger than any that is expected.
    """
    try:
        with zipfile.ZipFile(path.parent) as archive:
            member = members(archive, path.name)[0]
            if not has_bound(member):
                raise Broken(f"{path} is packed in an unusual way", hint="unpack it yourself")
            with archive.open(member) as packed:
                return bounded(path, packed)
    except DAMAGES as error:
        raise Broken(
            f"{path.parent} is no zip file, or a damaged one: {error}", hint="get it again"
        ) from None
    except IndexError:
        raise Broken(f"{path.parent} does not hold {path.name}") from None


def bounded(path: Path, file: IO[bytes] | BufferedIOBase) -> bytes:
    """What is in ``file``, which ``path`` leads to; raises Broken where that is more than `MOST_BYTES`."""
    content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise Broken(f"{path} holds more than {MOST_BYTES // 2**20} MiB", hint="get it again")
    return content


def has_bound(member: zipfile.ZipInfo) -> bool:
    """Whether a part of it can be read without unpacking all of it into the memory."""
    return member.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def members(archive: zipfile.ZipFile, name: str) -> list[zipfile.ZipInfo]:
    """The files of this name, the outermost first: some archives hold a file twice."""
    found = [member for member in archive.infolist() if PurePosixPath(member.filename).name == name]
    return sorted((one for one in found if not one.is_dir()), key=lambda one: one.filename.count("/"))
