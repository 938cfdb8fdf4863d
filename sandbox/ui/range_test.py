"""The picture of a learning-rate range test: the loss over the rate, and where to train."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sandbox.core.theme import PLOT_FONT_PT
from sandbox.ui.chart import COLOURS, QUIET, page, save, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_range_test(
    path: Path,
    rates: np.ndarray,
    losses: np.ndarray,
    smooth: np.ndarray,
    *,
    suggestion: float,
    title: str,
    subtitle: str,
) -> Path:
    """Draw `losses` (steps,) and `smooth` (steps,) over `rates` (steps,) to the PNG `path`.

    Raises:
        OSError: `path` cannot be written.
    """
    figure = page(title)
    figure.text(0.03, 0.868, subtitle, fontsize=PLOT_FONT_PT.body, color=QUIET)
    figure.text(0.03, 0.79, "loss", fontsize=PLOT_FONT_PT.body, color=QUIET)
    axes = figure.add_axes((0.085, 0.13, 0.885, 0.63))
    plot_range_test(axes, rates, losses, smooth, suggestion)
    return save(figure, path)


def plot_range_test(
    axes: Axes, rates: np.ndarray, losses: np.ndarray, smooth: np.ndarray, suggestion: float
) -> None:
    """The curve on `axes`, with the suggestion marked; arrays as `draw_range_test`."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    style(axes, "learning rate (logarithmic)")
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda rate, _: f"{rate:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(which="both", length=0)
    start, lowest = float(smooth[: max(1, len(smooth) // 10)].max()), float(min(smooth.min(), losses.min()))
    room = max(start - lowest, 0.05 * start, 1e-6)
    axes.set_xlim(rates[0], rates[-1] * 1.15)
    axes.set_ylim(lowest - 0.05 * room, start + 0.4 * room)  # an explosion would flatten all the rest
    axes.plot(rates, losses, ".", color=COLOURS[0], markersize=4, alpha=0.35, zorder=2)
    axes.plot(rates, smooth, color=COLOURS[0], linewidth=2.2, zorder=3)
    _mark(axes, rates, smooth, suggestion)


def _mark(axes: Axes, rates: np.ndarray, smooth: np.ndarray, suggestion: float) -> None:
    """The suggestion as a line with its number, and a dot where the loss is lowest."""
    bottom, top = axes.get_ylim()
    at = int(smooth.argmin())
    axes.axvline(suggestion, color=COLOURS[1], linewidth=1.6, dashes=(5, 4), zorder=1)
    axes.plot(rates[at], smooth[at], "o", color=COLOURS[1], markersize=7, zorder=4)
    left, right = np.log(axes.get_xlim())
    beside = np.log(suggestion) > left + 0.75 * (right - left)  # no room on the right
    axes.text(suggestion * (0.93 if beside else 1.08), top - 0.08 * (top - bottom),
              f"train with {suggestion:g}", ha="right" if beside else "left", color=COLOURS[1],
              fontsize=PLOT_FONT_PT.body, fontweight="bold")  # fmt: skip
