"""A line through points, and what gradient descent does to find it.

A line has two numbers, slope and height. Each pair of them is a place on a map, and how badly that line fits
is how high the ground lies there. Learning walks downhill. It may look at all points before each step (full
batch), at a few (mini-batch), or at one (single sample): the fewer, the cheaper a step, and the less sure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sandbox.core.lesson import Desk, Taught
from sandbox.ui.chart import COLOURS, INK, QUIET
from sandbox.ui.lesson_charts import draw_curves, draw_path, headed, loss_map, say, sheet

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Numbers = NDArray[np.floating]
SLOPE, HEIGHT, NOISE = 1.5, -0.5, 0.6
START = np.array([-1.0, 2.0])  # slope, height
POINTS, ROUNDS, RATE = 60, 45, 0.1
NEAR = 0.5  # above the least loss
BATCHES = {"full batch": POINTS, "mini-batch of 6": 6, "single samples": 1}


@dataclass(frozen=True)
class Walk:
    """One way down."""

    path: Numbers
    """(steps + 1, 2): slope and height after each step"""
    looked_at: Numbers
    """(steps + 1,): how many points had been looked at"""
    losses: Numbers
    """(steps + 1,): of all points"""


def loss(line: Numbers, x: Numbers, y: Numbers) -> Numbers:
    """Mean squared error of lines (…, 2) over the points (n,)."""
    return ((line[..., :1] * x + line[..., 1:] - y) ** 2).mean(axis=-1)


def descend(x: Numbers, y: Numbers, batch: int, rounds: int, draw: np.random.Generator) -> Walk:
    """Gradient descent; in each round every point is looked at once, in a new order."""
    line, path = START.copy(), [START.copy()]
    for _ in range(rounds):
        order = draw.permutation(len(x))
        for start in range(0, len(x), batch):
            some = order[start : start + batch]
            error = line[0] * x[some] + line[1] - y[some]
            gradient = 2 * np.array([(error * x[some]).mean(), error.mean()])
            line = line - RATE * gradient
            path.append(line)
    steps = np.array(path)
    return Walk(steps, np.arange(len(steps)) * float(batch), loss(steps, x, y))


def points(draw: np.random.Generator) -> tuple[Numbers, Numbers]:
    """Points about a line: x and y, (n,) each."""
    x = draw.uniform(-1.5, 2.5, POINTS)
    return x, SLOPE * x + HEIGHT + draw.normal(0, NOISE, POINTS)


def teach(desk: Desk) -> Taught:
    """Fit the line in three ways, with the same learning rate and as many looks at points."""
    draw = np.random.default_rng(desk.seed)
    x, y = points(draw)
    best = np.polyfit(x, y, 1)  # what no line can beat
    least = float(loss(best, x, y))
    walks = {name: descend(x, y, batch, ROUNDS, draw) for name, batch in BATCHES.items()}

    figure, ((data, ground, curves),) = sheet(
        "A line, and the way to it",
        f"{POINTS} points; each way looks at {ROUNDS * POINTS:,} points in all, at learning rate {RATE}",
        columns=3, width_inches=14, label_inches=(0.3, 0.3, 1.4), shares=(1, 1.3, 1),
    )  # fmt: skip
    draw_points(headed(data, "The points, and the lines found", "x"), x, y, walks)
    draw_map(headed(ground, "The loss of every line: its height over its slope", "slope"), x, y, walks)
    ground.plot(*best, "+", color=INK, markersize=14, markeredgewidth=2, zorder=7)
    headed(curves, "Loss above that of the best line (means)", "points looked at").set_xscale("log")
    plotted = {name: above(walk, least) for name, walk in walks.items()}
    draw_curves(curves, plotted, log=True)

    full, few, one = (first_below(*curve, NEAR) for curve in plotted.values())
    calm, middle, restless = (heights[-1] for _, heights in plotted.values())
    return Taught(figure, (
        "Middle: full batch walks smoothly downhill, mini-batches sway, single samples stagger about.",
        f"Right: to come within {NEAR} of the best loss, full batch looks at about {full} points, "
        f"mini-batches at {few}, single samples at {one}.",
        f"But single samples never settle: at the end they are {restless:.2g} above the best loss, "
        f"mini-batches {middle:.2g}, full batch {calm:.2g}.",
    ))  # fmt: skip


def above(walk: Walk, least: float) -> tuple[Numbers, Numbers]:
    """How far above the `least` loss a walk is: means between marks, each a third beyond the one before."""
    marks = np.geomspace(1, walk.looked_at[-1], 25)
    bins = np.searchsorted(marks, walk.looked_at[1:])
    groups = [bins == number for number in np.unique(bins)]
    looks = [walk.looked_at[1:][group].mean() for group in groups]
    return np.array(looks), np.array([(walk.losses[1:][group] - least).mean() for group in groups])


def first_below(looks: Numbers, heights: Numbers, goal: float) -> int | None:
    """How many points had been looked at where a curve (n,), (n,) is first below `goal`."""
    below = np.flatnonzero(heights < goal)
    return round(float(looks[below[0]])) if below.size else None


def draw_points(axes: Axes, x: Numbers, y: Numbers, walks: Mapping[str, Walk]) -> None:
    """The points, the line to start from, and the line at the end of each walk."""
    axes.plot(x, y, "o", color=QUIET, markersize=4, alpha=0.6)
    ends = np.array([x.min(), x.max()])
    axes.plot(ends, START[0] * ends + START[1], color=INK, linestyle=":")
    say(axes, ends[0], START[0] * ends[0] + START[1] + 0.2, "the start", INK)
    for colour, walk in zip(COLOURS, walks.values(), strict=False):
        axes.plot(ends, walk.path[-1, 0] * ends + walk.path[-1, 1], color=colour, linewidth=2)


def draw_map(axes: Axes, x: Numbers, y: Numbers, walks: Mapping[str, Walk]) -> None:
    """The loss of every line, and the walks over it; the most restless lies at the bottom."""
    slopes, heights = np.linspace(-1.4, 2.6, 120), np.linspace(-1.6, 2.4, 120)
    loss_map(axes, slopes, heights, loss(np.stack(np.meshgrid(slopes, heights), -1), x, y))
    looks = [{"marker": ".", "zorder": 5}, {"zorder": 4, "linewidth": 1.3}, {"zorder": 3, "linewidth": 0.5}]
    for colour, walk, look in zip(COLOURS, walks.values(), looks, strict=False):
        draw_path(axes, walk.path, colour, **look)
    say(axes, START[0] + 0.1, START[1], "the start", INK, fontweight="bold")
