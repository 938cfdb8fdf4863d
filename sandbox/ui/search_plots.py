"""The picture of a search: how good each trial was, over each setting, and which settings mattered."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sandbox.core.theme import LIGHT, PLOT_FONT_PT
from sandbox.ui.chart import COLOURS, QUIET, message, page, save, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Kind = Literal["best", "start", "complete", "pruned", "diverged", "failed"]
COLUMNS, PANEL_INCHES, GAP_INCHES = 3, (2.5, 2.1), (0.32, 0.75)
LEFT_INCHES, BARS_INCHES, HEAD_INCHES = 0.75, 2.6, 1.55
TICKS = (50, 80, 90, 95, 98, 99, 99.5, 99.8, 99.9, 99.95, 99.99)
"""accuracies in percent that may be written beside the panels"""
LOOKS: dict[str, dict[str, Any]] = {
    "complete": {"marker": "o", "color": COLOURS[0], "alpha": 0.75, "markersize": 5.5, "zorder": 3},
    "pruned": {"marker": "o", "color": "white", "markeredgecolor": COLOURS[4], "markersize": 5, "zorder": 2},
    "diverged": {"marker": "x", "color": LIGHT.bad, "markersize": 6, "zorder": 2},
    "failed": {"marker": "x", "color": QUIET, "markersize": 6, "zorder": 2},
    "start": {"marker": "D", "color": LIGHT.ink, "markersize": 6.5, "zorder": 4},
    "best": {"marker": "*", "color": COLOURS[1], "markersize": 15, "zorder": 5},
}
WORDS = {
    "best": "best",
    "start": "start (trial 0)",
    "complete": "complete",
    "pruned": "pruned: its best look",
}
WORDS |= {"diverged": "diverged", "failed": "failed"}


@dataclass(frozen=True)
class Axis:
    """A setting that was searched."""

    name: str
    options: Sequence[str] | None
    """how a few values are written; None for a range"""
    values: Sequence[Any] | None
    """those values"""
    logarithmic: bool


@dataclass(frozen=True)
class Dot:
    """A trial."""

    values: Mapping[str, Any]
    goodness: float | None
    """-log10 of the part of mistakes; None where nothing was measured"""
    kind: Kind


def draw_search(
    path: Path,
    dots: Sequence[Dot],
    axes: Sequence[Axis],
    importance: Mapping[str, float],
    *,
    title: str,
    subtitle: str,
) -> Path:
    """Draw a panel of each setting to the PNG `path`, and bars of their importance where it is known.

    Raises:
        OSError: `path` cannot be written.
    """
    heights = [dot.goodness for dot in dots if dot.goodness is not None]
    if not heights:
        return save(message(title, "No trial was measured: there is nothing to draw."), path)
    columns = 2 if len(axes) == 4 else min(COLUMNS, len(axes))
    rows = -(-len(axes) // columns)
    left = LEFT_INCHES + BARS_INCHES + 0.55 if importance else LEFT_INCHES
    wide = max(7.4, left + columns * (PANEL_INCHES[0] + GAP_INCHES[0]) + 0.1)
    high = HEAD_INCHES + rows * sum((PANEL_INCHES[1], GAP_INCHES[1])) + 0.1
    figure = page(title)
    figure.set_size_inches(wide, high)
    figure.texts[0].set_position((0.3 / wide, 1 - 0.42 / high))
    figure.text(0.3 / wide, 1 - 0.72 / high, subtitle, fontsize=PLOT_FONT_PT.body, color=QUIET)
    _legend(figure, {dot.kind for dot in dots}, wide, high)
    if importance:
        _bars(figure, importance, wide, high)
    for index, axis in enumerate(axes):
        row, column = divmod(index, columns)
        x = left + column * (PANEL_INCHES[0] + GAP_INCHES[0])
        y = high - HEAD_INCHES - PANEL_INCHES[1] - row * sum((PANEL_INCHES[1], GAP_INCHES[1]))
        panel = figure.add_axes((x / wide, y / high, PANEL_INCHES[0] / wide, PANEL_INCHES[1] / high))
        _panel(panel, dots, axis, min(heights), max(heights), labelled=column == 0)
    return save(figure, path)


def _legend(figure: Figure, kinds: set[Kind], wide: float, high: float) -> None:
    from matplotlib.lines import Line2D

    x, y = 0.38, 1 - 1.05 / high
    for kind in (kind for kind in WORDS if kind in kinds):
        look = {**LOOKS[kind], "markersize": min(LOOKS[kind]["markersize"], 11)}
        figure.add_artist(Line2D([x / wide], [y], linestyle="", **look))
        text = figure.text((x + 0.13) / wide, y, WORDS[kind], fontsize=PLOT_FONT_PT.small, color=QUIET,
                           verticalalignment="center_baseline")  # fmt: skip
        x = text.get_window_extent().x1 / figure.dpi + 0.3


def _bars(figure: Figure, importance: Mapping[str, float], wide: float, high: float) -> None:
    """A bar for each setting, the most important on top."""
    ranked = sorted(importance.items(), key=lambda item: item[1])
    tall = min(PANEL_INCHES[1], 0.42 * len(ranked) + 0.1)
    bottom = high - HEAD_INCHES - tall
    axes = figure.add_axes(
        ((LEFT_INCHES + 0.55) / wide, bottom / high, (BARS_INCHES - 0.95) / wide, tall / high)
    )
    axes.barh([name for name, _ in ranked], [part for _, part in ranked], 0.6, color=COLOURS[2])
    for index, (_, part) in enumerate(ranked):
        axes.text(
            part + 0.02, index, f"{part:.0%}", va="center", fontsize=PLOT_FONT_PT.small, color=LIGHT.ink
        )
    axes.set_xlim(0, max(part for _, part in ranked) * 1.25 or 1)
    axes.set_ylim(-0.6, len(ranked) - 0.4)
    axes.tick_params(length=0, colors=LIGHT.ink, labelsize=PLOT_FONT_PT.small, labelbottom=False)
    axes.spines[:].set_visible(False)
    figure.text(0.3 / wide, 1 - (HEAD_INCHES - 0.085) / high, "what mattered (fANOVA)", color=LIGHT.ink,
                fontsize=PLOT_FONT_PT.body, fontweight="bold")  # fmt: skip


def _panel(
    axes: Axes, dots: Sequence[Dot], axis: Axis, lowest: float, highest: float, *, labelled: bool
) -> None:
    style(axes, "")
    room = max(highest - lowest, 0.05)
    unmeasured = any(dot.goodness is None for dot in dots)
    floor = lowest - (0.16 if unmeasured else 0.06) * room
    zero = _zero(axis, dots)
    for dot in dots:
        place = _place(axis, dot.values[axis.name]) or zero
        # What was never measured lies on the floor.
        axes.plot(place, floor if dot.goodness is None else dot.goodness, linestyle="", clip_on=False,
                  **LOOKS[dot.kind])  # fmt: skip
    axes.set_ylim(floor - 0.04 * room, highest + 0.12 * room)
    ticks = [(-math.log10(1 - percent / 100), percent) for percent in TICKS]
    shown = _thinned(
        [tick for tick in ticks if lowest - 0.02 * room <= tick[0] <= highest + 0.1 * room], room
    )
    axes.set_yticks([at for at, _ in shown], [f"{percent:g} %" for _, percent in shown])
    axes.tick_params(labelleft=labelled)
    _scale(axes, axis)
    if zero:
        _mark_zero(axes, zero)
    axes.set_title(axis.name, fontsize=PLOT_FONT_PT.body, fontweight="bold", color=LIGHT.ink, loc="left")


def _place(axis: Axis, value: Any) -> float:
    """Where a value stands; of a list, the how manieth it is."""
    return float(value) if axis.values is None else float(list(axis.values).index(value))


def _zero(axis: Axis, dots: Sequence[Dot]) -> float:
    """Where 0 stands on a logarithmic axis: left of all else; 0 itself where nothing has to be moved."""
    numbers = [_place(axis, dot.values[axis.name]) for dot in dots] if axis.logarithmic else []
    above = [number for number in numbers if number > 0]
    if len(above) == len(numbers):
        return 0.0
    return min(above) * (min(above) / max(above)) ** 0.2 / 2 if above else 1.0


def _mark_zero(axes: Axes, zero: float) -> None:
    """Write 0 below what stands for it, and powers of ten only where they are to its right."""
    low, high = axes.get_xlim()
    powers = [tick for tick in axes.get_xticks() if 2 * zero < tick <= high]
    powers = powers[:: -(-len(powers) // 3) or 1]  # more would touch
    axes.set_xticks([zero, *powers], ["0", *(f"{tick:g}" for tick in powers)])
    axes.set_xlim(low, high)


def _scale(axes: Axes, axis: Axis) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    if axis.options is not None:
        longest = max(map(len, axis.options))
        points = min(PLOT_FONT_PT.small, 1.5 * PANEL_INCHES[0] * 72 / (len(axis.options) * (longest + 1)))
        axes.set_xticks(range(len(axis.options)), list(axis.options), fontsize=points)
        axes.set_xlim(-0.6, len(axis.options) - 0.4)
        return
    if axis.logarithmic:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(numticks=6))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.tick_params(which="both", length=0)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _thinned(ticks: list[tuple[float, float]], room: float) -> list[tuple[float, float]]:
    """As many of the ticks as do not touch, from below."""
    kept: list[tuple[float, float]] = []
    for tick in ticks:
        if not kept or tick[0] - kept[-1][0] > 0.11 * room:
            kept.append(tick)
    return kept
