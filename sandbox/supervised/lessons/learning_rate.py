"""The learning rate: too low, right, too high, and a quick way to find it.

The gradient says which way is down, the learning rate how far to go. Too low, and the time is up before
anything is learned; too high, and each step leaps over the valley and lands higher than it began. The finder
(Smith 2017) lets the rate grow with every step, and watches the loss: it falls while the rate is right, and
explodes where it is too high. That costs a few seconds, and nothing of it is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from sandbox.core.lesson import Desk, Taught
from sandbox.data.catalog import load
from sandbox.data.pictures import Pictures
from sandbox.nn.fit import Training
from sandbox.nn.fit_settings import FitSettings
from sandbox.nn.lr_finder import Found, find_learning_rate
from sandbox.supervised.lessons.small_nets import Layers
from sandbox.ui.chart import COLOURS, INK, QUIET
from sandbox.ui.lesson_charts import draw_curves, headed, say, sheet, smooth

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STEPS, SMOOTH = 300, 10
FACTORS = {"too low": 1 / 30, "right": 1.0, "too high": 30.0}
"""times the rate that the finder suggests"""
LOOKS = (COLOURS[0], COLOURS[2], COLOURS[1])


def net() -> Layers:
    """A small net for digits."""
    hidden = [nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU()]
    return Layers(nn.Flatten(), *hidden, nn.Linear(64, 10))


def training(pictures: Pictures, seed: int, **settings: Any) -> Training:
    """A new net, and how it is trained; with the same seed always the same net and batches."""
    torch.manual_seed(seed)
    fit = FitSettings(optimizer="momentum", schedule="constant", batch_size=64, **settings)
    return Training(net(), pictures, fit, seed=seed)


def losses(pictures: Pictures, seed: int, rate: float, steps: int = STEPS) -> np.ndarray:
    """The loss of each step at one rate: (steps,)."""
    learner = training(pictures, seed, learning_rate=rate)
    return np.array([float(learner.update()["loss"]) for _ in range(steps)])


def teach(desk: Desk) -> Taught:
    """Find a rate, then train at it, far below it and far above it."""
    pictures = load("digits").train
    found = find_learning_rate(training(pictures, desk.seed))
    rates = {name: found.suggestion * factor for name, factor in FACTORS.items()}
    trained = {name: smooth(losses(pictures, desk.seed, rate), SMOOTH) for name, rate in rates.items()}

    figure, ((curve, learning),) = sheet(
        "The learning rate, and how to find it",
        f"a small net on {len(pictures):,} digits, SGD with momentum   ·   left: one short test in which the "
        "rate grows   ·   right: trained at three rates",
        columns=2, width_inches=13, label_inches=(0.3, 1.7),
    )  # fmt: skip
    draw_found(curve, found, rates)
    headed(learning, f"Loss of {STEPS} steps at one rate, means of {SMOOTH}", "steps")
    steps = np.arange(SMOOTH, STEPS + 1)
    most = 1.5 * trained["too low"][0]
    shown = {f"{name}, {rates[name]:.2g}": (steps, np.minimum(y, most)) for name, y in trained.items()}
    learning.set_ylim(0, most)
    draw_curves(learning, shown, colours=LOOKS)
    ends = {name: values[-1] for name, values in trained.items()}
    return Taught(figure, (
        f"Left: the loss falls as the rate grows, is lowest at {found.rates[found.lowest]:.2g}, and shoots "
        f"up; for a constant rate the finder suggests a third of that, {found.suggestion:.2g}.",
        f"Right: at that rate {STEPS} steps lead from {trained['right'][0]:.2f} to {ends['right']:.3f}.",
        f"At {rates['too low']:.2g} they end at {ends['too low']:.2f}, far from done; at "
        f"{rates['too high']:.2g} at {ends['too high']:.2f}, no better than guessing (2.30).",
    ))  # fmt: skip


def draw_found(axes: Axes, found: Found, rates: dict[str, float]) -> None:
    """The finder's curve, and where on it the three rates lie."""
    headed(axes, "Loss while the rate grows: each step, and smoothed", "learning rate").set_xscale("log")
    top = 1.5 * found.losses[0]
    axes.plot(found.rates, np.minimum(found.losses, top), ".", color=QUIET, alpha=0.5, markersize=5)
    axes.plot(found.rates, found.smooth, color=INK, linewidth=2)
    axes.set(xlim=(found.rates[0], 2 * max(rates.values())), ylim=(0, top))
    for colour, (name, rate) in zip(LOOKS, rates.items(), strict=True):
        axes.axvline(rate, color=colour, linewidth=1.6, dashes=(5, 4))
        say(axes, rate / 1.12, 0.04 * top, name, colour, ha="right", fontweight="bold")
