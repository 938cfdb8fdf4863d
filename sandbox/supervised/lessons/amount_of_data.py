"""Nearest neighbour, SVM and CNN by amount of data.

Nearest neighbour knows nothing: it answers with the label of the most similar picture that it was shown. A
support vector machine draws smooth borders between the classes. A CNN knows beforehand that neighbouring
pixels belong together, and that things may be anywhere; with augmentation it is also told in which ways a
picture may differ and still show the same. What one knows beforehand need not be learned from examples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sandbox.core.errors import NotFound
from sandbox.core.lesson import Desk, Taught
from sandbox.core.seeding import derive_seed
from sandbox.data.augment import preset
from sandbox.data.catalog import load
from sandbox.data.pictures import Dataset, Pictures, subset
from sandbox.nn.batches import Augment
from sandbox.supervised.lessons.small_nets import Layers, fitted
from sandbox.ui.lesson_charts import draw_curves, headed, sheet

SIZES = {"mnist": (10, 30, 100, 300, 1000, 3000), "digits": (10, 30, 100, 300, 1000)}
TESTED = 1_000
GOALS = (75, 80, 85, 90, 95, 98)


def found(desk: Desk) -> Dataset:
    """MNIST where it is found, the small digits elsewhere."""
    try:
        return load("mnist", desk.data_dir)
    except NotFound:
        return load("digits")


def flat(pictures: Pictures) -> NDArray[np.float32]:
    """Every pixel a number from 0 to 1: (n, pixels)."""
    return np.asarray(pictures.images.flatten(1), np.float32) / np.float32(255)


def neighbour(train: Pictures, test: Pictures, seed: int) -> float:
    """Accuracy of the label of the nearest training picture."""
    from sklearn.neighbors import KNeighborsClassifier

    del seed  # nothing is drawn
    return (
        KNeighborsClassifier(1).fit(flat(train), train.labels.numpy()).score(flat(test), test.labels.numpy())
    )


def machine(train: Pictures, test: Pictures, seed: int) -> float:
    """Accuracy of a support vector machine with a Gaussian kernel."""
    from sklearn.svm import SVC

    del seed  # nothing is drawn
    return SVC(C=10).fit(flat(train), train.labels.numpy()).score(flat(test), test.labels.numpy())


def convolutional(train: Pictures, test: Pictures, seed: int, augment: Augment | None = None) -> float:
    """Accuracy of a small CNN, which gets more steps where there is more to learn."""
    steps = min(60 + len(train) // 10, 300)
    training = fitted(lambda: cnn(train.shape[1]), train, seed, augment=augment, steps=steps, batch_size=32,
                      learning_rate=3e-3)  # fmt: skip
    return training.evaluate(test)["accuracy"]


def cnn(side: int) -> Layers:
    """Three convolutions with batch norm; larger pictures are halved by the first."""
    stride = 2 if side > 16 else 1
    cells = -(-(-(-side // stride) // 2) // 2)
    return Layers(
        *(nn.Conv2d(1, 16, 5, stride, padding=2), nn.BatchNorm2d(16), nn.ReLU()),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2, ceil_mode=True)),
        *(nn.Conv2d(32, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2, ceil_mode=True)),
        *(nn.Flatten(), nn.Dropout(0.5), nn.Linear(64 * cells**2, 10)),
    )


def reached(sizes: Sequence[int], accuracies: Sequence[float], goal: float) -> int | None:
    """How many pictures it takes to get `goal` % right, to two digits; None where that is not reached."""
    best = np.maximum.accumulate(accuracies)
    if best[-1] < goal:
        return None
    rising = best + np.arange(len(best)) * 1e-9  # so that each accuracy has one place
    return int(float(f"{10 ** np.interp(goal, rising, np.log10(sizes)):.2g}"))


def teach(desk: Desk, *, sizes: Sequence[int] | None = None, draws: int = 2) -> Taught:
    """Ask all four after ever more pictures; few pictures are drawn several times."""
    data = found(desk)
    sizes = sizes or SIZES[data.name]
    test = data.test.take(torch.arange(min(TESTED, len(data.test))))
    augment = preset(data.name)
    ways: dict[str, Callable[[Pictures, Pictures, int], float]] = {
        "nearest neighbour": neighbour,
        "SVM": machine,
        "CNN": convolutional,
        "CNN, augmented": lambda train, some, seed: convolutional(train, some, seed, augment),
    }
    curves: dict[str, list[float]] = {name: [] for name in ways}
    for size in sizes:
        desk.note(f"{size:,} pictures")
        seeds = [derive_seed(desk.seed, "draw", draw) for draw in range(draws if size <= 100 else 1)]
        for name, way in ways.items():
            scores = [way(subset(data.train, size, seed=seed), test, seed) for seed in seeds]
            curves[name].append(100 * float(np.mean(scores)))

    name = {"mnist": "MNIST", "digits": "the small digits (MNIST was not found)"}[data.name]
    figure, ((axes,),) = sheet(
        "How many pictures does it take?",
        f"{name}   ·   accuracy on {len(test):,} test pictures   ·   "
        f"up to 100 pictures: means of {draws} draws",
        columns=1, width_inches=9.5, panel_inches=4.2, label_inches=1.7,
    )  # fmt: skip
    headed(axes, "Accuracy in %", "training pictures (logarithmic)").set_xscale("log")
    axes.set_xticks(list(sizes), [f"{size:,}" for size in sizes])
    axes.minorticks_off()
    draw_curves(axes, {name: (list(sizes), some) for name, some in curves.items()}, marker="o")
    first, last = ({name: some[at] for name, some in curves.items()} for at in (0, -1))
    goal = max((g for g in GOALS if g <= curves["nearest neighbour"][-1]), default=GOALS[0])
    aside = " At 8×8 pixels they are hardly apart: MNIST tells more." if data.name == "digits" else ""
    needed = {name: reached(sizes, some, goal) for name, some in curves.items()}
    return Taught(figure, (
        f"At {sizes[0]} pictures: " + ", ".join(f"{way} {part:.0f} %" for way, part in first.items()) + ".",
        f"At {sizes[-1]:,}: " + ", ".join(f"{way} {part:.1f} %" for way, part in last.items()) + f".{aside}",
        f"Read along a height: {goal} % takes how many pictures? "
        + ", ".join(f"{way} {f'about {n:,}' if n else 'more'}" for way, n in needed.items())
        + ".",
    ))  # fmt: skip
