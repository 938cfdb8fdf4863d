"""What all our charts have in common: the page, its axes, labels at the ends of curves, and the file.

matplotlib is imported when something is drawn, without pyplot: no global figures, no display, no settings.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sandbox.core.theme import LIGHT, PLOT_FONT_PT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Metrics = Sequence[Mapping[str, Any]]

COLOURS, INK, QUIET, GRID = LIGHT.series, LIGHT.ink, LIGHT.quiet, LIGHT.grid
SIZE_INCHES, DOTS_PER_INCH = (8.0, 4.5), 150


class Series(NamedTuple):
    """Values of one metric over the steps at which it was written."""

    steps: np.ndarray  # (lines,) float64
    values: np.ndarray  # (lines,) float64


class Label(NamedTuple):
    height: float  # where the curve ends, in data units
    text: str
    colour: str


def series(metrics: Metrics, key: str) -> Series:
    """The finite values of ``key`` in ``metrics``, in their order."""
    found = [(line["step"], line[key]) for line in metrics if is_number(line.get(key))]
    table = np.array(found, dtype=np.float64).reshape(-1, 2)
    return Series(table[:, 0], table[:, 1])


def short_count(count: float, _position: object = None) -> str:
    """A number of steps as people write it: ``0``, ``500``, ``20k``, ``1.5M``."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(count) >= size:
            return f"{count / size:.4g}{letter}"
    return f"{count:.4g}"


def readable(value: float) -> str:
    """A number with four digits, or six where it is large."""
    return f"{value:.{4 if abs(value) < 1e4 else 6}g}".replace("-", "−")


def duration(seconds: float) -> str:
    """Seconds as people say them: ``8.2 s``, ``12 min``, ``3.0 h``."""
    if seconds < 100:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def page(title: str) -> Figure:
    """A white page with a title."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE_INCHES, dpi=DOTS_PER_INCH, facecolor=LIGHT.background)
    FigureCanvasAgg(figure)
    figure.text(0.03, 0.925, title, fontsize=PLOT_FONT_PT.title, fontweight="bold", color=INK)
    return figure


def message(title: str, text: str) -> Figure:
    """A page that says something instead of drawing it."""
    figure = page(title)
    figure.text(0.5, 0.47, text, color=QUIET, fontsize=12, horizontalalignment="center")
    return figure


def axes_on_page(
    title: str, subtitle: str, caption: str, steps: str = "environment steps"
) -> tuple[Figure, Axes]:
    """A page with axes over steps; ``caption`` says what is drawn, ``steps`` of what kind they are."""
    figure = page(title)
    figure.text(0.03, 0.868, subtitle, fontsize=PLOT_FONT_PT.body, color=QUIET)
    axes = figure.add_axes((0.085, 0.13, 0.695, 0.63))
    figure.text(0.03, 0.79, caption, color=QUIET, fontsize=PLOT_FONT_PT.body)
    style(axes, steps)
    return figure, axes


def style(axes: Axes, horizontal: str) -> None:
    """Our look of axes; ``horizontal`` says what is counted from left to right."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.set_xlabel(horizontal, color=QUIET, fontsize=PLOT_FONT_PT.body)
    axes.xaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(short_count))
    axes.tick_params(length=0, colors=QUIET, labelsize=PLOT_FONT_PT.small)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(LIGHT.edge)


def finish(axes: Axes, labels: list[Label], threshold: float | None) -> None:
    """Set the limits, draw the threshold and write the labels beside the curves' ends, none over another."""
    if threshold is not None:
        axes.axhline(threshold, color=QUIET, linewidth=1.2, dashes=(5, 4), zorder=1)
        labels = [*labels, Label(threshold, f"threshold {readable(threshold)}", QUIET)]
    axes.set_xlim(0, max(axes.dataLim.x1, 1))
    axes.margins(y=0.07)
    axes.autoscale(axis="y")
    bottom, top = axes.get_ylim()
    labels.sort(key=lambda label: label.height)
    wanted = np.array([(label.height - bottom) / (top - bottom) for label in labels])
    for label, height in zip(labels, spread_out(wanted), strict=True):
        weight = "normal" if label.colour == QUIET else "bold"
        axes.text(1.018, height, label.text, transform=axes.transAxes, color=label.colour,
                  fontsize=PLOT_FONT_PT.body, fontweight=weight, verticalalignment="center")  # fmt: skip


def save(figure: Figure, path: Path) -> Path:
    """Write aside and rename: whoever looks at the picture meanwhile sees the old one or the new one."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".writing-{path.name}")
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph")  # a box stands for what the font has not
            figure.savefig(aside, format="png")
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    return path


def is_number(value: Any) -> bool:
    """Whether a chart can show it."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def spread_out(heights: np.ndarray, gap: float = 0.062) -> np.ndarray:
    """Move sorted ``heights`` (fractions of the axes) apart, no two closer than ``gap``, within the axes."""
    ranks = gap * np.arange(heights.size)
    pushed_up = np.maximum.accumulate(heights - ranks) + ranks
    pushed_down = np.minimum.accumulate((heights - ranks)[::-1])[::-1] + ranks
    middle = (pushed_up + pushed_down) / 2
    excess = max(0.0, float(middle[-1]) - 1.0) if heights.size else 0.0
    return np.maximum(middle - excess, ranks)
