"""Optimisers racing: what each makes of the same gradients.

SGD steps straight along the gradient. Momentum keeps some of its speed; Nesterov looks ahead before it turns.
Adagrad gives every weight a rate of its own, which can only fall; RMSprop lets it rise again; Adam does both,
speed and rates. A race is fair only if everybody drives at the rate that suits: each gets its best of a grid.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import SGD, Adagrad, Adam, Optimizer, RMSprop

from sandbox.core.lesson import Desk, Taught
from sandbox.data.catalog import load
from sandbox.ui.chart import COLOURS, INK
from sandbox.ui.lesson_charts import draw_curves, draw_path, headed, joined, loss_map, say, sheet, smooth

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Make = Callable[[Iterable[Tensor], float], Optimizer]
OPTIMIZERS: dict[str, Make] = {
    "SGD": lambda weights, rate: SGD(weights, rate),
    "Momentum": lambda weights, rate: SGD(weights, rate, momentum=0.9),
    "Nesterov": lambda weights, rate: SGD(weights, rate, momentum=0.9, nesterov=True),
    "Adagrad": lambda weights, rate: Adagrad(weights, rate),
    "RMSprop": lambda weights, rate: RMSprop(weights, rate),
    "Adam": lambda weights, rate: Adam(weights, rate),
}
SPEEDY = ("Momentum", "Nesterov", "Adam")
RATES = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
START, GOAL = (-1.2, 1.8), (1.0, 1.0)
VALLEY_STEPS, NET_STEPS, BATCH = 200, 200, 64
SMOOTH, GOOD = 10, 0.15


class Drive(NamedTuple):
    """What an optimiser does at its best rate."""

    rate: float
    losses: np.ndarray  # (steps + 1,)
    path: np.ndarray  # (steps + 1, 2), in the valley


def valley(x: Tensor, y: Tensor) -> Tensor:
    """Rosenbrock's curved, narrow valley (1960), with its goal at (1, 1)."""
    return (1 - x) ** 2 + 20 * (y - x**2) ** 2


def drive_valley(make: Make, rate: float, steps: int = VALLEY_STEPS) -> Drive:
    """Go down the valley from the start."""
    place = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    optimizer, path, losses = make([place], rate), [], []
    for _ in range(steps + 1):
        loss = valley(place[0], place[1])
        path.append(place.detach().clone())
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return Drive(rate, np.array(losses), torch.stack(path).numpy())


def drive_net(
    make: Make, rate: float, images: Tensor, labels: Tensor, seed: int, steps: int = NET_STEPS
) -> Drive:
    """Train a small net; all see the same first weights and the same batches."""
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer, losses = make(net.parameters(), rate), []
    for _ in range(steps):
        rows = torch.randint(len(labels), (BATCH,))
        loss = cross_entropy(net(images[rows]), labels[rows])
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return Drive(rate, np.array(losses), np.empty((0, 2)))


def best(drives: Iterable[Drive], last: int) -> Drive:
    """The one whose last losses are the lowest on average."""
    return min(drives, key=lambda drive: np.nan_to_num(drive.losses[-last:].mean(), nan=np.inf))


def race(drive: Callable[[Make, float], Drive], last: int) -> dict[str, Drive]:
    """Let each optimiser drive at all rates, and keep its best drive."""
    return {name: best([drive(make, rate) for rate in RATES], last) for name, make in OPTIMIZERS.items()}


def steps_to(drive: Drive, goal: float) -> int | None:
    """How many steps it took until the mean loss of ten steps was below the goal."""
    below = np.flatnonzero(smooth(drive.losses, SMOOTH) < goal)
    return int(below[0]) + SMOOTH if below.size else None


def teach(desk: Desk) -> Taught:
    """Race in the valley and on the digits."""
    pictures = load("digits").train
    images, labels = pictures.images.flatten(1) / 255, pictures.labels
    desk.note(f"{len(OPTIMIZERS)} optimisers, {len(RATES)} learning rates each")
    down = race(drive_valley, 1)
    learned = race(lambda make, rate: drive_net(make, rate, images, labels, desk.seed), 20)

    figure, panels = sheet(
        "Optimisers, each at its best learning rate",
        f"left: {VALLEY_STEPS} steps down a narrow, curved valley   ·   "
        f"right: a small net on {len(images):,} digits   ·   best of the rates {RATES[0]} to {RATES[-1]:g}",
        rows=2, columns=4, width_inches=14, panel_inches=2.3, between_inches=0.55,
        label_inches=(0, 0, 0.1, 1.65), shares=(1, 1, 1, 1.9),
    )  # fmt: skip
    maps = [*panels[0][:3], *panels[1][:3]]
    for axes, colour, (name, drive) in zip(maps, COLOURS, down.items(), strict=True):
        draw_valley(axes, name, drive, colour)
    curves = headed(joined(panels[0][3], panels[1][3]), "Loss on the digits, means of 10 steps", "steps")
    draw_curves(
        curves,
        {
            f"{name}, rate {d.rate:g}": (np.arange(NET_STEPS - SMOOTH + 1) + SMOOTH, smooth(d.losses, SMOOTH))
            for name, d in learned.items()
        },
        log=True,
    )
    needed = {name: steps_to(drive, GOOD) for name, drive in learned.items()}
    return Taught(figure, (
        "Valley: those that gather speed arrive ("
        + ", ".join(f"{name} {down[name].losses[-1]:.1g}" for name in SPEEDY)
        + f"), SGD creeps along its floor ({down['SGD'].losses[-1]:.1g}), "
        + " and ".join(f"{name} ({down[name].losses[-1]:.2g})" for name in ("RMSprop", "Adagrad"))
        + " end farther up.",
        f"Digits, steps to a loss below {GOOD}: "
        + ", ".join(f"{name} {steps or 'more'}" for name, steps in needed.items()) + ".",
        "Their best rates there, never to be compared at one rate: "
        + ", ".join(f"{name} {drive.rate:g}" for name, drive in learned.items())
        + ".",
    ))  # fmt: skip


def draw_valley(axes: Axes, name: str, drive: Drive, colour: str) -> None:
    """The way of one optimiser."""
    x, y = np.linspace(-1.8, 1.8, 120), np.linspace(-0.6, 2.6, 120)
    headed(axes, f"{name}, rate {drive.rate:g}")
    loss_map(axes, x, y, 1e-2 + valley(torch.tensor(x), torch.tensor(y)[:, None]).numpy(), levels=10)
    draw_path(axes, drive.path, colour, linewidth=1.4, marker=".", markersize=3)
    axes.plot(*GOAL, "+", color=INK, markersize=11, markeredgewidth=1.8, zorder=7)
    axes.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]), xticks=[], yticks=[])
    say(axes, START[0] - 0.5, START[1] + 0.5, f"ends at {drive.losses[-1]:.2g}", INK)
