"""Overfitting, and when to stop.

A net that is large enough learns anything by heart, mistakes too. Here one label in five is wrong, as when
people label in a hurry. First the net learns what a digit looks like, and gets better on pictures that it has
never seen. Then it learns the wrong labels by heart, and gets worse. Early stopping watches the validation
loss: after so many looks without a better one (the patience) it stops, and takes the best weights back.
"""

from __future__ import annotations

from copy import deepcopy
from typing import NamedTuple

import torch
from torch import nn

from sandbox.core.lesson import Desk, Taught
from sandbox.core.seeding import derive_seed
from sandbox.data.catalog import load
from sandbox.data.pictures import Dataset, Pictures, subset
from sandbox.nn.fit import Training
from sandbox.supervised.lessons.small_nets import Layers, fitted
from sandbox.ui.chart import COLOURS, INK
from sandbox.ui.lesson_charts import draw_curves, headed, say, sheet

WRONG = 0.2
PATIENCE = 8


class Story(NamedTuple):
    """One training, from its first look to its last."""

    steps: list[int]
    losses: dict[str, list[float]]
    accuracies: dict[str, list[float]]
    best: int
    """the look with the lowest validation loss before patience ended"""
    stop: int
    """the look at which patience ended"""
    test: tuple[float, float]
    """accuracy on the test pictures with the best weights, and with the last"""


def mislabelled(pictures: Pictures, share: float, seed: int) -> Pictures:
    """The same pictures, each with the probability `share` under another label than its own."""
    draw = torch.Generator().manual_seed(derive_seed(seed, "wrong labels"))
    count, classes = len(pictures), len(pictures.classes)
    wrong = torch.rand(count, generator=draw) < share
    elsewhere = (pictures.labels + torch.randint(1, classes, (count,), generator=draw)) % classes
    return Pictures(pictures.images, torch.where(wrong, elsewhere, pictures.labels), pictures.classes)


def dense() -> Layers:
    """Large enough to learn a few hundred labels by heart."""
    return Layers(
        nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10)
    )


def stopped(losses: list[float], patience: int) -> tuple[int, int]:
    """The best look, and the one at which `patience` looks in succession were no better than it."""
    best = 0
    for look, loss in enumerate(losses):
        if loss < losses[best]:
            best = look
        if look - best == patience:
            return best, look
    return best, len(losses) - 1


def overfit(data: Dataset, pictures: int, looks: int, every: int, seed: int) -> Story:
    """Train far beyond what is good, and look at training and validation pictures on the way."""
    shown = mislabelled(subset(data.train, pictures, seed=seed), WRONG, seed)
    places = {"training": shown, "validation": data.validation}
    losses: dict[str, list[float]] = {name: [] for name in places}
    accuracies: dict[str, list[float]] = {name: [] for name in places}
    weights = []

    def look(training: Training) -> None:
        for name, some in places.items():
            means = training.evaluate(some)
            losses[name].append(means["loss"])
            accuracies[name].append(means["accuracy"])
        weights.append(deepcopy(training.model.state_dict()))

    training = fitted(
        dense,
        shown,
        seed,
        look=look,
        look_every=every,
        steps=looks * every,
        batch_size=32,
        schedule="constant",
    )
    best, stop = stopped(losses["validation"], PATIENCE)
    last = training.evaluate(data.test)["accuracy"]
    training.model.load_state_dict(weights[best])
    test = (training.evaluate(data.test)["accuracy"], last)
    return Story([every * (look + 1) for look in range(looks)], losses, accuracies, best, stop, test)


def teach(desk: Desk, *, pictures: int = 300, looks: int = 60, every: int = 20) -> Taught:
    """Train too long, and show where to stop."""
    desk.note(f"{looks * every:,} steps on {pictures} pictures")
    story = overfit(load("digits"), pictures, looks, every, desk.seed)
    figure, ((left, right),) = sheet(
        "Early stopping: the net gets better, then learns the mistakes by heart",
        f"a dense net on {pictures} digits, one label in five wrong (none of the validation pictures')   ·   "
        f"best: the lowest validation loss   ·   a look every {every} steps",
    )
    for axes, title, values in (
        (left, "Loss", story.losses),
        (right, "Accuracy in %", {k: [100 * v for v in vs] for k, vs in story.accuracies.items()}),
    ):
        headed(axes, title, "gradient steps")
        axes.margins(y=0.12)
        draw_curves(axes, {name: (story.steps, some) for name, some in values.items()})
        for at, word, colour, side in (
            (story.best, "best ", COLOURS[2], "right"),
            (story.stop, " patience ends", INK, "left"),
        ):
            axes.axvline(story.steps[at], color=colour, linewidth=1.4, linestyle="--", zorder=1)
            say(axes, story.steps[at], 0.98, word, colour, ha=side, va="top", fontweight="bold",
                transform=axes.get_xaxis_transform())  # fmt: skip
    training, validation = story.losses["training"], story.losses["validation"]
    right = story.accuracies["validation"]
    return Taught(figure, (
        f"Left: the best is the lowest validation loss, at step {story.steps[story.best]}; from there on "
        f"training falls from {training[story.best]:.2f} to {training[-1]:.2f}, validation rises from "
        f"{validation[story.best]:.2f} to {validation[-1]:.2f}.",
        f"Right: validation accuracy is highest at step {story.steps[right.index(max(right))]}; at the end "
        f"{100 * story.accuracies['training'][-1]:.0f} % of the training labels are known by heart, one in "
        f"five of them wrong. A patience of {PATIENCE} looks stops at step {story.steps[story.stop]}.",
        f"On the test pictures the best weights get {100 * story.test[0]:.1f} % right, the last "
        f"{100 * story.test[1]:.1f} %: "
        f"keep the best, not the last.",
    ))  # fmt: skip
