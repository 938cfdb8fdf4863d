"""How unusual pictures are, as a PNG: the distribution of scores in two groups, and the ROC curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sandbox.core.theme import PLOT_FONT_PT
from sandbox.ui.chart import COLOURS, GRID, QUIET, page, readable, save, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BINS = 60
SHOWN = 0.995
"""part of the scores for which there is room; what is beyond is counted in the last bin"""


class Group(NamedTuple):
    """Some pictures."""

    label: str
    scores: np.ndarray  # (n,)


def score_plot(
    path: Path,
    groups: Sequence[Group],
    limits: Mapping[str, float],
    *,
    title: str,
    subtitle: str,
    curve: tuple[np.ndarray, np.ndarray] | None = None,
) -> Path:
    """Draw the scores of `groups` as histograms over each other to the PNG `path`.

    Args:
        groups: each fills an area of the same size, whatever it counts.
        limits: scores at which a line stands, by what is written on it.
        curve: false alarms and what is found, (points,) each from 0 to 1: the ROC curve, on the right.
    """
    figure = page(title)
    figure.text(0.03, 0.868, subtitle, fontsize=PLOT_FONT_PT.body, color=QUIET)
    axes = figure.add_axes((0.04, 0.13, 0.92 if curve is None else 0.56, 0.62))
    style(axes, "score: 0 is usual, 1 a standard deviation more")
    axes.xaxis.set_major_formatter(_tick)
    _histograms(axes, groups)
    _limits(axes, limits)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="upper left", bbox_to_anchor=(0.022, 0.85), ncols=len(groups), frameon=False,
        fontsize=PLOT_FONT_PT.body, labelcolor=QUIET, handlelength=1.2,
    )  # fmt: skip
    if curve is not None:
        _curve(figure.add_axes((0.68, 0.13, 0.30, 0.62)), *curve)
    return save(figure, path)


def _tick(score: float, _position: object = None) -> str:
    """With a real minus, and none before a zero."""
    return readable(round(score, 6) + 0.0)


def _histograms(axes: Axes, groups: Sequence[Group]) -> None:
    everything = np.concatenate([group.scores for group in groups])
    low, high = float(everything.min()), float(np.quantile(everything, SHOWN))
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    for group, colour in zip(groups, COLOURS, strict=False):
        counts, _ = np.histogram(group.scores.clip(edges[0], edges[-1]), edges)
        axes.stairs(counts / len(group.scores), edges, fill=True, alpha=0.55, color=colour, label=group.label)
    axes.set_yticks([])
    axes.set_xlim(edges[0], edges[-1])
    axes.margins(y=0.12)


def _limits(axes: Axes, limits: Mapping[str, float]) -> None:
    for height, (text, score) in zip((0.97, 0.90), limits.items(), strict=False):
        axes.axvline(score, color=QUIET, linewidth=1.2, dashes=(5, 4))
        axes.text(
            score, height, f" {text} of normal", transform=axes.get_xaxis_transform(),
            color=QUIET, fontsize=PLOT_FONT_PT.small, verticalalignment="top",
        )  # fmt: skip


def _curve(axes: Axes, alarms: np.ndarray, found: np.ndarray) -> None:
    axes.plot([0, 1], [0, 1], color=QUIET, linewidth=1.2, dashes=(5, 4))
    axes.plot(alarms, found, color=COLOURS[0], linewidth=2)
    axes.set(xlim=(0, 1), ylim=(0, 1.005), xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
    axes.set_xlabel("false alarms among normal ones", color=QUIET, fontsize=PLOT_FONT_PT.body)
    axes.set_title("others found", color=QUIET, fontsize=PLOT_FONT_PT.body, loc="left", pad=6)
    axes.tick_params(length=0, colors=QUIET, labelsize=PLOT_FONT_PT.small)
    axes.grid(color=GRID, linewidth=0.8)
    axes.spines[:].set_visible(False)
