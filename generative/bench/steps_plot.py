"""Quality against steps as a picture: a curve for each sampler, of the mean over the seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from generative.bench.tasks import STEPS_TABLE
from sandbox.core.theme import LIGHT, PLOT_FONT_PT
from sandbox.ui.chart import QUIET, page, save, style
from sandbox.ui.comparison import look_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Run = Mapping[str, Any]
WIDTH_INCHES, HEIGHT_INCHES = 12.0, 5.2


def draw_curves(path: Path, runs: Sequence[Run]) -> Path:
    """Draw Fréchet distances and digits judged right against steps to the PNG ``path``.

    Args:
        path: its folder is made.
        runs: rows of all seeds, of which those of this table are drawn.

    Raises:
        OSError: it cannot be written.
    """
    rows = [run for run in runs if run["part"] == STEPS_TABLE]
    seeds = len({row["seed"] for row in rows})
    figure = page("Quality against steps")
    figure.set_size_inches(WIDTH_INCHES, HEIGHT_INCHES)
    figure.texts[0].set_position((0.02, 1 - 0.42 / HEIGHT_INCHES))
    told = f"{rows[0]['pictures']} digits a point, without guidance, out of the same noise; "
    told += "one seed" if seeds == 1 else f"mean of {seeds} seeds, and each of them (thin)"
    figure.text(0.02, 1 - 0.72 / HEIGHT_INCHES, told, fontsize=PLOT_FONT_PT.body, color=QUIET)
    left, right = (figure.add_axes((x, 0.2, 0.4, 0.56)) for x in (0.06, 0.56))
    _panel(left, rows, "frechet", "Fréchet distance")
    left.set_ylim(bottom=0)
    floor = float(np.mean([row["floor"] for row in rows]))
    left.axhline(floor, color=QUIET, linewidth=1.2, dashes=(5, 4), zorder=1)
    _panel(right, rows, "judged_right_percent", "judged right, percent")
    _legend(
        figure, [*dict.fromkeys(row["sampler"] for row in rows)], "dashed: the floor, as many real digits"
    )
    return save(figure, path)


def _panel(axes: Axes, rows: Sequence[Run], key: str, title: str) -> None:
    style(axes, "steps (logarithmic)")
    axes.set_title(title, loc="left", fontsize=PLOT_FONT_PT.body, color=LIGHT.ink)
    for index, sampler in enumerate(dict.fromkeys(row["sampler"] for row in rows)):
        colour, dash = look_of(index)
        own = [row for row in rows if row["sampler"] == sampler]
        seeds = sorted({row["seed"] for row in own})
        for seed in seeds if len(seeds) > 1 else ():
            axes.plot(*_curve(own, key, [seed]), color=colour, linestyle=dash, linewidth=0.8, alpha=0.4)
        axes.plot(
            *_curve(own, key, seeds), color=colour, linestyle=dash, linewidth=2, marker="o", markersize=5
        )
    _steps_axis(axes, sorted({int(row["in_steps"]) for row in rows}))


def _curve(rows: Sequence[Run], key: str, seeds: Sequence[int]) -> tuple[list[int], list[float]]:
    """Steps in ascending order, and at each the mean over the seeds."""
    steps = sorted({int(row["in_steps"]) for row in rows})
    some = [row for row in rows if row["seed"] in seeds]
    return steps, [float(np.mean([row[key] for row in some if int(row["in_steps"]) == at])) for at in steps]


def _steps_axis(axes: Axes, steps: Sequence[int]) -> None:
    from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(list(steps)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(lambda step, _: f"{step:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())


def _legend(figure: Figure, samplers: Sequence[str], note: str) -> None:
    from matplotlib.lines import Line2D

    for index, sampler in enumerate(samplers):
        colour, dash = look_of(index)
        x = 0.06 + 0.12 * index
        figure.add_artist(Line2D([x, x + 0.022], [0.05, 0.05], color=colour, linestyle=dash, linewidth=2.4))
        figure.text(x + 0.028, 0.05, sampler, color=LIGHT.ink, fontsize=PLOT_FONT_PT.body, va="center")
    figure.text(0.56, 0.05, note, color=QUIET, fontsize=PLOT_FONT_PT.body, va="center")
