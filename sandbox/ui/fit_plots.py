"""Pictures of a fit: curves of training beside validation, and which class was taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sandbox.core.theme import LIGHT, PLOT_FONT_PT
from sandbox.ui.chart import (
    COLOURS,
    QUIET,
    Label,
    Metrics,
    axes_on_page,
    duration,
    finish,
    message,
    page,
    readable,
    save,
    series,
)

MOST_NUMBERS = 30
"""classes up to which every cell of a confusion matrix shows its number"""


def fit_curve(path: Path, metrics: Metrics, *, title: str, metric: str, higher_is_better: bool) -> Path:
    """Draw ``train/<metric>`` and ``valid/<metric>`` over the steps to the PNG ``path``.

    Metrics without any value give a picture that says so. Raises OSError when ``path`` cannot be written.
    """
    training, validation = series(metrics, f"train/{metric}"), series(metrics, f"valid/{metric}")
    if not training.steps.size and not validation.steps.size:
        return save(message(title, "Nothing is logged yet: there is nothing to draw."), path)
    steps = max(line["step"] for line in metrics)
    parts = [f"{steps:,} gradient step{'s' if steps > 1 else ''}"]
    seconds = series(metrics, "time/seconds").values
    if seconds.size:
        parts.append(f"{duration(seconds[-1])} of training")
    if validation.values.size:
        best = validation.values.max() if higher_is_better else validation.values.min()
        parts.append(f"best on the validation pictures {readable(best)}")
    figure, axes = axes_on_page(title, "  ·  ".join(parts), metric, "gradient steps")
    labels = []
    for one, name, colour in ((training, "training", COLOURS[0]), (validation, "validation", COLOURS[1])):
        if one.steps.size:
            dots = "o" if one.steps.size <= 40 and (name == "validation" or one.steps.size == 1) else ""
            axes.plot(*one, color=colour, linewidth=2.2, marker=dots, markersize=5, clip_on=False, zorder=3)
            labels.append(Label(one.values[-1], name, colour))
    finish(axes, labels, None)
    return save(figure, path)


def confusion(path: Path, matrix: np.ndarray, classes: Sequence[str], *, title: str, subtitle: str) -> Path:
    """Draw a confusion matrix to the PNG ``path``: rows are true classes, columns predicted ones.

    Colour is the part of the row, on a root scale so that single mistakes show; what is right is blue, and
    what is wrong orange.

    Args:
        matrix: (classes, classes) numbers of pictures.
        classes: their names.
    """
    from matplotlib.colors import to_rgb

    figure = page(title)
    figure.set_size_inches(8, 8.4)
    figure.texts[0].set_y(0.955)
    figure.text(0.03, 0.925, subtitle, fontsize=PLOT_FONT_PT.body, color=QUIET)
    axes = figure.add_axes((0.1, 0.04, 0.87, 0.8))
    share = np.sqrt(matrix / np.maximum(matrix.sum(1, keepdims=True), 1))[:, :, None]  # (classes, classes, 1)
    right, wrong = (np.array(to_rgb(colour)) for colour in COLOURS[:2])
    ink = np.where(np.eye(len(classes), dtype=bool)[:, :, None], right, wrong)
    axes.imshow(1 - share * (1 - ink), aspect="equal", interpolation="nearest")
    size = min(PLOT_FONT_PT.body, 200 / max(len(classes), 1))
    axes.set_xticks(range(len(classes)), classes, fontsize=size + 1, color=LIGHT.ink)
    axes.set_yticks(range(len(classes)), classes, fontsize=size + 1, color=LIGHT.ink)
    axes.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    axes.set_xlabel("predicted", color=QUIET, fontsize=PLOT_FONT_PT.body)
    axes.xaxis.set_label_position("top")
    axes.set_ylabel("true class", color=QUIET, fontsize=PLOT_FONT_PT.body)
    axes.spines[:].set_color(LIGHT.edge)
    if len(classes) <= MOST_NUMBERS:
        for row, column in zip(*np.nonzero(matrix), strict=True):
            colour = LIGHT.background if share[row, column, 0] > 0.75 else LIGHT.ink
            count = str(matrix[row, column])
            axes.text(column, row, count, color=colour, fontsize=size, ha="center", va="center")
    return save(figure, path)
