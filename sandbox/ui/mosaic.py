"""Pictures side by side in one, with nothing around them: what a model makes, and how that changes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from sandbox.core.files import write_atomically
from sandbox.core.theme import LIGHT, rgb

TILE_PX = 84
"""side of a picture in a mosaic, about: small ones are enlarged by whole pixels"""
GAP_PX = 2
HEAD_PX, LETTER_PX = 20, 13
"""room over columns that have names, and how large these are written"""

Picture = NDArray[np.uint8]


def mosaic(
    pictures: Picture, columns: int | None = None, *, scale: int | None = None, gap: int = GAP_PX
) -> Picture:
    """All pictures in one, row by row.

    Args:
        pictures: (n, channels, height, width), channels 1 or 3, at least one of them.
        columns: pictures in a row; as many as make the whole about square, unless given.
        scale: side of the square that a pixel becomes; so that a picture is easily seen, unless given.
        gap: pixels between pictures, and around them all.

    Returns:
        (height, width, 3), on the theme's background.
    """
    count, _, height, width = pictures.shape
    columns = columns or math.ceil(math.sqrt(count * height / width))
    scale = scale or max(1, round(TILE_PX / max(height, width)))
    rows = -(-count // columns)
    down, across = scale * height + gap, scale * width + gap
    whole = np.empty((rows * down + gap, columns * across + gap, 3), np.uint8)
    whole[:] = rgb(LIGHT.background)
    for number, picture in enumerate(pictures):
        row, column = divmod(number, columns)
        top, left = gap + row * down, gap + column * across
        large = picture.repeat(scale, axis=1).repeat(scale, axis=2).transpose(1, 2, 0)
        whole[top : top + scale * height, left : left + scale * width] = (
            large  # grey spreads over the colours
        )
    return whole


def headed(grid: Picture, names: Sequence[str]) -> Picture:
    """A mosaic with a name over each column; as it is where one of them would not have room.

    Args:
        grid: (height, width, 3), with the usual gaps.
        names: one for each of its columns.
    """
    from matplotlib import get_data_path

    font = ImageFont.truetype(str(Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"), LETTER_PX)
    across = (grid.shape[1] - GAP_PX) / len(names)
    if max(map(font.getlength, names)) > across - GAP_PX:
        return grid
    band = np.full((HEAD_PX, *grid.shape[1:]), rgb(LIGHT.background), np.uint8)
    image = Image.fromarray(np.concatenate([band, grid]))
    pen = ImageDraw.Draw(image)
    for column, name in enumerate(names):
        middle = GAP_PX / 2 + (column + 0.5) * across
        pen.text((middle, HEAD_PX - 5), name, rgb(LIGHT.ink), font, anchor="ms")
    return np.asarray(image)


def save_png(path: Path, picture: Picture) -> Path:
    """Write a picture (height, width, 3) to the PNG ``path`` in one step; its folder is made.

    Raises:
        OSError: it cannot be written.
    """
    return _save(path, [Image.fromarray(picture)], "PNG")


def save_gif(path: Path, frames: Sequence[Picture], seconds: float, *, last_seconds: float = 0.0) -> Path:
    """Write pictures (height, width, 3), all of one size, to the GIF ``path``, which plays for ever.

    Args:
        path: its folder is made.
        frames: at least one.
        seconds: that each of them is seen.
        last_seconds: that the last one is seen, where that is longer.

    Raises:
        OSError: it cannot be written.
    """
    durations = [round(1000 * seconds)] * (len(frames) - 1) + [round(1000 * max(seconds, last_seconds))]
    colours = _palette(frames)
    images = [Image.fromarray(frame).quantize(palette=colours, dither=Image.Dither.NONE) for frame in frames]
    return _save(path, images, "GIF", save_all=True, append_images=images[1:], duration=durations, loop=0)


def _palette(frames: Sequence[Picture]) -> Image.Image:
    """256 colours for all frames: with some for each of its own, still parts of a picture would flicker."""
    shown = np.concatenate([frame[::2, ::2] for frame in frames[:: max(1, len(frames) // 8)]])
    return Image.fromarray(shown).quantize(256)


def _save(path: Path, images: Sequence[Image.Image], form: str, **how: object) -> Path:
    content = BytesIO()
    images[0].save(content, form, **how)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, content.getvalue())
    return path
