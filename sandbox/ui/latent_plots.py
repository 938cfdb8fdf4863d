"""What each latent of a model carries, as bars."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sandbox.core.theme import LIGHT, PLOT_FONT_PT
from sandbox.ui.chart import COLOURS, QUIET, page, save

MOST_NUMBERS = 64
"""latents up to which every bar has its number below it"""


def latent_bars(
    path: Path, nats: Sequence[float], active: Sequence[bool], *, title: str, subtitle: str
) -> Path:
    """Draw a bar for each latent, the highest first, to the PNG `path`; what is not active is grey.

    Args:
        nats: divergence of each latent from the prior.
        active: of each latent, whether it says anything about the picture.
    """
    order = np.argsort(-np.asarray(nats), kind="stable")
    figure = page(title)
    figure.text(0.03, 0.868, subtitle, fontsize=PLOT_FONT_PT.body, color=QUIET)
    figure.text(0.03, 0.79, "nats", color=QUIET, fontsize=PLOT_FONT_PT.body)
    axes = figure.add_axes((0.085, 0.13, 0.885, 0.63))
    colours = [COLOURS[0] if active[latent] else LIGHT.edge for latent in order]
    axes.bar(range(len(order)), np.asarray(nats)[order], color=colours, width=0.8)
    axes.set_xlim(-0.6, len(order) - 0.4)
    axes.set_ylim(0, max(1e-3, 1.05 * max(nats)))
    if len(order) <= MOST_NUMBERS:
        size = min(PLOT_FONT_PT.small, 300 / len(order))
        axes.set_xticks(range(len(order)), [str(latent) for latent in order], fontsize=size)
    else:
        axes.set_xticks([])
    axes.set_xlabel("latent, by its number", color=QUIET, fontsize=PLOT_FONT_PT.body)
    from matplotlib.ticker import MaxNLocator

    axes.yaxis.set_major_locator(MaxNLocator(6))
    axes.tick_params(length=0, colors=QUIET)
    axes.grid(axis="y", color=LIGHT.grid, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(LIGHT.edge)
    return save(figure, path)
