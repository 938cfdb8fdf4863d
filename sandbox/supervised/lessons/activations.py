"""Why a network needs bends: one hidden layer on a curve that no line can fit.

The answer of a hidden layer is a sum of pieces, one for each hidden unit. With the identity as activation
each piece is a line, and a sum of lines is a line, however many there are. Sigmoid and tanh make each piece a
soft step, ReLU a line with one corner: out of such pieces any curve can be put together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from sandbox.core.lesson import Desk, Taught
from sandbox.ui.chart import COLOURS, INK, QUIET
from sandbox.ui.lesson_charts import headed, sheet

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ACTIVATIONS = {"identity": nn.Identity(), "sigmoid": nn.Sigmoid(), "tanh": nn.Tanh(), "ReLU": nn.ReLU()}
UNITS, POINTS, STEPS, RATE, NOISE = 20, 80, 2000, 0.03, 0.05
RANGE = 3.0


class Fit(NamedTuple):
    """What a network made of the points, drawn on a fine grid."""

    x: Tensor  # (grid,)
    curve: Tensor  # (grid,)
    pieces: Tensor  # (grid, units), which sum to the curve, but for a constant
    loss: float


def wave(x: Tensor) -> Tensor:
    """The curve to be found."""
    return torch.sin(2 * x) + 0.3 * x


def fit(activation: nn.Module, x: Tensor, y: Tensor, seed: int, steps: int = STEPS) -> Fit:
    """Train one hidden layer on points (n,)."""
    torch.manual_seed(seed)
    hidden, out = nn.Linear(1, UNITS), nn.Linear(UNITS, 1)
    nn.init.ones_(hidden.weight)
    hidden.bias.data = torch.linspace(RANGE, -RANGE, UNITS)  # so that the bends are spread over the range
    optimizer = torch.optim.Adam([*hidden.parameters(), *out.parameters()], RATE)
    for _ in range(steps):
        loss = error(out(activation(hidden(x[:, None])))[:, 0], y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        fine = torch.linspace(-RANGE, RANGE, 400)
        pieces = activation(hidden(fine[:, None])) * out.weight[0]  # (grid, units)
        learned = out(activation(hidden(x[:, None])))[:, 0]
        return Fit(fine, pieces.sum(1) + out.bias, pieces, float(error(learned, y)))


def error(said: Tensor, true: Tensor) -> Tensor:
    """Mean squared error."""
    return (said - true).square().mean()


def points(seed: int) -> tuple[Tensor, Tensor]:
    """Noisy points on the curve: x and y, (n,) each."""
    draw = torch.Generator().manual_seed(seed)
    x = (torch.rand(POINTS, generator=draw) * 2 - 1) * RANGE
    return x, wave(x) + NOISE * torch.randn(POINTS, generator=draw)


def corners(curve: Tensor) -> int:
    """How often a curve made of straight lines changes its direction: where second differences are not 0."""
    bends = curve.double().diff().diff().abs() > 1e-4
    return int(
        torch.cat([bends[:1], bends[1:] & ~bends[:-1]]).sum()
    )  # a corner between two points shows twice


def teach(desk: Desk) -> Taught:
    """Fit the same points with each activation."""
    x, y = points(desk.seed)
    fits = {name: fit(activation, x, y, desk.seed) for name, activation in ACTIVATIONS.items()}
    figure, (above, below) = sheet(
        "What an activation is for",
        f"one hidden layer of {UNITS} units on {POINTS} points   ·   above: what it learned   ·   "
        "below: the pieces, one for each unit, whose sum that is",
        rows=2, columns=4, width_inches=14, panel_inches=2.5, between_inches=0.25, label_inches=0.0,
    )  # fmt: skip
    for upper, lower, colour, (name, one) in zip(above, below, COLOURS, fits.items(), strict=False):
        draw_fit(headed(upper, f"{name}: error {one.loss:.2g}"), x, y, one, colour)
        draw_pieces(headed(lower, "", "x"), one, colour)
    errors = {name: one.loss for name, one in fits.items()}
    straight = corners(fits["ReLU"].curve) + 1
    return Taught(figure, (
        f"The identity draws a line, whatever its {UNITS} units do: a sum of lines is one "
        f"(error {errors.pop('identity'):.2f}).",
        "With a bend in each piece the same units follow the curve (error "
        + ", ".join(f"{name} {size:.4f}" for name, size in errors.items()) + ").",
        f"Below are the pieces: soft steps of sigmoid and tanh; corners of ReLU, whose curve is {straight} "
        "straight lines.",
    ))  # fmt: skip


def draw_fit(axes: Axes, x: Tensor, y: Tensor, one: Fit, colour: str) -> None:
    """The points and the curve learned."""
    axes.plot(x, y, "o", color=QUIET, markersize=3.5, alpha=0.5)
    axes.plot(one.x, one.curve, color=colour, linewidth=2.4)
    axes.set_ylim(-2.2, 2.2)
    axes.set_xticklabels([])


def draw_pieces(axes: Axes, one: Fit, colour: str) -> None:
    """What each unit adds, shifted to 0 in the middle of its range."""
    axes.plot(one.x, one.pieces - one.pieces.mean(0), color=colour, linewidth=1.1, alpha=0.75)
    axes.axhline(0, color=INK, linewidth=0.6)
