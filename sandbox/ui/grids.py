"""Pictures in labelled rows, as a PNG.

Every pixel of a picture becomes a square of whole pixels: nothing is smoothed, and all squares are equal.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sandbox.core.files import write_atomically
from sandbox.core.theme import LIGHT, PLOT_FONT_PT, rgb

DOTS_PER_INCH = 150
TILE_PX = 78  # about the side of a picture, as drawn unless something else is said
GAP_PX, WIDE_GAP_PX = 6, 24
MARGIN_PX = 45
TITLE_AT_PX, SUBTITLE_AT_PX, HEAD_PX, HEADERS_PX = 57, 96, 135, 27


@dataclass(frozen=True)
class Row:
    """One row of the grid."""

    label: str
    """left of the pictures, to be read first"""
    note: str
    """after the label"""
    pictures: NDArray[np.uint8]
    """(pictures, channels, height, width), channels 1 or 3; some rows may have fewer than others"""
    above: Sequence[str] = ()
    """a caption over each picture; none, and the row takes no room for them"""
    below: Sequence[str] = ()
    """a caption under each picture, likewise"""


class _Tiles(NamedTuple):
    """Where the pictures lie in their common image, in pixels from its upper left corner."""

    scale: int
    lefts: list[int]
    tops: list[int]
    width: int
    height: int


def picture_grid(
    path: Path,
    rows: Sequence[Row],
    *,
    title: str,
    subtitle: str,
    columns: Sequence[str] = (),
    block: int | None = None,
    tile_px: int = TILE_PX,
) -> Path:
    """Draw ``rows`` of pictures, all of one size, to the PNG ``path``.

    Args:
        columns: A header over each column; an empty one stays blank.
        block: After so many columns there is a wider gap.
        tile_px: About the side of a picture, as drawn.

    Raises:
        OSError: ``path`` cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    tiles = _layout(rows, block, tile_px)
    left = MARGIN_PX + _label_px(rows)
    top = HEAD_PX + (HEADERS_PX if any(columns) else 0)
    across = max(left + tiles.lefts[-1] + tiles.width + MARGIN_PX, _head_px(title, subtitle))
    foot = MARGIN_PX + (HEADERS_PX if rows[-1].below else 0)
    down = top + tiles.tops[-1] + tiles.height + foot
    figure = Figure((across / DOTS_PER_INCH, down / DOTS_PER_INCH), DOTS_PER_INCH, facecolor=LIGHT.background)
    FigureCanvasAgg(figure)
    # Not an axes' image: that would be resampled.
    figure.figimage(_mosaic(rows, tiles), xo=left, yo=foot, origin="upper")

    def write(x: float, y: float, text: str, points: float, colour: str = LIGHT.quiet, **how: Any) -> None:
        # A dollar sign in a class's name is no formula.
        figure.text(x / across, 1 - y / down, text, fontsize=points, color=colour, parse_math=False, **how)

    write(MARGIN_PX, TITLE_AT_PX, title, PLOT_FONT_PT.title, LIGHT.ink, fontweight="bold")
    write(MARGIN_PX, SUBTITLE_AT_PX, subtitle, PLOT_FONT_PT.body)
    for at, header in zip(tiles.lefts, columns, strict=False):
        middle = left + at + tiles.width / 2
        write(middle, top - 12, header, PLOT_FONT_PT.small, horizontalalignment="center")
    for at, row in zip(tiles.tops, rows, strict=True):
        for across_at, caption in zip(tiles.lefts, row.above, strict=False):
            middle = left + across_at + tiles.width / 2
            write(middle, top + at - 12, caption, PLOT_FONT_PT.small, horizontalalignment="center")
        for across_at, caption in zip(tiles.lefts, row.below, strict=False):
            middle, under = left + across_at + tiles.width / 2, top + at + tiles.height + HEADERS_PX - 5
            write(middle, under, caption, PLOT_FONT_PT.small, horizontalalignment="center")
        centre = {"verticalalignment": "center_baseline"}
        y = top + at + tiles.height / 2
        write(MARGIN_PX, y, row.label, PLOT_FONT_PT.body, LIGHT.ink, fontweight="bold", **centre)
        write(left - 18, y, row.note, PLOT_FONT_PT.small, horizontalalignment="right", **centre)
    content = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # a box stands for what the font has not
        figure.savefig(content, format="png")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, content.getvalue())
    return path


def _layout(rows: Sequence[Row], block: int | None, tile_px: int) -> _Tiles:
    height, width = rows[0].pictures.shape[-2:]
    scale = max(1, round(tile_px / width))
    lefts = [0]
    for column in range(1, max(len(row.pictures) for row in rows)):
        gap = WIDE_GAP_PX if block and column % block == 0 else GAP_PX
        lefts.append(lefts[-1] + scale * width + gap)
    tops, below = [], 0
    for row in rows:
        tops.append(below + (HEADERS_PX if row.above else 0))
        below = tops[-1] + scale * height + (HEADERS_PX + WIDE_GAP_PX if row.below else GAP_PX)
    return _Tiles(scale, lefts, tops, scale * width, scale * height)


def _mosaic(rows: Sequence[Row], tiles: _Tiles) -> NDArray[np.uint8]:
    """All pictures in one: (pixels down, pixels across, 3), on the theme's background."""
    mosaic = np.empty((tiles.tops[-1] + tiles.height, tiles.lefts[-1] + tiles.width, 3), np.uint8)
    mosaic[:] = rgb(LIGHT.background)
    for top, row in zip(tiles.tops, rows, strict=True):
        for left, picture in zip(tiles.lefts, row.pictures, strict=False):
            large = picture.repeat(tiles.scale, axis=1).repeat(tiles.scale, axis=2).transpose(1, 2, 0)
            # A single channel spreads over the three colours.
            mosaic[top : top + tiles.height, left : left + tiles.width] = large
    return mosaic


def _label_px(rows: Sequence[Row]) -> int:
    """Room for the longest label and the longest note (a generous letter each), and space around them."""
    label, note = max(len(row.label) for row in rows), max(len(row.note) for row in rows)
    return 14 * label + 12 * note + 40 if label or note else 0


def _head_px(title: str, subtitle: str) -> int:
    return 2 * MARGIN_PX + max(20 * len(title), 13 * len(subtitle))
