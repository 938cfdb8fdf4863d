"""A dense net against CNNs on digits that stand elsewhere.

A dense net has a weight for every pixel: what it learned about the middle, it does not know a pixel further
to the left. A convolution looks for the same things everywhere. What becomes of that depends on the end: a
CNN that flattens its feature maps learns again where everything is, one that only keeps how strongly each
thing was found, anywhere, cannot even tell that a digit has moved.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import nn

from sandbox.core.lesson import Desk, Taught
from sandbox.data.catalog import load
from sandbox.data.pictures import Pictures
from sandbox.nn.fit import Training
from sandbox.supervised.lessons.small_nets import Layers, fitted
from sandbox.ui.lesson_charts import draw_curves, headed, picture_strip, sheet

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIDE, DIGIT = 18, 8
DIRECTIONS = ((0, 1), (0, -1), (1, 0), (-1, 0))
DENSE, FLAT, ANYWHERE = "dense net", "CNN, flattened", "CNN, strongest\nanywhere"


def dense() -> Layers:
    """A weight for every pixel."""
    return Layers(nn.Flatten(), nn.Linear(SIDE**2, 128), nn.ReLU(), nn.Linear(128, 10))


def flattened() -> Layers:
    """What is where: its last layer has a weight for every place of every feature map."""
    return Layers(
        *(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(32 * (SIDE // 4) ** 2, 10)),
    )


def anywhere() -> Layers:
    """What, but not where: of each feature map only the largest number is kept."""
    return Layers(
        *(nn.Conv2d(1, 12, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(12, 48, 5, padding=2), nn.ReLU(), nn.AdaptiveMaxPool2d(1)),
        *(nn.Flatten(), nn.Linear(48, 10)),
    )


NETS: dict[str, Callable[[], Layers]] = {DENSE: dense, FLAT: flattened, ANYWHERE: anywhere}


def shifted(pictures: Pictures, right: int = 0, down: int = 0) -> Pictures:
    """The digits on a larger black canvas (n, 1, 18, 18), so many pixels off its middle."""
    canvas = torch.zeros(len(pictures), 1, SIDE, SIDE, dtype=torch.uint8)
    top, left = (SIDE - DIGIT) // 2 + down, (SIDE - DIGIT) // 2 + right
    canvas[:, :, top : top + DIGIT, left : left + DIGIT] = pictures.images
    return Pictures(canvas, pictures.labels, pictures.classes)


def accuracy(training: Training, pictures: Pictures, shift: int) -> float:
    """Accuracy in % on pictures shifted by `shift` pixels, the mean of the four directions."""
    ways = [shifted(pictures, shift * right, shift * down) for right, down in DIRECTIONS]
    return 100 * sum(training.evaluate(way)["accuracy"] for way in ways) / len(ways)


def teach(desk: Desk, *, steps: int = 200, shifts: int = 4) -> Taught:
    """Train three nets on digits in the middle, and ask about digits that are not."""
    data = load("digits")
    middle, amounts = shifted(data.train), range(shifts + 1)
    curves, sizes = {}, {}
    for name, make in NETS.items():
        desk.note(name.replace("\n", " "))
        training = fitted(make, middle, desk.seed, steps=steps, batch_size=64, learning_rate=3e-3)
        curves[name] = [accuracy(training, data.test, shift) for shift in amounts]
        sizes[name] = sum(part.numel() for part in training.model.parameters())

    figure, ((axes,),) = sheet(
        "Shifted digits: a dense net knows places, a convolution knows shapes",
        f"trained on {len(middle):,} digits in the middle of {SIDE}×{SIDE} pixels, "
        f"tested on digits shifted to each side",
        columns=1, width_inches=9, panel_inches=4.4, label_inches=1.5,
    )  # fmt: skip
    headed(axes, "Accuracy on the test pictures in %", "shift in pixels")
    axes.set(ylim=(0, 104), xticks=list(amounts), xlim=(-0.35, shifts + 0.35))
    draw_curves(axes, {name: (list(amounts), some) for name, some in curves.items()}, marker="o")
    draw_examples(figure, axes, data.test.take(torch.tensor([0])), shifts)
    return Taught(figure, (
        "Unshifted, all three know their digits: "
        + ", ".join(f"{name.split(',')[0]} {curves[name][0]:.0f} %" for name in (DENSE, FLAT))
        + f", the CNN that keeps the strongest {curves[ANYWHERE][0]:.0f} %.",
        f"Two pixels to the side the dense net guesses ({curves[DENSE][2]:.0f} %; chance is 10 %), and the "
        f"flattened CNN is not much better off ({curves[FLAT][2]:.0f} %).",
        f"Asked what was found, but not where, a CNN still has {curves[ANYWHERE][-1]:.0f} % at {shifts} "
        f"pixels, with {sizes[ANYWHERE]:,} weights against the dense net's {sizes[DENSE]:,}.",
    ))  # fmt: skip


def draw_examples(figure: Figure, axes: Axes, one: Pictures, shifts: int) -> None:
    """One picture below each shift; the panel makes room for them."""
    side, below = 0.75, 1.05
    height = figure.get_size_inches()[1]
    panel = axes.get_position()
    axes.set_position((panel.x0, panel.y0 + below / height, panel.width, panel.height - below / height))
    for shift in range(shifts + 1):
        at = axes.transData.transform((shift, 0))[0] / figure.dpi
        picture = shifted(one, shift).images[0, 0].numpy()
        picture_strip(figure, [picture], left=at - side / 2, top=height - side - 0.25, side=side)
