"""The pictures that a person names: files, folders, or one that comes through a pipe."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sandbox.core.errors import UsageError
from sandbox.data.folder_listing import pictures_below
from sandbox.data.picture_file import NoPicture, read_pixels, reduced_size, upright_size
from sandbox.supervised.prediction.ink import InkForm, in_form, written

Bytes = NDArray[np.uint8]

PIPE = "-"
LARGEST = 360
"""longer side of the original that is kept, in pixels"""
MOST_BYTES = 512 * 2**20
"""through the pipe: more than the largest picture that is read has, unpacked"""


class Skipped(NamedTuple):
    """A file that cannot be used."""

    name: str
    why: str


@dataclass(frozen=True, eq=False)
class Given:
    """A picture as it came, and as the network sees it."""

    name: str
    original: Bytes
    """(3, height, width), its longer side at most `LARGEST`; what the network sees where none is drawn"""
    seen: Bytes
    """(channels, height, width) of the network"""
    treatment: str
    """ink (cut out, scaled and centred), or fitted (scaled, and the middle cut out)"""


def named(words: Sequence[str]) -> list[tuple[str, Path | bytes]]:
    """Names with files or contents: of a folder all pictures below it, in the order in which people count.

    Raises:
        UsageError: far more comes through the pipe than a picture has.
        Refused: a folder cannot be read.
    """
    found: list[tuple[str, Path | bytes]] = []
    for word in words:
        if word == PIPE:
            found.append(("the pipe", _piped()))
            continue
        path = Path(word).expanduser()
        files = [one.path for one in pictures_below(path, path)] if path.is_dir() else [path]
        found += [(str(file), file) for file in files]
    return found


def read_given(
    name: str, source: Path | bytes, shape: tuple[int, int, int], form: InkForm | None, *, drawn: bool = True
) -> Given | Skipped:
    """Read one picture.

    Args:
        name: for people.
        source: its file or its content.
        shape: (channels, height, width) of what the network sees.
        form: that of the handwriting it learned from; None to scale and crop only.
        drawn: keep the original, too; of thousands of pictures it would fill the memory.
    """
    try:
        seen, treatment = read_pixels(_file(source), shape), "fitted"
        original = _reduced(source, channels=3) if drawn else seen
        if form is not None and not (upright_size(_file(source)) == shape[1:] and in_form(seen[0], form)):
            ink = written(_reduced(source, channels=1)[0], form, *shape[1:])
            if ink is not None:
                seen, treatment = ink[None], "ink"
    except NoPicture as error:
        return Skipped(name, str(error))
    except FileNotFoundError:
        return Skipped(name, "there is no such file")
    except OSError as error:
        return Skipped(name, error.strerror or str(error))
    return Given(name, original, seen, treatment)


def _reduced(source: Path | bytes, channels: int) -> Bytes:
    return read_pixels(_file(source), (channels, *reduced_size(_file(source), LARGEST)))


def _piped() -> bytes:
    content = sys.stdin.buffer.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise UsageError(f"the pipe sends more than {MOST_BYTES // 2**20} MiB: that is no picture")
    return content


def _file(source: Path | bytes) -> Path | IO[bytes]:
    return source if isinstance(source, Path) else BytesIO(source)
