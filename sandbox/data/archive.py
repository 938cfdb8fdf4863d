"""Files within a zip archive, by a path that goes on into it: ``archive.zip/sign_mnist_train.csv``.

Nothing is unpacked to the disk, and nothing beyond a bound into the memory.
"""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path, PurePosixPath

from sandbox.core.errors import Broken

MOST_BYTES = 512 * 2**20
"""of a file, unpacked: more than any file of a data set has"""
_DAMAGES = (
    *(OSError, EOFError, zlib.error, zipfile.BadZipFile, zipfile.LargeZipFile, ValueError),
    *(NotImplementedError, RuntimeError),  # packed in an unknown way, or with a password
)


def within(archive: Path, name: str) -> Path | None:
    """The path of the file ``name`` in a zip ``archive``, in whatever folder; None without one.

    An archive that cannot be read counts as having it: `read_member` then says what is wrong.
    """
    if not archive.is_file():
        return None
    try:
        with zipfile.ZipFile(archive) as opened:
            return archive / name if _members(opened, name) else None
    except _DAMAGES:
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
            member = _members(archive, path.name)[0]
            # Others than these are unpacked without a bound.
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise Broken(f"{path} is packed in an unusual way", hint="unpack it yourself")
            with archive.open(member) as packed:
                content = packed.read(MOST_BYTES + 1)
    except _DAMAGES as error:
        raise Broken(
            f"{path.parent} is no zip file, or a damaged one: {error}", hint="get it again"
        ) from None
    except IndexError:
        raise Broken(f"{path.parent} does not hold {path.name}") from None
    if len(content) > MOST_BYTES:
        raise Broken(f"{path} unpacks to more than {MOST_BYTES // 2**20} MiB", hint="get it again")
    return content


def _members(archive: zipfile.ZipFile, name: str) -> list[zipfile.ZipInfo]:
    """The files of this name, the outermost first: some archives hold a file twice."""
    found = [member for member in archive.infolist() if PurePosixPath(member.filename).name == name]
    return sorted((one for one in found if not one.is_dir()), key=lambda one: one.filename.count("/"))
