"""Dropout, batch norm, augmentation: three ways to learn less by heart.

With few pictures a net knows all of them soon, and is worse on pictures that it has never seen: the gap.
Dropout switches off half of the units in each step, so that none can rely on another. Batch norm measures
every unit against the others of its batch, which also adds a little noise. Augmentation turns, shifts and
stretches the pictures, so that none is seen twice. Each alone, and all together, on the same few pictures.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from torch import nn

from sandbox.core.lesson import Desk, Taught
from sandbox.core.seeding import derive_seed
from sandbox.data.augment import preset
from sandbox.data.catalog import load
from sandbox.data.pictures import Pictures, subset
from sandbox.nn.fit import Training
from sandbox.supervised.lessons.small_nets import Layers, fitted
from sandbox.ui.chart import COLOURS, INK, QUIET
from sandbox.ui.lesson_charts import draw_curves, headed, say, sheet

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Option(NamedTuple):
    """What is switched on."""

    dropout: bool = False
    batch_norm: bool = False
    augmentation: bool = False


OPTIONS = {
    "nothing": Option(),
    "dropout": Option(dropout=True),
    "batch norm": Option(batch_norm=True),
    "augmentation": Option(augmentation=True),
    "all three": Option(True, True, True),
}
TINTS = dict(zip(OPTIONS, (INK, *COLOURS[:2], COLOURS[3], COLOURS[2]), strict=True))


def net(option: Option) -> Layers:
    """Two convolutions and two dense layers, with or without dropout and batch norm."""
    norm = [nn.BatchNorm2d(16)] if option.batch_norm else []
    norm_2 = [nn.BatchNorm2d(32)] if option.batch_norm else []
    drop = [nn.Dropout(0.5)] if option.dropout else []
    return Layers(
        *(nn.Conv2d(1, 16, 3, padding=1), *norm, nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, padding=1), *norm_2, nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(*drop, nn.Linear(128, 64), nn.ReLU(), *drop, nn.Linear(64, 10)),
    )


def learn(
    option: Option, train: Pictures, validation: Pictures, seed: int, steps: int, looks: int
) -> np.ndarray:
    """Accuracy on training and validation pictures while it learns: (looks, 2)."""
    accuracies = []

    def look(training: Training) -> None:
        accuracies.append([training.evaluate(some)["accuracy"] for some in (train, validation)])

    fitted(
        lambda: net(option), train, seed, look=look, look_every=steps // looks,
        augment=preset("digits") if option.augmentation else None,
        steps=steps, batch_size=25, learning_rate=2e-3,
    )  # fmt: skip
    return np.array(accuracies)


def teach(desk: Desk, *, pictures: int = 50, draws: int = 3, steps: int = 400, looks: int = 10) -> Taught:
    """Train with each option, on several draws of the pictures, and compare the gaps."""
    data, curves = load("digits"), {}
    for name, option in OPTIONS.items():
        desk.note(name)
        seeds = [derive_seed(desk.seed, "draw", draw) for draw in range(draws)]
        runs = [
            learn(option, subset(data.train, pictures, seed=seed), data.validation, seed, steps, looks)
            for seed in seeds
        ]
        curves[name] = 100 * np.array(runs)  # (draws, looks, 2)
    means = {name: some.mean(axis=0) for name, some in curves.items()}
    gap = {name: float(some[-1, 0] - some[-1, 1]) for name, some in means.items()}

    figure, ((left, right),) = sheet(
        "Dropout, batch norm, augmentation: less by heart",
        f"a small CNN on {pictures} digits   ·   means of {draws} draws of the pictures   ·   "
        f"{len(data.validation)} validation pictures",
        label_inches=(1.2, 0.2), shares=(1.15, 1),
    )  # fmt: skip
    headed(left, "Accuracy in % (dashed: training, solid: validation)", "gradient steps")
    at = steps // looks * np.arange(1, looks + 1)
    left.set_ylim(min(float(some[2:].min()) for some in means.values()) - 2, 101.5)
    for name, some in means.items():
        left.plot(at, some[:, 0], color=TINTS[name], linestyle="--", linewidth=1.2)
    draw_curves(left, {name: (at, some[:, 1]) for name, some in means.items()}, colours=list(TINTS.values()))
    draw_gaps(headed(right, "The gap in the end, from validation to training, in points"), curves)
    alone = {name: gap[name] for name in list(OPTIONS)[1:4]}
    best = min(alone, key=lambda name: alone[name])
    return Taught(figure, (
        f"With nothing on, the net knows {means['nothing'][-1, 0]:.0f} % of its {pictures} training pictures "
        f"and {means['nothing'][-1, 1]:.1f} % of the others: a gap of {gap['nothing']:.1f} points.",
        "Right, the gap with each alone: " + ", ".join(f"{k} {v:.1f}" for k, v in alone.items())
        + f"; {best} helps most here, in {draws} draws.",
        f"All three together leave {gap['all three']:.1f} points, at {means['all three'][-1, 1]:.1f} % on "
        f"the validation pictures. Dashed lines at 100 % say nothing about new pictures.",
    ))  # fmt: skip


def draw_gaps(axes: Axes, curves: Mapping[str, np.ndarray]) -> None:
    """For each option a bar from validation to training accuracy, and a dot for each draw."""
    for place, (name, runs) in enumerate(curves.items()):
        training, validation = runs[:, -1].mean(axis=0)
        axes.barh(place, training - validation, 0.5, left=validation, color=TINTS[name], alpha=0.3)
        axes.plot([validation] * 2, [place - 0.25, place + 0.25], color=TINTS[name], linewidth=3)
        axes.plot(runs[:, -1, 1], [place] * len(runs), "o", color=TINTS[name], markersize=4, alpha=0.7)
        middle = (training + validation) / 2
        say(axes, middle, place - 0.33, f"{name}: gap {training - validation:.1f}", TINTS[name],
            ha="center", va="bottom", fontweight="bold", fontsize=10)  # fmt: skip
    low = min(float(runs[:, -1, 1].min()) for runs in curves.values())
    axes.set(xlim=(low - 2, 101), ylim=(len(curves) - 0.35, -0.7), yticks=[])
    axes.grid(visible=False)
    say(axes, low - 1.5, len(curves) - 0.4, "dots: each draw, on the validation pictures", QUIET, va="bottom")
