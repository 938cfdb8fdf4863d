"""Pictures as a model gets them when it is measured: in passes that fit into the memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from generative.autoencoder import Autoencoder
from generative.vae import VAE
from sandbox.data.pictures import Pictures
from sandbox.nn.batches import to_model

MOST_PICTURES = 500
MOST_NUMBERS = 2**22
"""pixels times channels in a pass: what lies between the layers takes some ten times as much"""


class Pass(NamedTuple):
    """Some of the pictures."""

    images: Tensor
    """(batch, channels, height, width) in [−1, 1], on the device"""
    labels: Tensor | None
    """(batch,) int64, on the device; None where the model is told no classes"""


def pass_size(shape: tuple[int, int, int]) -> int:
    """How many pictures of a shape go through a network at once."""
    channels, height, width = shape
    return max(1, min(MOST_PICTURES, MOST_NUMBERS // (channels * height * width)))


def passes(
    model: Autoencoder | VAE, pictures: Pictures, device: torch.device, size: int | None = None
) -> Iterator[Pass]:
    """All pictures in their order, at most `size` at once; as many as `pass_size` says, unless given."""
    size = size or pass_size(pictures.shape)
    for start in range(0, len(pictures), size):
        images = pictures.images[start : start + size].to(device)
        labels = pictures.labels[start : start + size].to(device) if model.classes else None
        yield Pass(to_model(images, None, torch.Generator()), labels)


def spread(there_are: int, wanted: int) -> Tensor:
    """Row numbers (at most `wanted`,) int64, evenly spread from the first to the last."""
    return torch.linspace(0, there_are - 1, min(wanted, there_are)).long()
