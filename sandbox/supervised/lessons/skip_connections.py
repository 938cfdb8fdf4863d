"""Depth with and without skip connections.

More layers can express more, but each of them also stands between the loss and the layers before it. A skip
connection adds what came in to what goes out: the layer only has to learn a change, and the gradient has a
way around it. So 48 layers learn nearly as well as 4 (He et al. 2016); without, they learn nothing at all.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from sandbox.core.lesson import Desk, Taught
from sandbox.data.catalog import load
from sandbox.ui.chart import COLOURS
from sandbox.ui.lesson_charts import draw_curves, headed, sheet, smooth

DEPTHS = (4, 16, 48)
WIDTH, STEPS, BATCH, RATE, SMOOTH = 32, 250, 64, 0.001, 20


class Layer(nn.Module):
    """Norm, ReLU and a linear map; with a skip connection, what came in is added."""

    def __init__(self, skip: bool) -> None:
        super().__init__()
        self.skip = skip
        self.change = nn.Sequential(nn.LayerNorm(WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, width) to the same shape."""
        return x + self.change(x) if self.skip else self.change(x)


class Trained(NamedTuple):
    """How a net learned."""

    losses: np.ndarray  # (steps,)
    gradients: np.ndarray  # (steps,): length of that of the first layer's weights


def net_of(depth: int, skip: bool, seed: int) -> nn.Sequential:
    """`depth` layers between a first and a last linear map."""
    torch.manual_seed(seed)
    layers = [Layer(skip) for _ in range(depth)]
    return nn.Sequential(nn.Linear(64, WIDTH), *layers, nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 10))


def train(net: nn.Sequential, images: Tensor, labels: Tensor, steps: int = STEPS) -> Trained:
    """Adam on small batches; notes the loss and the first layer's gradient of each step."""
    first: Any = net[0]
    optimizer, losses, gradients = torch.optim.Adam(net.parameters(), RATE), [], []
    for _ in range(steps):
        rows = torch.randint(len(labels), (BATCH,))
        loss = cross_entropy(net(images[rows]), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        losses.append(loss.item())
        gradients.append(float(first.weight.grad.norm()))
        optimizer.step()
    return Trained(np.array(losses), np.array(gradients))


def teach(desk: Desk) -> Taught:
    """Train each depth with and without skip connections."""
    pictures = load("digits").train
    images = pictures.images.flatten(1) / 255
    images = (images - images.mean()) / images.std()
    trained: dict[bool, dict[int, Trained]] = {False: {}, True: {}}
    for depth in DEPTHS:
        desk.note(f"{depth} layers, without and with skip connections")
        for skip, nets in trained.items():
            nets[depth] = train(net_of(depth, skip, desk.seed), images, pictures.labels)

    figure, ((plain, skipping, gradients),) = sheet(
        "Depth, with and without skip connections",
        f"layers of {WIDTH} units on {len(images):,} digits, Adam at rate {RATE}, means of {SMOOTH} steps",
        columns=3, width_inches=14, label_inches=(0.8, 0.8, 1.35),
    )  # fmt: skip
    steps = np.arange(SMOOTH, STEPS + 1)
    for axes, skip, title in ((plain, False, "Loss without them"), (skipping, True, "Loss with them")):
        headed(axes, title, "steps").set_ylim(0, 2.5)
        curves = {
            f"{depth} layers": (steps, smooth(one.losses, SMOOTH)) for depth, one in trained[skip].items()
        }
        draw_curves(axes, curves)
    headed(gradients, "Length of the first layer's gradient", "steps")
    deepest = DEPTHS[-1]
    heard = {skip: smooth(nets[deepest].gradients, SMOOTH) for skip, nets in trained.items()}
    gradients.set_yscale("log")
    for skip, line in ((False, "--"), (True, "-")):
        label = f"{deepest} {'with' if skip else 'without'}"
        draw_curves(gradients, {label: (steps, heard[skip])}, colours=COLOURS[2:], linestyle=line)
    ends = {skip: [smooth(one.losses, SMOOTH)[-1] for one in nets.values()] for skip, nets in trained.items()}
    told = " / ".join(str(depth) for depth in DEPTHS)
    return Taught(figure, (
        f"Left: without skip connections {told} layers end at a loss of "
        + " / ".join(f"{loss:.2f}" for loss in ends[False]) + " (guessing has 2.30).",
        f"Middle: with them at {' / '.join(f'{loss:.2f}' for loss in ends[True])}: depth does little harm.",
        f"Right: without them the first of {deepest} layers hears nothing (gradient "
        f"{heard[False][-1]:.0e} at the end), with them it does ({heard[True][-1]:.1g}).",
    ))  # fmt: skip
