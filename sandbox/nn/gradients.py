"""Where a class is seen: by gradients, of its logit by the last features or by the picture itself."""

from __future__ import annotations

import torch
from torch import Tensor

from sandbox.nn.explain import CHUNK, Judge

COPIES = 24
"""noisy copies of a picture, over which gradients are averaged"""
NOISE = 0.15
"""standard deviation of their noise, as a part of the range of pixels; Smilkov et al. use 0.1 to 0.2"""


def class_activation(judge: Judge, pictures: Tensor, classes: Tensor) -> Tensor | None:
    """At each place of the last features, how much they speak for a class.

    Gradient of the class's logit times feature, summed over the channels, and 0 where that is negative:
    Grad-CAM (Selvaraju et al. 2017, arXiv:1610.02391) without averaging the gradient over the places
    (Draelos and Carin 2020, "HiResCAM", arXiv:2011.08891). Behind global average pooling the gradient is the
    same at all places, and so are both methods. Ours know places, though: there an average would glow where
    a feature is, even if the head does not look at it there.

    Args:
        pictures: (batch, channels, height, width) in [−1, 1].
        classes: (batch,) int64, which class of each picture is asked about.

    Returns:
        (batch, rows, columns) float32 on the CPU, in units of the logit; None for dense models.
    """
    features, logits = judge.evidence(pictures.detach().requires_grad_())
    if features is None:
        return None
    (slope,) = torch.autograd.grad(_sum_of(logits, classes), features)
    return (slope * features.detach()).sum(1).relu().float().cpu()


def smooth_gradients(judge: Judge, pictures: Tensor, classes: Tensor, seed: int = 0) -> Tensor:
    """How much each pixel changes a class's logit, averaged over noisy copies of the picture.

    SmoothGrad, Smilkov et al. 2017 (arXiv:1706.03825): the strongest absolute value of all channels.

    Args:
        pictures: (batch, channels, height, width) in [−1, 1].
        classes: (batch,) int64, which class of each picture is asked about.
        seed: of the noise.

    Returns:
        (batch, height, width) float32 on the CPU, at least 0.
    """
    generator = torch.Generator().manual_seed(seed)
    found = []
    for picture, chosen in zip(pictures, classes, strict=True):
        noise = torch.randn((COPIES, *picture.shape), generator=generator).to(picture)
        slope = torch.zeros_like(picture)
        for some in noise.split(CHUNK):
            copies = (picture + 2 * NOISE * some).requires_grad_()
            logits = judge.evidence(copies)[1]
            slope += torch.autograd.grad(_sum_of(logits, chosen.expand(len(copies))), copies)[0].sum(0)
        found.append((slope / COPIES).abs().amax(0).float().cpu())
    return torch.stack(found)


def _sum_of(logits: Tensor, classes: Tensor) -> Tensor:
    """Pictures do not depend on each other, so the sum has the gradients of all of them."""
    return logits.gather(1, classes[:, None].to(logits.device)).sum()
