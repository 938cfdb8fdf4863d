"""Pictures of answers: the worst ones, how far their confidence holds, and those to new pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sandbox.core.theme import LIGHT, PLOT_FONT_PT
from sandbox.ui.chart import COLOURS, INK, QUIET, message, page, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Bytes = NDArray[np.uint8]

ACROSS = 8
"""pictures side by side, of the worst answers"""
_WIDTH, _HEAD, _FOOT, _CELL, _ROW = 10.0, 0.95, 0.3, 1.55, 1.3  # inches


@dataclass(frozen=True)
class Captioned:
    """A picture with what was answered to it."""

    picture: Bytes
    """(channels, height, width)"""
    text: str
    right: bool


@dataclass(frozen=True)
class Answered:
    """What is drawn of the answer to one picture."""

    name: str
    original: Bytes
    """(channels, height, width), of any size"""
    seen: Bytes
    """(channels, height, width), as the network sees it"""
    bars: Sequence[tuple[str, float]]
    """classes with their probabilities, the most likely one first"""
    unfamiliar: bool


def top_losses(path: Path, cells: Sequence[Captioned], *, title: str, subtitle: str) -> Path:
    """Draw pictures with a caption each, the first in the upper left corner, to the PNG `path`."""
    if not cells:
        return save(message(title, "There are no pictures."), path)
    rows = math.ceil(len(cells) / ACROSS)
    figure, height = _sheet(title, subtitle, rows * _CELL)
    for number, cell in enumerate(cells):
        row, column = divmod(number, ACROSS)
        side = (_WIDTH - 0.6) / ACROSS
        top = height - _HEAD - row * _CELL
        axes = _place(figure, 0.3 + column * side + 0.06, top - _CELL + 0.2, side - 0.12, _CELL - 0.4)
        _show(axes, cell.picture)
        axes.set_title(_short(cell.text, 20), fontsize=8.5, color=QUIET if cell.right else LIGHT.bad, pad=3,
                       parse_math=False)  # fmt: skip
    return save(figure, path)


def reliability(path: Path, bins: Sequence[dict[str, float]], *, title: str, subtitle: str) -> Path:
    """Draw accuracy over confidence to the PNG `path`; on the diagonal answers are as often right as sure.

    Args:
        bins: n, confidence and accuracy of those that hold answers.
    """
    figure = page(title)
    figure.text(0.03, 0.868, subtitle, fontsize=PLOT_FONT_PT.body, color=QUIET)
    axes = figure.add_axes((0.085, 0.13, 0.62, 0.66))
    axes.plot([0, 1], [0, 1], color=QUIET, linewidth=1.2, dashes=(5, 4), zorder=1)
    axes.text(0.22, 0.16, "as sure as right", color=QUIET, fontsize=PLOT_FONT_PT.small)
    most = max((row["n"] for row in bins), default=1)
    for row in bins:
        sure, right = row["confidence"], row["accuracy"]
        axes.plot([sure, sure], [sure, right], color=COLOURS[1], linewidth=1.4, zorder=2)
        size = 18 + 260 * row["n"] / most
        axes.scatter([sure], [right], s=size, color=COLOURS[0], zorder=3, clip_on=False, linewidths=0)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_xlabel("confidence of the answer", color=QUIET, fontsize=PLOT_FONT_PT.body)
    axes.set_ylabel("part that is right", color=QUIET, fontsize=PLOT_FONT_PT.body)
    axes.tick_params(length=0, colors=QUIET, labelsize=PLOT_FONT_PT.small)
    axes.grid(color=LIGHT.grid, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(LIGHT.edge)
    _list_bins(figure, bins)
    return save(figure, path)


def predictions(path: Path, answers: Sequence[Answered], *, title: str, subtitle: str) -> Path:
    """Draw each picture beside what the network sees and its answers as bars, to the PNG `path`."""
    columns = 1 if len(answers) <= 3 else 2
    rows = math.ceil(len(answers) / columns)
    figure, height = _sheet(
        title, subtitle, rows * (_ROW + 0.35), 0.55 * _WIDTH + 0.3 if columns == 1 else _WIDTH
    )
    across = figure.get_figwidth()
    wide = (across - 0.6) / columns
    for number, one in enumerate(answers):
        row, column = divmod(number, columns)
        left, bottom = 0.3 + column * wide, height - _HEAD - row * (_ROW + 0.35) - _ROW - 0.05
        _say(figure, left, bottom + _ROW - 0.02, _short(one.name, 31), INK)
        side = _ROW - 0.15
        if one.unfamiliar:
            at = left + 2 * side + 0.75
            _say(figure, at, bottom + _ROW - 0.02, "unfamiliar", LIGHT.bad, fontweight="bold")
        for place, picture in enumerate((one.original, one.seen)):
            _show(_place(figure, left + place * (side + 0.08), bottom, side - 0.05, side - 0.05), picture)
        bars = _place(figure, left + 2 * side + 0.75, bottom + 0.05, wide - 2 * side - 1.45, side - 0.15)
        _draw_bars(bars, one)
    return save(figure, path)


def _draw_bars(axes: Axes, one: Answered) -> None:
    names, parts = [_short(name, 10) for name, _ in one.bars], [part for _, part in one.bars]
    axes.barh(range(len(parts)), parts, color=LIGHT.edge if one.unfamiliar else COLOURS[0], height=0.62)
    axes.barh(range(len(parts)), [1.0] * len(parts), color=LIGHT.grid, height=0.62, zorder=0)
    axes.set_yticks(range(len(names)), names, fontsize=PLOT_FONT_PT.body, color=INK, parse_math=False)
    for place, part in enumerate(parts):
        axes.text(1.03, place, f"{part:.0%}", va="center", fontsize=8.5, color=QUIET)
    axes.set_xlim(0, 1)
    axes.set_ylim(max(len(parts), 3) - 0.5, -0.5)
    axes.tick_params(length=0, labelbottom=False)
    axes.spines[:].set_visible(False)


def _list_bins(figure: Figure, bins: Sequence[dict[str, float]]) -> None:
    """The numbers beside the diagram, the surest bin first."""
    lines = [("confidence", "right", "pictures")]
    lines += [(f"{row['confidence']:.1%}", f"{row['accuracy']:.1%}", f"{row['n']:,}") for row in bins[::-1]]
    for number, line in enumerate(lines):
        for x, cell in zip((0.815, 0.885, 0.97), line, strict=True):
            figure.text(
                x, 0.765 - 0.042 * number, cell, fontsize=8.5, ha="right", color=INK if number else QUIET
            )


def _sheet(title: str, subtitle: str, body: float, width: float = _WIDTH) -> tuple[Figure, float]:
    """A page with room for a `body` of so many inches below its title, and its height."""
    height = _HEAD + body + _FOOT
    figure = page("")
    figure.set_size_inches(width, height)
    _say(figure, 0.3, height - 0.42, title, INK, fontsize=PLOT_FONT_PT.title, fontweight="bold")
    _say(figure, 0.3, height - 0.68, subtitle, QUIET)
    return figure, height


def _say(figure: Figure, x: float, y: float, text: str, colour: str, **how: Any) -> None:
    """Write at a place in inches from the lower left corner; a dollar sign in a name is no formula."""
    across, up = figure.get_size_inches()
    how = {"fontsize": PLOT_FONT_PT.body, **how}
    figure.text(x / across, y / up, text, color=colour, parse_math=False, **how)


def _place(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """Axes at a place in inches."""
    across, up = figure.get_size_inches()
    return figure.add_axes((left / across, bottom / up, width / across, height / up))


def _show(axes: Axes, picture: Bytes) -> None:
    """A picture (channels, height, width) without axes around it."""
    pixels = picture.transpose(1, 2, 0)
    pixels = np.broadcast_to(pixels, (*pixels.shape[:2], 3)) if pixels.shape[2] == 1 else pixels[:, :, -3:]
    axes.imshow(pixels, interpolation="nearest" if max(pixels.shape) <= 64 else "antialiased")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_color(LIGHT.edge)


def _short(text: str, letters: int) -> str:
    return text if len(text) <= letters else "…" + text[1 - letters :]
