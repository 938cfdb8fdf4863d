"""Matrices drawn as cells, at places of a page in inches from its upper left corner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sandbox.core.theme import LIGHT, PLOT_FONT_PT, rgb
from sandbox.ui.chart import COLOURS, INK, QUIET

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Numbers = NDArray[Any]
CAPTION_INCHES = 0.08
"""from cells to their caption"""


def grey(values: Numbers) -> Numbers:
    """Values (rows, columns) from 0, black, to 1, white: (rows, columns, 3)."""
    return np.repeat(values[..., None], 3, axis=2)


def signed(values: Numbers) -> Numbers:
    """Values (rows, columns): 0 is white, what is above blue, what is below orange: (rows, columns, 3)."""
    share = (np.abs(values) / max(float(np.abs(values).max()), 1e-12))[..., None]
    full = np.where(values[..., None] > 0, rgb(COLOURS[0]), rgb(COLOURS[1])) / 255
    return 1 - share * (1 - full)


def cells(
    figure: Figure, shown: Numbers, left: float, top: float, cell: float | tuple[float, float], caption: str
) -> Axes:
    """Draw cells, with a caption below them.

    Args:
        shown: (rows, columns, 3), from 0 to 1.
        left, top: where the first cell begins.
        cell: side of a cell, or its width and height.
    """
    width, height = cell if isinstance(cell, tuple) else (cell, cell)
    wide, high = width * shown.shape[1], height * shown.shape[0]
    across, down = figure.get_size_inches()
    axes = figure.add_axes((left / across, 1 - (top + high) / down, wide / across, high / down))
    axes.imshow(shown, aspect="auto", interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_color(LIGHT.edge)
    at = ((left + wide / 2) / across, 1 - (top + high + CAPTION_INCHES) / down)
    figure.text(*at, caption, color=QUIET, fontsize=PLOT_FONT_PT.small, ha="center", va="top")
    return axes


def frame(axes: Axes, column: int, row: int, columns: int = 1, rows: int = 1) -> None:
    """Draw a frame around some cells, of which the upper left one is given."""
    from matplotlib.patches import Rectangle

    box = Rectangle((column - 0.5, row - 0.5), columns, rows, fill=False, edgecolor=LIGHT.look, linewidth=2.2)
    box.set_clip_on(False)
    box.set_zorder(5)
    axes.add_patch(box)


def numbered(axes: Axes, values: Numbers) -> None:
    """Write each cell's number into it, legible on the colours of `signed`."""
    dark = np.abs(values) > 0.7 * np.abs(values).max()
    for (row, column), value in np.ndenumerate(values):
        ink = "white" if dark[row, column] else INK
        axes.text(column, row, f"{value:g}".replace("-", "−"), color=ink, ha="center", va="center")


def write(figure: Figure, left: float, top: float, text: str, *, quiet: bool = False) -> None:
    """Write a heading, or in grey what stands below one."""
    across, down = figure.get_size_inches()
    look: dict[str, Any] = {"color": QUIET} if quiet else {"color": INK, "fontweight": "bold"}
    figure.text(left / across, 1 - top / down, text, fontsize=PLOT_FONT_PT.body, va="top", **look)


def sign(figure: Figure, left: float, top: float, text: str) -> None:
    """Write a large sign such as "=" around a place."""
    across, down = figure.get_size_inches()
    look: dict[str, Any] = {"color": INK, "ha": "center", "va": "center"}
    figure.text(left / across, 1 - top / down, text, fontsize=PLOT_FONT_PT.title, **look)
