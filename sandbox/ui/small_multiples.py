"""Learning curves of several tasks in one PNG: a panel for each, all over seconds of training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.core.statistics import ENOUGH_SEEDS
from sandbox.core.theme import LIGHT, PLOT_FONT_PT
from sandbox.ui.chart import QUIET, page, readable, save, style
from sandbox.ui.comparison import Curve, count_of_seeds, draw_panel, explain, line_of, look_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 3
WIDTH_INCHES, PANEL_INCHES = 12.0, 2.3
ABOVE_INCHES, BETWEEN_INCHES, BELOW_INCHES = 1.5, 0.85, 0.95


@dataclass(frozen=True)
class Panel:
    """One task."""

    title: str
    groups: Mapping[str, Sequence[Curve]]
    """label -> a curve for each seed; panels share the labels and their colours"""
    threshold: float | None = None
    """drawn as a dashed line"""


def small_multiples(path: Path, panels: Sequence[Panel], *, title: str, measure: str) -> Path:
    """Draw the panels to the PNG ``path``, three in a row. Raises OSError when it cannot be written.

    Lines and bands are those of `sandbox.ui.comparison.learning_curves`; groups of all panels that have the
    same label have the same colour.

    Args:
        measure: what the values are, in words.
    """
    rows = -(-len(panels) // COLUMNS)
    height = ABOVE_INCHES + rows * (PANEL_INCHES + BETWEEN_INCHES) - BETWEEN_INCHES + BELOW_INCHES
    figure = page(title)
    figure.set_size_inches(WIDTH_INCHES, height)
    figure.texts[0].set_position((0.02, 1 - 0.42 / height))
    labels = list(dict.fromkeys(label for panel in panels for label in panel.groups))
    every = [curves for panel in panels for curves in panel.groups.values()]
    enough = all(len({one.seed for one in curves}) >= ENOUGH_SEEDS for curves in every if len(curves) > 1)
    told = explain(every, enough)
    for inches, text in ((0.72, measure), (0.99, told)):
        figure.text(0.02, 1 - inches / height, text, fontsize=PLOT_FONT_PT.body, color=QUIET)
    for index, panel in enumerate(panels):
        row, column = divmod(index, COLUMNS)
        bottom = height - ABOVE_INCHES - PANEL_INCHES - row * (PANEL_INCHES + BETWEEN_INCHES)
        axes = figure.add_axes((0.05 + 0.325 * column, bottom / height, 0.275, PANEL_INCHES / height))
        _draw(axes, panel, labels, enough)
    for index, label in enumerate(labels):
        seeds = {one.seed for panel in panels for one in panel.groups.get(label, ())}
        text = f"{label}, {count_of_seeds(len(seeds))}"
        _draw_entry(figure, index, text, 0.05 + 0.92 / len(labels) * index, 0.3 / height)
    return save(figure, path)


def _draw(axes: Axes, panel: Panel, labels: Sequence[str], enough: bool) -> None:
    style(axes, "seconds of training")
    name = panel.title
    if panel.threshold is not None:
        axes.axhline(panel.threshold, color=QUIET, linewidth=1.2, dashes=(5, 4), zorder=1)
        name += f", threshold {readable(panel.threshold)}"
    axes.set_title(name, loc="left", fontsize=PLOT_FONT_PT.body, color=LIGHT.ink)
    lines = [[line_of(one, "seconds") for one in panel.groups.get(label, ())] for label in labels]
    draw_panel(axes, lines, enough)
    axes.margins(y=0.07)


def _draw_entry(figure: Figure, index: int, text: str, x: float, y: float) -> None:
    from matplotlib.lines import Line2D

    colour, dash = look_of(index)
    figure.add_artist(Line2D([x, x + 0.022], [y, y], color=colour, linestyle=dash, linewidth=2.4))
    figure.text(x + 0.028, y, text, color=LIGHT.ink, fontsize=PLOT_FONT_PT.body, va="center")
