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

from sandbox.data.folder_listing import natural
from sandbox.data.picture_file import NoPicture, extensions, opened, read_pixels
from sandbox.supervised.prediction.ink import InkForm, in_form, written

Bytes = NDArray[np.uint8]

PIPE = "-"
LARGEST = 360
"""longer side of the original that is kept, in pixels"""
_ORIENTATION, _SIDEWAYS = 0x0112, (5, 6, 7, 8)  # of EXIF


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
    """Names with files or contents: of a folder all pictures below it, in the order in which people count."""
    found: list[tuple[str, Path | bytes]] = []
    for word in words:
        if word == PIPE:
            found.append(("the pipe", sys.stdin.buffer.read()))
            continue
        path = Path(word).expanduser()
        files = _below(path) if path.is_dir() else [path]
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
        original = read_pixels(_file(source), (3, *_size(source))) if drawn else seen
        if form is not None and not (_is_of(source, shape) and in_form(seen[0], form)):
            grey = read_pixels(_file(source), (1, *_size(source)))[0]
            ink = written(grey, form, *shape[1:])
            if ink is not None:
                seen, treatment = ink[None], "ink"
    except NoPicture as error:
        return Skipped(name, str(error))
    except FileNotFoundError:
        return Skipped(name, "there is no such file")
    except OSError as error:
        return Skipped(name, error.strerror or str(error))
    return Given(name, original, seen, treatment)


def _below(folder: Path) -> list[Path]:
    """All files below a folder whose names end as those of pictures do."""
    files = [
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in extensions()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    ]
    return sorted(files, key=lambda path: [natural(part) for part in path.relative_to(folder).parts])


def _file(source: Path | bytes) -> Path | IO[bytes]:
    return source if isinstance(source, Path) else BytesIO(source)


def _upright_size(source: Path | bytes) -> tuple[int, int]:
    """(height, width) of a picture that is turned as its EXIF data say."""
    image = opened(_file(source))
    with image:
        try:
            turned = image.getexif().get(_ORIENTATION) in _SIDEWAYS
        except (SyntaxError, ValueError, KeyError, TypeError, AttributeError):
            turned = False  # as the reader takes damaged EXIF data
        return (image.width, image.height) if turned else (image.height, image.width)


def _size(source: Path | bytes) -> tuple[int, int]:
    """(height, width) of the original that is kept."""
    height, width = _upright_size(source)
    scale = min(1.0, LARGEST / max(height, width))
    return max(1, round(scale * height)), max(1, round(scale * width))


def _is_of(source: Path | bytes, shape: tuple[int, int, int]) -> bool:
    return _upright_size(source) == shape[1:]
