"""Two latents as a plane: what is decoded at its places, beside where test pictures lie in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from generative.generate.walk import Plane
from sandbox.core.theme import LIGHT, PLOT_FONT_PT
from sandbox.data.pictures import Pictures
from sandbox.ui.chart import DOTS_PER_INCH, page, save
from sandbox.ui.mosaic import mosaic

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARGIN_PX, HEAD_PX, AXIS_PX, BETWEEN_PX, FOOT_PX = 45, 150, 70, 60, 75
SIDE_PX = 1_000
"""about that of the grid"""
MOST_POINTS = 5_000
NAMED, NAME_SIDE, LETTER_SIDE = 40, 0.034, 0.017
"""classes whose names have room, and the part of an axis that a name is high, and a letter wide"""
MARKED = (0.023, 0.159, 0.5, 0.841, 0.977)
"""parts of either axis that are marked: -2 to 2 of a standard normal"""


def plane_marks(codes: Tensor, *, normal: bool) -> NDArray[Any]:
    """The values (2, len(MARKED)) of either latent at `MARKED`, for `walk_plane` with the same arguments."""
    parts = torch.tensor(MARKED, dtype=torch.float64)
    if normal:
        return torch.special.ndtri(parts).expand(2, -1).numpy()
    return torch.quantile(codes.double(), parts, dim=0).T.numpy()


def draw_plane(path: Path, plane: Plane, marks: NDArray[Any], pictures: Pictures, subtitle: str) -> Path:
    """Draw both halves of the PNG; a place on the left is the same place on the right.

    Args:
        marks: see `plane_marks`.
        pictures: those that lie at `plane.places`.
    """
    side, height, width = len(plane.pictures), *plane.pictures.shape[-2:]
    scale = max(1, round(SIDE_PX / (side * max(height, width))))
    grid = mosaic(plane.pictures.flatten(0, 1).numpy(), side, scale=scale, gap=0)
    down, across = grid.shape[:2]
    left, right = MARGIN_PX + AXIS_PX, MARGIN_PX + AXIS_PX + across + BETWEEN_PX + AXIS_PX
    size = right + down + MARGIN_PX, HEAD_PX + down + FOOT_PX + MARGIN_PX
    figure = page("A plane of two latents")
    figure.set_size_inches(size[0] / DOTS_PER_INCH, size[1] / DOTS_PER_INCH)
    figure.texts[0].set_position((MARGIN_PX / size[0], 1 - 57 / size[1]))
    figure.text(MARGIN_PX / size[0], 1 - 100 / size[1], subtitle, color=LIGHT.quiet,
                fontsize=PLOT_FONT_PT.body, parse_math=False)  # fmt: skip
    below = size[1] - HEAD_PX - down
    # Not an axes' image: that would be resampled.
    figure.figimage(grid, xo=left, yo=below, origin="upper")
    for at, wide, what in ((left, across, "decoded"), (right, down, "test pictures")):
        axes = figure.add_axes(
            (at / size[0], below / size[1], wide / size[0], down / size[1]), facecolor="none"
        )
        _style(axes, marks, what)
    _scatter(axes, plane.places.numpy(), pictures.labels.numpy(), pictures.classes)
    return save(figure, path)


def _style(axes: Axes, marks: NDArray[Any], what: str) -> None:
    texts = [[f"{value:.2g}".replace("-", "−") for value in row] for row in marks]
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.set_xticks(MARKED, texts[0])
    axes.set_yticks(MARKED, texts[1])
    axes.tick_params(colors=LIGHT.quiet, labelsize=PLOT_FONT_PT.small)
    axes.spines[:].set_color(LIGHT.edge)
    look = {"color": LIGHT.quiet, "fontsize": PLOT_FONT_PT.small}
    axes.set_xlabel("latent 0", **look)
    axes.set_ylabel("latent 1", **look)
    axes.set_title(what, loc="left", color=LIGHT.ink, fontsize=PLOT_FONT_PT.body, fontweight="bold")


def _scatter(axes: Axes, places: NDArray[Any], labels: NDArray[Any], classes: tuple[str, ...]) -> None:
    """A point for each picture, in the colour of its class, whose name stands amid its points."""
    from matplotlib.patheffects import withStroke

    colours = _colours(len(classes))
    some = slice(None, None, -(-len(places) // MOST_POINTS) or 1)
    area = float(np.clip(2e4 / len(places), 5, 60))
    axes.scatter(
        *places[some].T, s=area, c=[colours[label] for label in labels[some]], linewidths=0, alpha=0.7
    )
    present = [label for label in range(min(NAMED, len(classes))) if (labels == label).any()]
    middles = np.array([np.median(places[labels == label], 0) for label in present])
    widths = np.array([LETTER_SIDE * (1 + len(classes[label])) for label in present])
    for label, (across, up) in zip(present, _apart(middles, widths), strict=True):
        axes.text(across, up, classes[label], color=colours[label], fontsize=PLOT_FONT_PT.title,
                  fontweight="bold", ha="center", va="center", parse_math=False,
                  path_effects=[withStroke(linewidth=4, foreground=LIGHT.background)])  # fmt: skip


def _apart(middles: NDArray[Any], widths: NDArray[Any]) -> NDArray[Any]:
    """Places (names, 2), moved inside the axes, and up and down until no name lies on another.

    Args:
        middles: (names, 2), parts of the axes.
        widths: (names,) of the names, in the same unit.
    """
    half = np.stack([widths.clip(max=1), np.full(len(widths), NAME_SIDE)], 1) / 2  # (names, 2)
    moved = middles.clip(half, 1 - half)
    needed = half[:, None] + half[None]  # (names, names, 2)
    later = np.sign(np.subtract.outer(np.arange(len(moved)), np.arange(len(moved))))
    for _ in range(200):
        offsets = moved[:, None] - moved[None]
        room = needed - np.abs(offsets)
        clash = (room > 1e-6).all(-1) & (later != 0)
        if not clash.any():
            break
        # Of two at one height the later one goes up.
        upwards = np.where(offsets[..., 1] == 0, later, np.sign(offsets[..., 1]))
        moved[:, 1] += (clash * upwards * room[..., 1]).sum(1) / 2
        moved = moved.clip(half, 1 - half)
    return moved


def _colours(count: int) -> list[Any]:
    """As many colours as there are classes, as different as they can be."""
    from matplotlib import colormaps

    if count <= len(LIGHT.series):
        return list(LIGHT.series[:count])
    name = "tab10" if count <= 10 else "tab20"
    if count <= 20:
        return list(colormaps[name].colors[:count])  # type: ignore[attr-defined]
    return [colormaps["hsv"](number / count) for number in range(count)]
