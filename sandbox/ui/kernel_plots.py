"""What kernels make of a picture, side by side in a PNG, each with its numbers beside it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from sandbox.core.theme import LIGHT, PLOT_FONT_PT
from sandbox.ui.chart import COLOURS, DOTS_PER_INCH, QUIET, page, save

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 4
MARGIN_PX, HEAD_PX, NAME_PX, GAP_PX = 45, 135, 34, 30
MATRIX_PX, BESIDE_PX = 108, 16
"""the side of the square of numbers, and its distance from the picture"""
SMALLEST_PX = 150
"""what small pictures are enlarged to, in whole pixels"""


@dataclass(frozen=True)
class Tile:
    """One kernel and its result."""

    name: str
    picture: NDArray[np.uint8]
    """(1 or 3, height, width)"""
    texts: Sequence[str]
    """the kernel's numbers, row by row"""
    signs: Sequence[float]
    """the numbers themselves, for their colours"""
    divisor: str
    """what all are divided by, in words"""
    note: str
    """how the result is shown, in words"""


def draw_kernels(path: Path, tiles: Sequence[Tile], *, title: str, subtitle: str) -> Path:
    """Draw `tiles`, whose pictures have one size, to the PNG `path`; raises OSError where it cannot."""
    height, width = tiles[0].picture.shape[1:]
    scale = max(1, -(-SMALLEST_PX // max(height, width)))
    columns, rows = min(COLUMNS, len(tiles)), -(-len(tiles) // COLUMNS)
    across = scale * width + BESIDE_PX + MATRIX_PX + GAP_PX
    down = NAME_PX + max(scale * height, MATRIX_PX + 44) + GAP_PX
    room = 2 * MARGIN_PX + max(13 * len(subtitle), 20 * len(title))
    size = max(2 * MARGIN_PX + columns * across - GAP_PX, room), HEAD_PX + rows * down + MARGIN_PX - GAP_PX
    figure = page(title)
    figure.set_size_inches(size[0] / DOTS_PER_INCH, size[1] / DOTS_PER_INCH)
    figure.texts[0].set_position((MARGIN_PX / size[0], 1 - 57 / size[1]))
    _text(figure, size, MARGIN_PX, 96, subtitle, color=QUIET)
    for index, tile in enumerate(tiles):
        row, column = divmod(index, COLUMNS)
        left, top = MARGIN_PX + column * across, HEAD_PX + row * down
        _text(figure, size, left, top + NAME_PX - 12, tile.name, color=LIGHT.ink, fontweight="bold")
        _picture(figure, size, left, top + NAME_PX, tile, scale)
        _numbers(figure, size, left + scale * width + BESIDE_PX, top + NAME_PX, tile)
    return save(figure, path)


def _text(figure: Figure, size: tuple[int, int], x: float, y: float, text: str, **how: Any) -> None:
    """Write at pixels from the upper left corner."""
    look = {"fontsize": PLOT_FONT_PT.body, "parse_math": False, **how}
    figure.text(x / size[0], 1 - y / size[1], text, **look)


def _picture(figure: Figure, size: tuple[int, int], left: int, top: int, tile: Tile, scale: int) -> None:
    large = tile.picture.repeat(scale, axis=1).repeat(scale, axis=2).transpose(1, 2, 0)
    large = large.repeat(3 // large.shape[2], axis=2)
    # Not an axes' image: that would be resampled.
    figure.figimage(large, xo=left, yo=size[1] - top - large.shape[0], origin="upper")
    height, width = large.shape[:2]
    box = (left / size[0], 1 - (top + height) / size[1]), width / size[0], height / size[1]
    figure.add_artist(Rectangle(*box, fill=False, edgecolor=LIGHT.edge, linewidth=0.5))


def _shortened(text: str) -> str:
    """The text with every number that is long as 1.2e8."""

    def short(number: re.Match[str]) -> str:
        mantissa, power = f"{float(number[0].replace(',', '')):.1e}".split("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(power)}"

    return re.sub(r"\d[\d,.]{6,}(e[+-]?\d+)?|\d[\d.]*e[+-]?\d+", short, text)


def _numbers(figure: Figure, size: tuple[int, int], left: int, top: int, tile: Tile) -> None:
    """The square of numbers: what adds is blue, what takes away orange; below it the notes."""
    side = round(len(tile.texts) ** 0.5)
    cell, strongest = MATRIX_PX / side, max(map(abs, tile.signs)) or 1.0
    texts = [_shortened(text) for text in tile.texts]
    longest = max(map(len, texts))
    points = min(PLOT_FONT_PT.body, 0.75 * cell / max(longest, 2) * 72 / DOTS_PER_INCH * 1.7)
    for index, (text, value) in enumerate(zip(texts, tile.signs, strict=True)):
        row, column = divmod(index, side)
        x, y = left + column * cell, top + row * cell
        colour = COLOURS[0] if value > 0 else COLOURS[1]
        place = (x / size[0], 1 - (y + cell) / size[1]), cell / size[0], cell / size[1]
        strength = 0.08 + 0.3 * abs(value) / strongest if value else 0.0
        figure.add_artist(Rectangle(*place, facecolor=colour, alpha=strength, linewidth=0))
        figure.add_artist(Rectangle(*place, fill=False, edgecolor=LIGHT.edge, linewidth=0.6))
        _text(figure, size, x + cell / 2, y + cell / 2, text, color=LIGHT.ink if value else QUIET,
              fontsize=points, ha="center", va="center_baseline")  # fmt: skip
    if tile.divisor:
        _text(figure, size, left, top + MATRIX_PX + 24, tile.divisor, color=LIGHT.ink)
    y = top + MATRIX_PX + (44 if tile.divisor else 20)
    _text(figure, size, left, y, _shortened(tile.note), color=QUIET, fontsize=7.5)
