"""How a deep network begins: zeros, small numbers, Xavier, Kaiming.

Each layer multiplies what comes in. If every layer makes it a little smaller, little is left after twenty of
them, going forwards (activations) as well as backwards (gradients), and nothing can be learned. Xavier keeps
the size for activations that are straight about 0; ReLU throws away half, and Kaiming doubles the variance to
make up for it. From zeros nothing comes through in either direction: only the last bias ever gets a gradient,
so the net learns how frequent each digit is, and nothing of any picture.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from sandbox.core.lesson import Desk, Taught
from sandbox.data.catalog import load
from sandbox.ui.lesson_charts import draw_curves, headed, sheet, smooth

INITIALIZATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "Kaiming": lambda weight: nn.init.kaiming_normal_(weight, nonlinearity="relu"),
    "Xavier": nn.init.xavier_normal_,
    "small": lambda weight: nn.init.normal_(weight, std=SMALL),
    "zeros": nn.init.zeros_,
}
LAYERS, WIDTH, STEPS, BATCH, RATE = 20, 64, 400, 64, 0.01
SMALL, SMOOTH = 0.05, 20


class Beginning(NamedTuple):
    """What an initialisation does."""

    activations: list[float]
    """typical size behind each hidden layer, before anything is learned"""
    gradients: list[float]
    """typical size of the loss's gradient with respect to what each hidden layer gives, likewise"""
    losses: list[float]
    """of each step"""


def deep_net(initialize: Callable[[Tensor], Tensor], seed: int, layers: int = LAYERS) -> nn.Sequential:
    """A ReLU net with `layers` hidden layers."""
    torch.manual_seed(seed)
    widths = [64] + [WIDTH] * layers
    net = nn.Sequential()
    for inputs, outputs in zip(widths, [*widths[1:], 10], strict=True):
        layer = nn.Linear(inputs, outputs)
        initialize(layer.weight)
        nn.init.zeros_(layer.bias)
        net.append(nn.Sequential(layer, nn.ReLU()) if len(net) < layers else layer)  # the last one answers
    return net


def size(numbers: Tensor) -> float:
    """Root of the mean square; in double precision, as squares of what is tiny would become 0."""
    return float(numbers.detach().double().square().mean().sqrt())


def begin(net: nn.Sequential, images: Tensor, labels: Tensor, steps: int = STEPS) -> Beginning:
    """Measure the net as it begins, then train it with plain SGD."""
    activations, x = [], images
    for layer in list(net)[:-1]:
        x = layer(x)
        activations.append(x)
    gradients = torch.autograd.grad(cross_entropy(net[-1](x), labels), activations)
    losses = train(net, images, labels, steps)
    return Beginning([size(x) for x in activations], [size(x) for x in gradients], losses)


def train(net: nn.Module, images: Tensor, labels: Tensor, steps: int) -> list[float]:
    """Plain SGD; returns the loss of each step."""
    optimizer, losses = torch.optim.SGD(net.parameters(), RATE), []
    for _ in range(steps):
        rows = torch.randint(len(labels), (BATCH,))
        loss = cross_entropy(net(images[rows]), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def teach(desk: Desk) -> Taught:
    """Begin, and train, in each of the ways."""
    pictures = load("digits").train
    images = pictures.images.flatten(1) / 255
    images = (images - images.mean()) / images.std()
    begun = {}
    for name, initialize in INITIALIZATIONS.items():
        desk.note(f"{LAYERS} layers from {name}")
        begun[name] = begin(deep_net(initialize, desk.seed), images, pictures.labels)

    figure, ((forwards, backwards, learning),) = sheet(
        "How a deep network begins",
        f"{LAYERS} layers of {WIDTH} ReLU units on {len(images):,} digits, plain SGD at rate {RATE}   ·   "
        f"small: normal, of standard deviation {SMALL}   ·   left and middle: before the first step",
        columns=3, width_inches=14, label_inches=0.85,
    )  # fmt: skip
    layers = range(1, LAYERS + 1)
    headed(forwards, "Typical size of the activations", "layer")
    draw_curves(forwards, {name: (layers, _seen(one.activations)) for name, one in begun.items()}, log=True)
    headed(backwards, "Typical size of the gradient behind each layer", "layer")
    draw_curves(backwards, {name: (layers, _seen(one.gradients)) for name, one in begun.items()}, log=True)
    headed(learning, f"Loss, means of {SMOOTH} steps", "steps")
    steps = np.arange(SMOOTH, STEPS + 1)
    draw_curves(learning, {name: (steps, smooth(one.losses, SMOOTH)) for name, one in begun.items()})

    back = {name: one.gradients[0] / (one.gradients[-1] or 1.0) for name, one in begun.items()}
    last = {name: smooth(one.losses, SMOOTH)[-1] for name, one in begun.items()}
    return Taught(figure, (
        f"Left: the last activations are about {begun['Kaiming'].activations[-1]:.1g} from Kaiming, "
        f"{begun['Xavier'].activations[-1]:.0e} from Xavier, {begun['small'].activations[-1]:.0e} from small "
        "weights.",
        "Middle, from right to left: on its way back the gradient becomes "
        f"{back['Kaiming']:.1g} (Kaiming), {back['Xavier']:.0e} (Xavier), {back['small']:.0e} (small) times "
        "what it was; from zeros there is none (no curve).",
        f"Right: after {STEPS} steps the loss is {last['Kaiming']:.2f} from Kaiming, and still "
        f"{last['Xavier']:.2f} from Xavier, {last['small']:.2f} from small, {last['zeros']:.2f} from zeros "
        "(guessing has 2.30).",
    ))  # fmt: skip


def _seen(sizes: list[float]) -> np.ndarray:
    """A logarithmic scale has no place for 0."""
    return np.array([size or np.nan for size in sizes])
