"""What a model makes of pictures that tells usual ones from others: an error, and features."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from generative.autoencoder import Autoencoder
from generative.passes import passes
from generative.vae import VAE
from sandbox.core.errors import Diverged
from sandbox.data.pictures import Pictures


class Parts(NamedTuple):
    """Of n pictures, on the CPU."""

    error: Tensor
    """(n,) float32: squared difference of the encoder's deepest features of picture and reconstruction"""
    strength: Tensor
    """(n,) float32: squared length of those of the reconstruction"""
    features: Tensor
    """(n, features) float32: the code; mean and deviation of each channel of the encoder at every scale"""


@torch.inference_mode()
def parts_of(model: Autoencoder | VAE, pictures: Pictures) -> Parts:
    """Look at pictures of the model's form; a denoising autoencoder gets them as they are.

    Raises:
        Diverged: the model answers with what is no number.
    """
    found = []
    for images, _ in passes(model, pictures):
        scales, code = model.backbone(images), model.embed(images)
        again = model.backbone(model.decode(code))[-1]
        means = [scale.mean((2, 3)) for scale in scales]
        deviations = [scale.std((2, 3), correction=0) for scale in scales]
        features = torch.cat([code, *means, *deviations], 1)
        found.append(Parts(_squares(scales[-1] - again), _squares(again), features.float().cpu()))
    parts = Parts(*(torch.cat(part) for part in zip(*found, strict=True)))
    if not all(part.isfinite().all() for part in parts):
        raise Diverged("the model makes of these pictures what is no number: its training went wrong")
    return parts


def _squares(features: Tensor) -> Tensor:
    """Squares of (batch, …), summed: (batch,)."""
    return features.float().square().flatten(1).sum(1).cpu()
