"""Random against grid search, with the same number of trials (Bergstra and Bengio 2012).

Two settings are searched, and nobody knows beforehand that only one of them matters. A grid of three by three
tries three values of each: six of its nine trials repeat a learning rate that was tried already. Nine random
points try nine learning rates. So the search by chance comes nearer to the narrow place where it is good.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import nn

from sandbox.core.lesson import Desk, Taught
from sandbox.data.catalog import load
from sandbox.data.pictures import Dataset
from sandbox.supervised.lessons.small_nets import Layers, fitted
from sandbox.ui.chart import COLOURS, QUIET
from sandbox.ui.lesson_charts import headed, label_dots, say, sheet

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Numbers = NDArray[np.floating]
RATES, DECAYS = (-4.0, 1.0), (-6.0, -2.0)  # exponents of 10
AROUND = (-4.25, 1.25), (-6.2, -1.8)  # what is drawn: with room for dots at the border
STEPS = 60


class Map(NamedTuple):
    """Scores of a fine grid."""

    rates: Numbers  # (columns,) exponents
    decays: Numbers  # (rows,) exponents
    scores: Numbers  # (rows, columns) in %


def net() -> Layers:
    """So small that a trial takes no time."""
    return Layers(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))


def score(data: Dataset, rate: float, decay: float, seed: int) -> float:
    """One trial: validation accuracy in % after a short training; settings are exponents of 10."""
    training = fitted(
        net, data.train, seed, steps=STEPS, batch_size=32, optimizer="sgd", schedule="constant",
        learning_rate=10**rate, weight_decay=10**decay,
    )  # fmt: skip
    return 100 * training.evaluate(data.validation)["accuracy"]


def grid(side: int, offset: tuple[float, float] = (0.5, 0.5)) -> Numbers:
    """Places (side², 2) of a grid over the search space; in the middles of its cells, unless moved."""
    ways = [low + (np.arange(side) + part) / side * (high - low)
            for (low, high), part in zip((RATES, DECAYS), offset, strict=True)]  # fmt: skip
    return np.stack(np.meshgrid(*ways), -1).reshape(-1, 2)


def scattered(count: int, draw: np.random.Generator) -> Numbers:
    """Places (count, 2) at random."""
    return draw.uniform([RATES[0], DECAYS[0]], [RATES[1], DECAYS[1]], (count, 2))


def surveyed(data: Dataset, columns: int, rows: int, seed: int) -> Map:
    """The score everywhere, from more trials than anybody would spend."""
    rates, decays = np.linspace(*RATES, columns), np.linspace(*DECAYS, rows)
    return Map(rates, decays, np.array([[score(data, r, d, seed) for r in rates] for d in decays]))


def read(ground: Map, places: Numbers) -> Numbers:
    """Scores (n,) of places (n, 2), read off the map between its points."""
    x = np.interp(places[:, 0], ground.rates, np.arange(len(ground.rates)))
    y = np.interp(places[:, 1], ground.decays, np.arange(len(ground.decays)))
    left, low = x.astype(int).clip(max=len(ground.rates) - 2), y.astype(int).clip(max=len(ground.decays) - 2)
    x, y = x - left, y - low
    s = ground.scores
    return (s[low, left] * (1 - x) + s[low, left + 1] * x) * (1 - y) + (
        s[low + 1, left] * (1 - x) + s[low + 1, left + 1] * x
    ) * y


def replayed(ground: Map, side: int, searches: int, draw: np.random.Generator) -> Numbers:
    """The best scores of many searches on the map: (searches, 2), by grids moved by chance and at random."""
    bests = []
    for _ in range(searches):
        offset = draw.uniform(size=2)
        places = grid(side, (offset[0], offset[1])), scattered(side**2, draw)
        bests.append([read(ground, some).max() for some in places])
    return np.array(bests)


def teach(desk: Desk, *, side: int = 3, columns: int = 26, rows: int = 4, searches: int = 1_000) -> Taught:
    """Search both ways with real trainings, over a map of all scores."""
    data, draw = load("digits"), np.random.default_rng(desk.seed)
    desk.note(f"{columns * rows} trainings for the map")
    ground = surveyed(data, columns, rows, desk.seed)
    ways = {"Grid": grid(side), "Random": scattered(side**2, draw)}
    scores = {
        name: np.array([score(data, rate, decay, desk.seed) for rate, decay in some])
        for name, some in ways.items()
    }
    bests = replayed(ground, side, searches, draw)
    mean, good = bests.mean(axis=0), (bests > ground.scores.max() - 5).mean(axis=0)

    figure, panels = sheet(
        f"{side**2} trials by grid and at random",
        f"a small net on digits, {STEPS} steps of SGD   ·   below: the darker, the better the validation "
        f"accuracy   ·   the numbers: what each trial got, in %",
        rows=2, width_inches=12, panel_inches=2.2, label_inches=0.2,
    )  # fmt: skip
    for number, (name, places) in enumerate(ways.items()):
        top, bottom = panels[0][number], panels[1][number]
        draw_profile(top, name, places, scores[name], ground, COLOURS[number])
        draw_places(bottom, places, scores[name], ground, COLOURS[number])
    rates = {name: len(np.unique(places[:, 0])) for name, places in ways.items()}
    spread = float((ground.scores.max(axis=0) - ground.scores.min(axis=0)).mean())
    return Taught(figure, (
        f"Below: only the learning rate matters; weight decay changes {spread:.1f} points on average, the "
        f"learning rate {float(np.ptp(ground.scores.mean(axis=0))):.0f}.",
        f"Above: {side**2} trials are {rates['Grid']} learning rates on the grid and {rates['Random']} at "
        f"random; here the grid found {scores['Grid'].max():.1f} %, chance {scores['Random'].max():.1f} %.",
        f"Replayed {searches:,} times on the map (grids moved by chance), random search comes within 5 "
        f"points of the best in {100 * good[1]:.0f} % of the searches, grid search in {100 * good[0]:.0f} %; "
        f"on average they find {mean[1]:.1f} and {mean[0]:.1f} %.",
    ))  # fmt: skip


def draw_profile(axes: Axes, name: str, places: Numbers, scores: Numbers, ground: Map, colour: str) -> None:
    """What the trials say of the learning rate alone."""
    headed(axes, f"{name}: accuracy in %, over the learning rate alone")
    axes.plot(ground.rates, ground.scores.mean(axis=0), color=QUIET, linewidth=1.2)
    axes.vlines(places[:, 0], 0, scores, color=colour, linewidth=1, linestyle=":")
    axes.plot(places[:, 0], scores, "o", color=colour, markersize=7, markeredgecolor="white")
    best = int(scores.argmax())
    before, after = np.interp(places[best, 0] + np.array([-0.3, 0.3]), ground.rates, ground.scores.mean(0))
    side, gap = ("right", -0.12) if before < after else ("left", 0.12)  # beside the curve, not over it
    say(axes, places[best, 0] + gap, scores[best] + 2, f"best: {scores[best]:.1f}", colour, ha=side,
        va="bottom", fontweight="bold", fontsize=10)  # fmt: skip
    axes.set(xlim=AROUND[0], ylim=(-7, 112), xticks=range(-4, 2), xticklabels=[])


def draw_places(axes: Axes, places: Numbers, scores: Numbers, ground: Map, colour: str) -> None:
    """Where the trials lie on the map."""
    from matplotlib.colors import LinearSegmentedColormap

    headed(axes, "Weight decay", "learning rate")
    shades = LinearSegmentedColormap.from_list("score", ["#FFFFFF", "#C3CCD9", "#8796AD"])
    axes.contourf(ground.rates, ground.decays, ground.scores, np.linspace(0, 100, 21), cmap=shades)
    axes.plot(places[:, 0], places[:, 1], "o", color=colour, markersize=8, markeredgecolor="white")
    powers = [rf"$10^{{{power}}}$" for power in range(-6, 2)]
    axes.set(xlim=AROUND[0], ylim=AROUND[1], xticks=range(-4, 2), xticklabels=powers[2:])
    axes.set_yticks(range(-6, -1), powers[:5])
    label_dots(axes, places, [f"{value:.0f}" for value in scores])
    axes.grid(visible=False)
