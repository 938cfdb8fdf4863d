"""Learning curves as PNG pictures, drawn from the lines of ``metrics.jsonl``.

Lines are sparse: each series takes the lines that hold its key, and leaves out what is no finite number.
matplotlib is imported when something is drawn, without pyplot: no global figures, no display, no settings.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sandbox.core.theme import LIGHT, PLOT_FONT_PT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Metrics = Sequence[Mapping[str, Any]]
TRAINING, EVALUATION, SPREAD = "rollout/ep_rew_mean", "eval/mean_reward", "eval/std_reward"

COLOURS, INK, QUIET, GRID = LIGHT.series, LIGHT.ink, LIGHT.quiet, LIGHT.grid  # a single run's: the first two
SIZE_INCHES, DOTS_PER_INCH = (8.0, 4.5), 150
_SINGLE_CAPTION = "episode return  (training: mean of recent episodes, evaluation: mean ± standard deviation)"
_NOTHING_YET = "No episode has ended yet: there is nothing to draw."


class Series(NamedTuple):
    """Values of one metric over the steps at which it was written."""

    steps: np.ndarray  # (lines,) float64
    values: np.ndarray  # (lines,) float64


class _Label(NamedTuple):
    height: float  # where the curve ends, in data units
    text: str
    colour: str


def series(metrics: Metrics, key: str) -> Series:
    """The finite values of ``key`` in ``metrics``, in their order."""
    found = [(line["step"], line[key]) for line in metrics if _is_number(line.get(key))]
    table = np.array(found, dtype=np.float64).reshape(-1, 2)
    return Series(table[:, 0], table[:, 1])


def learning_curve(
    path: Path, metrics: Metrics, *, title: str, subtitle: str | None = None, threshold: float | None = None
) -> Path:
    """Draw one run to the PNG ``path`` (1200 by 675 pixels): returns in training and in evaluations.

    Evaluations are points with a bar (many of them: a band) of one standard deviation on either side;
    ``threshold`` is a dashed line. Without a ``subtitle``, one is made from the metrics. Metrics without any
    value give a picture that says so, so that a run which ends early ends well. Raises OSError when ``path``
    cannot be written.
    """
    training, evaluation = series(metrics, TRAINING), series(metrics, EVALUATION)
    if not training.steps.size and not evaluation.steps.size:
        return _save(_message(title, _NOTHING_YET), path)
    subtitle = _summary(metrics, evaluation) if subtitle is None else subtitle
    figure, axes = _canvas(title, subtitle, _SINGLE_CAPTION)
    labels = []
    if training.steps.size:
        dot = "o" if training.steps.size == 1 else ""
        axes.plot(*training, color=COLOURS[0], linewidth=2.2, marker=dot, clip_on=False, zorder=3)
        labels.append(_Label(training.values[-1], "training", COLOURS[0]))
    if evaluation.steps.size:
        _draw_evaluations(axes, metrics, evaluation)
        labels.append(_Label(evaluation.values[-1], "greedy evaluation", COLOURS[1]))
    _finish(axes, labels, threshold)
    return _save(figure, path)


def learning_curves(
    path: Path,
    runs: Mapping[str, Sequence[Metrics]],
    *,
    title: str,
    threshold: float | None = None,
    metric: str = TRAINING,
) -> Path:
    """Compare groups of runs (a label -> the metrics of each of its seeds) in the PNG ``path``.

    A thin line is a run; the thick one is the mean of the group's runs, its band goes from the lowest to the
    highest. Both end where the first of these runs ends: beyond, they would speak of the slower ones only.
    """
    groups = {label: [series(one, metric) for one in group] for label, group in runs.items()}
    groups = {label: [one for one in group if one.steps.size] for label, group in groups.items()}
    groups = {label: group for label, group in groups.items() if group}
    if not groups:
        return _save(_message(title, _NOTHING_YET), path)
    seeds = max(map(len, groups.values()))
    figure, axes = _canvas(title, f"mean of {seeds} seeds, band from lowest to highest" if seeds > 1 else "")
    labels = []
    for index, (label, group) in enumerate(groups.items()):
        colour = COLOURS[index % len(COLOURS)]
        labels.append(_Label(_draw_group(axes, group, colour), label, colour))
    _finish(axes, labels, threshold)
    return _save(figure, path)


def short_count(count: float, _position: object = None) -> str:
    """A number of steps as people write it: ``0``, ``500``, ``20k``, ``1.5M``."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(count) >= size:
            return f"{count / size:.4g}{letter}"
    return f"{count:.4g}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _summary(metrics: Metrics, evaluation: Series) -> str:
    parts = [f"{max(line['step'] for line in metrics):,} environment steps"]
    seconds = series(metrics, "time/seconds").values
    if seconds.size:
        parts.append(f"{_duration(seconds[-1])} of training")
    if evaluation.values.size:
        parts.append(f"best evaluation {_readable(evaluation.values.max())}")
    return "  ·  ".join(parts)


def _readable(value: float) -> str:
    return f"{value:.{4 if abs(value) < 1e4 else 6}g}".replace("-", "−")


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def _page(title: str) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE_INCHES, dpi=DOTS_PER_INCH, facecolor=LIGHT.background)
    FigureCanvasAgg(figure)
    figure.text(0.03, 0.925, title, fontsize=PLOT_FONT_PT.title, fontweight="bold", color=INK)
    return figure


def _message(title: str, text: str) -> Figure:
    figure = _page(title)
    figure.text(0.5, 0.47, text, color=QUIET, fontsize=12, horizontalalignment="center")
    return figure


def _canvas(title: str, subtitle: str, caption: str = "episode return") -> tuple[Figure, Axes]:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    figure = _page(title)
    figure.text(0.03, 0.868, subtitle, fontsize=PLOT_FONT_PT.body, color=QUIET)
    axes = figure.add_axes((0.085, 0.13, 0.695, 0.63))
    axes.set_xlabel("environment steps", color=QUIET, fontsize=PLOT_FONT_PT.body)
    figure.text(0.03, 0.79, caption, color=QUIET, fontsize=PLOT_FONT_PT.body)
    axes.xaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(short_count))
    axes.tick_params(length=0, colors=QUIET, labelsize=PLOT_FONT_PT.small)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(LIGHT.edge)
    return figure, axes


def _draw_evaluations(axes: Axes, metrics: Metrics, evaluation: Series) -> None:
    colour, few = COLOURS[1], evaluation.steps.size <= 40
    spread = series([line for line in metrics if _is_number(line.get(EVALUATION))], SPREAD)
    if spread.steps.size == evaluation.steps.size:
        lower, upper = evaluation.values - spread.values, evaluation.values + spread.values
        if few:
            axes.vlines(evaluation.steps, lower, upper, color=colour, linewidth=1.2, alpha=0.35, zorder=4)
        else:
            axes.fill_between(evaluation.steps, lower, upper, color=colour, alpha=0.15, linewidth=0, zorder=2)
    axes.plot(*evaluation, color=colour, linewidth=1, alpha=0.6, zorder=4)
    axes.plot(
        *evaluation, "o", color=colour, markersize=6 if few else 2.5, markeredgecolor=LIGHT.background,
        markeredgewidth=1 if few else 0, clip_on=False, zorder=5,
    )  # fmt: skip


def _draw_group(axes: Axes, group: Sequence[Series], colour: str) -> float:
    """Draw the runs, their mean and their band; returns the height at which the mean ends."""
    if len(group) == 1:
        axes.plot(*group[0], color=colour, linewidth=2.2, zorder=4)
        return float(group[0].values[-1])
    for one in group:
        axes.plot(*one, color=colour, linewidth=0.8, alpha=0.35, zorder=3)
    first, last = max(one.steps[0] for one in group), min(one.steps[-1] for one in group)
    grid = np.linspace(first, max(first, last), 400)
    values = np.stack([np.interp(grid, *one) for one in group])  # (runs, 400)
    axes.fill_between(grid, values.min(0), values.max(0), color=colour, alpha=0.15, linewidth=0, zorder=2)
    axes.plot(grid, values.mean(0), color=colour, linewidth=2.2, zorder=4)
    return float(values.mean(0)[-1])


def _finish(axes: Axes, labels: list[_Label], threshold: float | None) -> None:
    """Set the limits, draw the threshold and write the labels beside the curves' ends, none over another."""
    if threshold is not None:
        axes.axhline(threshold, color=QUIET, linewidth=1.2, dashes=(5, 4), zorder=1)
        labels = [*labels, _Label(threshold, f"threshold {_readable(threshold)}", QUIET)]
    axes.set_xlim(0, max(axes.dataLim.x1, 1))
    axes.margins(y=0.07)
    axes.autoscale(axis="y")
    bottom, top = axes.get_ylim()
    labels.sort(key=lambda label: label.height)
    wanted = np.array([(label.height - bottom) / (top - bottom) for label in labels])
    for label, height in zip(labels, _spread_out(wanted), strict=True):
        weight = "normal" if label.colour == QUIET else "bold"
        axes.text(1.018, height, label.text, transform=axes.transAxes, color=label.colour,
                  fontsize=PLOT_FONT_PT.body, fontweight=weight, verticalalignment="center")  # fmt: skip


def _spread_out(heights: np.ndarray, gap: float = 0.062) -> np.ndarray:
    """Move sorted ``heights`` (fractions of the axes) apart, no two closer than ``gap``, within the axes."""
    ranks = gap * np.arange(heights.size)
    pushed_up = np.maximum.accumulate(heights - ranks) + ranks
    pushed_down = np.minimum.accumulate((heights - ranks)[::-1])[::-1] + ranks
    middle = (pushed_up + pushed_down) / 2
    excess = max(0.0, float(middle[-1]) - 1.0) if heights.size else 0.0
    return np.maximum(middle - excess, ranks)


def _save(figure: Figure, path: Path) -> Path:
    """Write aside and rename: whoever looks at the picture meanwhile sees the old one or the new one."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".writing-{path.name}")
    try:
        figure.savefig(aside, format="png")
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    return path
