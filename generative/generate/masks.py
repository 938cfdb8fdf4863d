"""What of a picture is to be drawn anew: a word for a half or the middle, or what is white in a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import ImageOps
from torch import Tensor

from sandbox.core.errors import UsageError
from sandbox.core.spelling import suggest
from sandbox.data.picture_file import fit_picture, opened, read_picture

WORDS = ("left", "right", "top", "bottom", "centre")
WHITE_FROM = 128
"""the least level that counts as white"""


def find_mask(word: str, shape: tuple[int, int, int]) -> Tensor:
    """Which pixels of a picture of `shape` are drawn anew: (height, width) bool.

    Args:
        word: one of `WORDS`, or a picture file, that is white there; scaled and cropped as pictures are;
            what is transparent stays.
        shape: (channels, height, width).

    Raises:
        UsageError: it is neither, or it leaves nothing of the picture, or all.
        NotFound, Broken: there is no such file, or it is no picture.
    """
    _, height, width = shape
    if word.casefold() in (*WORDS, "center"):
        anew = _half(word.casefold(), height, width)
    else:
        path = Path(word).expanduser()
        if not (path.exists() or path.suffix or path.name != word):
            close = suggest(word, WORDS)
            raise UsageError(
                f"--mask: {word!r} is no file" + (f": did you mean {close!r}?" if close else ""),
                hint=f"{', '.join(WORDS)}, or a picture that is white where it is to be drawn anew",
            )
        if path.is_dir():
            raise UsageError(f"--mask: {path} is a folder", hint="name one picture in it")
        anew = torch.from_numpy(_white(path, height, width))
    if anew.all() or not anew.any():
        what = "leaves nothing of the picture" if anew.all() else "has no white: nothing is drawn anew"
        raise UsageError(f"--mask {word} {what}", hint="white is drawn anew, black stays")
    return anew


def _white(path: Path, height: int, width: int) -> NDArray[np.bool_]:
    """Where a picture is white, and not transparent: (height, width)."""
    white = read_picture(path, (1, height, width))[0] >= WHITE_FROM
    with opened(path) as image:
        if not image.has_transparency_data:
            return white
        solid = ImageOps.exif_transpose(image).convert("RGBA").getchannel("A")
    return white & (fit_picture(solid, (1, height, width))[0] >= WHITE_FROM)


def _half(word: str, height: int, width: int) -> Tensor:
    anew = torch.zeros(height, width, dtype=torch.bool)
    down, across = {
        "left": (slice(None), slice(width // 2)),
        "right": (slice(None), slice(-(-width // 2), None)),
        "top": (slice(height // 2), slice(None)),
        "bottom": (slice(-(-height // 2), None), slice(None)),
    }.get(word, (_middle(height), _middle(width)))
    anew[down, across] = True
    return anew


def _middle(side: int) -> slice:
    """The middle half of a side."""
    return slice(side // 4, side - side // 4)
