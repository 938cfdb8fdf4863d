"""From what a mirror sent to the files of a data set: unpacked, bounded, compared with what was published.

Mirrors are untrusted. How a file is packed is told by how it begins, nothing is unpacked beyond the size that
was published, and only content with the published sha256 is put in place.
"""

from __future__ import annotations

import gzip
import hashlib
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from sandbox.core.files import write_atomically
from sandbox.data.archive import DAMAGES, has_bound, members
from sandbox.data.catalog import Entry
from sandbox.data.downloads.fetch import writing
from sandbox.data.downloads.mirrors import Failed

_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"


def put_in_place(sent: Path, names: Iterable[str], entry: Entry, folder: Path) -> None:
    """Write the files ``names`` of ``entry``, which are in ``sent`` however packed, into ``folder``.

    Each appears there whole and right, or not at all.

    Raises:
        Failed: ``sent`` is something else.
        Refused: The disk is full or not writable.
    """
    for name in names:
        content = _content(sent, name, entry.sizes[name])
        _check(content, name, entry)
        with writing(folder / name):
            write_atomically(folder / name, content)


def _content(sent: Path, name: str, size: int) -> bytes:
    """The content of the file ``name``, but no more than a byte beyond its ``size``."""
    with sent.open("rb") as file:
        begins = file.read(len(_ZIP))
        file.seek(0)
        try:
            if begins == _ZIP:
                return _from_zip(file, name, size)
            if begins.startswith(_GZIP):
                with gzip.open(file) as packed:
                    return packed.read(size + 1)
            return file.read(size + 1)
        except DAMAGES as error:
            kind = "zip" if begins == _ZIP else "gzip"
            cut = isinstance(error, EOFError)
            raise Failed(f"sends a {kind} file that is {'cut off' if cut else 'damaged'}") from None


def _from_zip(file: IO[bytes], name: str, size: int) -> bytes:
    with zipfile.ZipFile(file) as archive:
        found = members(archive, name)
        if not found:
            raise Failed(f"sends a zip file without {name}")
        member = next((member for member in found if member.file_size == size), found[0])
        if not has_bound(member):
            raise Failed("sends a zip file that is packed in an unusual way")
        with archive.open(member) as packed:
            return packed.read(size + 1)


def _check(content: bytes, name: str, entry: Entry) -> None:
    """Raise Failed, with what the content is instead, unless it is that of the published file."""
    found = hashlib.sha256(content).hexdigest()
    if found == entry.files[name]:
        return
    other = next((other for other, published in entry.files.items() if published == found), None)
    size = entry.sizes[name]
    if other:
        why = f"sends {other} under the name of {name}"
    elif content[:512].lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        why = f"sends a web page instead of {name}"
    elif len(content) > size:
        why = f"sends more than the {size:,} bytes of {name}"
    elif len(content) < size:
        why = f"sends {len(content):,} bytes instead of the {size:,} of {name}"
    else:
        why = f"sends other content than the published {name} (sha256 {found[:12]}…)"
    raise Failed(why)
