"""Pictures that a network makes up: what a class or a channel would like to see most."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from sandbox.nn.explain import Eyes, Judge, blur

STEPS = 80
RATE = 0.2
"""of the range [−1, 1]: the root mean square of a step, at first"""
_CALM = 0.2  # part of the steps at the end without shifts and blur: they sharpen what has been found
_SHIFT = 1 / 14  # of the longer side, the farthest
_BLUR = 0.6  # pixels
_DECAY = 0.01  # of the distance to the ground, in each step

Goal = Callable[[Tensor], Tensor]
"""Pictures (batch, channels, height, width) in [−1, 1] to how much each is liked, (batch,)."""


def liked_class(judge: Judge, classes: Tensor) -> Goal:
    """By how much picture i is of class `classes[i]` and of no other: its log odds, in nats."""

    def goal(pictures: Tensor) -> Tensor:
        logits = judge.evidence(pictures)[1].float()
        chosen = classes[:, None].to(logits.device)
        others = logits.scatter(1, chosen, float("-inf")).logsumexp(1)
        return logits.gather(1, chosen)[:, 0] - others

    return goal


def liked_channel(eyes: Eyes, scale: str, channel: int, *, everywhere: bool = False) -> Goal:
    """How high a channel of a scale is at the place in its middle, or on average over all places."""

    def goal(pictures: Tensor) -> Tensor:
        heights = eyes.scales(pictures)[scale][:, channel].float()  # (batch, rows, columns)
        rows, columns = heights.shape[1:]
        return heights.mean((1, 2)) if everywhere else heights[:, rows // 2, columns // 2]

    return goal


def maximised(goal: Goal, ground: Tensor, count: int, seed: int = 0) -> Tensor:
    """Pictures that a goal likes as much as possible, by gradient ascent from noise.

    Erhan et al. 2009, "Visualizing Higher-Layer Features of a Deep Network"; shifts and blur against the
    patterns that only a network sees: Olah et al. 2017, "Feature Visualization".

    Args:
        ground: (channels, height, width) in [−1, 1], on the device: where pictures begin and are drawn to.
        count: pictures, of which the goal judges all at once.
        seed: of the noise and the shifts.

    Returns:
        (count, channels, height, width) float32 in [−1, 1].
    """
    generator = torch.Generator().manual_seed(seed)
    farthest = max(1, round(_SHIFT * max(ground.shape[1:])))
    pictures = ground + 0.3 * torch.randn((count, *ground.shape), generator=generator).to(ground)
    for step in range(STEPS):
        wild = step < (1 - _CALM) * STEPS
        down, across = torch.randint(-farthest, farthest + 1, (2,), generator=generator).tolist()
        shift = (down, across) if wild else (0, 0)
        pictures = pictures.detach().clamp(-1, 1).requires_grad_()
        (slope,) = torch.autograd.grad(goal(pictures.roll(shift, (2, 3))).sum(), pictures)
        size = slope.square().mean((1, 2, 3), keepdim=True).sqrt().clamp_min(1e-12)
        rate = RATE * (1 - step / STEPS)
        with torch.no_grad():
            pictures = pictures + rate * slope / size
            pictures = torch.lerp(pictures, ground, _DECAY)
            if wild:
                pictures = blur(pictures.flatten(0, 1), _BLUR).unflatten(0, (count, -1))
    return pictures.detach().clamp(-1, 1)
