"""Learning curves of groups of runs side by side in one PNG: over steps, and over seconds of training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sandbox.core.statistics import ENOUGH_SEEDS, bootstrap_intervals, interquartile_means
from sandbox.core.theme import LIGHT, PLOT_FONT_PT
from sandbox.ui.chart import COLOURS, QUIET, page, readable, save, short_count, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH_INCHES, PANELS_INCHES, ROW_INCHES = 12.0, 3.7, 0.27
ABOVE_INCHES, BELOW_INCHES = 1.25, 0.75
WIDE_APART = 8
"""A panel whose longest group is so many times longer than its shortest one gets a logarithmic axis."""
GRID_POINTS, RESAMPLES = 200, 2000
DASHES = ("-", (0, (6, 2)), (0, (2, 1.5)))
"""Beyond the palette's colours the lines change."""


@dataclass(frozen=True)
class Curve:
    """One run's values of a metric."""

    steps: Sequence[float]
    seconds: Sequence[float]
    """of training, as many as steps; NaN where none were logged"""
    values: Sequence[float]
    seed: int = 0
    """runs of a group that have the same one count once"""
    ended: bool = True
    """whether the run got to its own end, so that what it had then is what it came to"""


Line = tuple[np.ndarray, np.ndarray, bool]
"""x (points,) ascending, y (points,), and whether the run ended."""


def learning_curves(
    path: Path,
    groups: Mapping[str, Sequence[Curve]],
    *,
    title: str,
    measure: str = "episode return",
    steps: str = "environment steps",
    threshold: float | None = None,
) -> Path:
    """Draw groups of runs (a label -> a curve for each seed) to the PNG ``path``, 1800 pixels wide.

    A thin line is a run. The thick one is the interquartile mean of the group's runs with its 95 % bootstrap
    interval; where a group of several runs has fewer than five seeds, in all groups the mean, from the lowest
    to the highest run. It begins where all of them have begun; a run that has ended keeps its last value, and
    with one that was stopped the thick line ends. Raises OSError when ``path`` cannot be written.

    Args:
        measure: what the values are, in words.
        steps: what steps count.
        threshold: drawn as a dashed line.
    """
    enough = all(_seeds(curves) >= ENOUGH_SEEDS for curves in groups.values() if len(curves) > 1)
    rows, columns = _legend_shape(groups)
    height = ABOVE_INCHES + PANELS_INCHES + BELOW_INCHES + ROW_INCHES * rows
    figure = page(title)
    figure.set_size_inches(WIDTH_INCHES, height)
    figure.texts[0].set_position((0.02, 1 - 0.42 / height))
    for inches, text in ((0.72, measure), (0.99, explain(list(groups.values()), enough))):
        figure.text(0.02, 1 - inches / height, text, fontsize=PLOT_FONT_PT.body, color=QUIET)
    bottom, tall = (BELOW_INCHES + ROW_INCHES * rows) / height, PANELS_INCHES / height
    wide = 0.4 if threshold is not None else 0.445  # room for its label
    left = figure.add_axes((0.055, bottom, wide, tall))
    right = figure.add_axes((0.095 + wide, bottom, wide, tall), sharey=left)
    for axes, over, horizontal in ((left, "steps", steps), (right, "seconds", "seconds of training")):
        style(axes, horizontal)
        draw_panel(axes, [[line_of(one, over) for one in curves] for curves in groups.values()], enough)
    right.tick_params(labelleft=False)
    left.margins(y=0.07)
    _draw_threshold(left, right, threshold)
    _draw_legend(figure, groups, columns, height)
    return save(figure, path)


def _seeds(curves: Sequence[Curve]) -> int:
    return len({curve.seed for curve in curves})


def explain(groups: Sequence[Sequence[Curve]], enough: bool) -> str:
    """What the lines and bands are, in a line; nothing where every group is one run."""
    if all(len(curves) < 2 for curves in groups):
        return ""
    line = "interquartile mean of the runs" if enough else "mean of the runs"
    band = "95 % bootstrap interval of it" if enough else "from the lowest run to the highest"
    return f"thick: {line}  ·  band: {band}  ·  thin: single runs; one that has ended keeps its last value"


def line_of(curve: Curve, over: str) -> Line:
    """The curve's points that have a place on this axis, in ascending order."""
    x = np.asarray(getattr(curve, over), np.float64)
    y = np.asarray(curve.values, np.float64)
    order = np.argsort(x, kind="stable")  # NaN last
    order = order[np.isfinite(x[order]) & np.isfinite(y[order])]
    return x[order], y[order], curve.ended


def draw_panel(axes: Axes, groups: Sequence[Sequence[Line]], enough: bool) -> None:
    """Groups of lines, each in its colour, on an axis that suits them; ``enough`` seeds for intervals."""
    lines = [[line for line in group if line[0].size] for group in groups]
    ends = [max(x[-1] for x, _, _ in group) for group in lines if group]
    if not ends:
        axes.text(0.5, 0.5, "nothing was logged", transform=axes.transAxes, color=QUIET, ha="center")
        return
    first = min((float(x[x > 0][0]) for group in lines for x, _, _ in group if (x > 0).any()), default=0.0)
    logarithmic = min(ends) > 0 and max(ends) > WIDE_APART * min(ends)
    if logarithmic:
        _scale_logarithmically(axes, first * 0.9, max(ends) * 1.1)
    else:
        axes.set_xlim(0, max([*ends, 1e-3]) * 1.02)
    for index, group in enumerate(lines):
        if group:
            colour, dash = look_of(index)
            _draw_group(axes, group, colour, dash, enough, logarithmic)


def look_of(index: int) -> tuple[str, Any]:
    """Colour and dashes of a group."""
    return COLOURS[index % len(COLOURS)], DASHES[index // len(COLOURS) % len(DASHES)]


def _scale_logarithmically(axes: Axes, first: float, last: float) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_xscale("log")
    axes.set_xlim(first, last)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if last < 200 * first else (1,)))
    axes.xaxis.set_major_formatter(FuncFormatter(short_count))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(which="both", length=0)
    axes.set_xlabel(f"{axes.get_xlabel()} (logarithmic)")


def _draw_group(
    axes: Axes, group: Sequence[Line], colour: str, dash: Any, enough: bool, logarithmic: bool
) -> None:
    """Draw the runs, and over several of them what they have in common and how far they spread."""
    if len(group) == 1:
        x, y, _ = group[0]
        dots = {"marker": "o", "markersize": 4} if x.size <= 40 else {}
        axes.plot(x, y, color=colour, linestyle=dash, linewidth=2, zorder=4, clip_on=x.size > 1, **dots)
        return
    for x, y, _ in group:
        axes.plot(x, y, color=colour, linestyle=dash, linewidth=0.8, alpha=0.4, zorder=3)
        axes.plot(x[-1:], y[-1:], "o", color=colour, markersize=3, alpha=0.6, zorder=3)
    grid, table = on_one_grid(group, logarithmic)
    if not grid.size:
        return
    middle, lower, upper = middle_and_band(table, enough)
    axes.fill_between(grid, lower, upper, color=colour, alpha=0.15, linewidth=0, zorder=2)
    axes.plot(grid, middle, color=colour, linestyle=dash, linewidth=2.2, zorder=4)


def on_one_grid(group: Sequence[Line], logarithmic: bool) -> tuple[np.ndarray, np.ndarray]:
    """All runs at the same places: (points,) and (runs, points); no points where they never overlap."""
    first = max(x[0] for x, _, _ in group)
    stopped = [x[-1] for x, _, ended in group if not ended]
    last = min(stopped) if stopped else max(x[-1] for x, _, _ in group)
    if last < first:
        return np.empty(0), np.empty((len(group), 0))
    space = np.geomspace if logarithmic and first > 0 else np.linspace
    grid = space(first, last, GRID_POINTS)
    return grid, np.stack([np.interp(grid, x, y) for x, y, _ in group])


def middle_and_band(table: np.ndarray, enough: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(runs, points) -> what the thick line and its band show: three of (points,)."""
    if enough:
        return interquartile_means(table), *bootstrap_intervals(table, resamples=RESAMPLES)
    return table.mean(0), table.min(0), table.max(0)


def _draw_threshold(left: Axes, right: Axes, threshold: float | None) -> None:
    if threshold is None:
        return
    for axes in (left, right):
        axes.axhline(threshold, color=QUIET, linewidth=1.2, dashes=(5, 4), zorder=1)
    where = right.get_yaxis_transform()
    right.text(1.015, threshold, f"threshold {readable(threshold)}", transform=where, color=QUIET,
               fontsize=PLOT_FONT_PT.body, verticalalignment="center")  # fmt: skip


def count_of_seeds(seeds: int) -> str:
    """``5 seeds``, or ``3 seeds, indicative`` where they are too few to trust."""
    text = f"{seeds} seed{'s' * (seeds != 1)}"
    return text if seeds >= ENOUGH_SEEDS else f"{text}, indicative"


def _legend_shape(groups: Mapping[str, Sequence[Curve]]) -> tuple[int, int]:
    """Rows and columns: as many columns as the longest entry leaves room for."""
    entries = [label + count_of_seeds(_seeds(curves)) for label, curves in groups.items()]
    longest = max(map(len, entries), default=0) + 8  # and the line and the gaps around it
    columns = max(1, min(3, len(groups), 150 // longest))
    return -(-len(groups) // columns), columns


def _draw_legend(figure: Figure, groups: Mapping[str, Sequence[Curve]], columns: int, height: float) -> None:
    from matplotlib.lines import Line2D

    for index, (label, curves) in enumerate(groups.items()):
        colour, dash = look_of(index)
        row, column = divmod(index, columns)
        x = 0.055 + column * 0.9 / columns
        y = (BELOW_INCHES - 0.62 + ROW_INCHES * (-(-len(groups) // columns) - row - 0.5)) / height
        figure.add_artist(Line2D([x, x + 0.022], [y, y], color=colour, linestyle=dash, linewidth=2.4))
        text = label if len(label) <= 120 else label[:119] + "…"
        name = figure.text(x + 0.028, y, text, color=LIGHT.ink, fontsize=PLOT_FONT_PT.body,
                           verticalalignment="center")  # fmt: skip
        end = name.get_window_extent().x1 / (figure.dpi * WIDTH_INCHES)
        figure.text(end + 0.008, y, count_of_seeds(_seeds(curves)), color=QUIET,
                    fontsize=PLOT_FONT_PT.small, verticalalignment="center")  # fmt: skip
