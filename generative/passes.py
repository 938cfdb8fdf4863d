"""Pictures through a model, and out of its latents: in passes that fit into the memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from sandbox.core.errors import Diverged
from sandbox.data.pictures import Pictures
from sandbox.nn.batches import to_model

MOST_PICTURES = 500
MOST_NUMBERS = 2**22
"""pixels times channels in a pass: what lies between the layers takes some ten times as much"""


class Coder(Protocol):
    """What an autoencoder, or a VAE, can do; its pictures are (n, channels, height, width) in [−1, 1]."""

    @property
    def shape(self) -> tuple[int, int, int]: ...
    @property
    def latent(self) -> int: ...
    @property
    def classes(self) -> tuple[str, ...]: ...
    def embed(self, images: Tensor, labels: Tensor | None = None) -> Tensor: ...
    def decode(self, latents: Tensor, labels: Tensor | None = None) -> Tensor: ...
    def parameters(self) -> Iterator[nn.Parameter]: ...


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
    model: Coder, pictures: Pictures, device: torch.device | None = None, size: int | None = None
) -> Iterator[Pass]:
    """All pictures in their order, on the model's device, as many at once as `pass_size` says, unless given.

    Labels are left out where the model is told none.
    """
    size, device = size or pass_size(pictures.shape), device or device_of(model)
    for start in range(0, len(pictures), size):
        images = pictures.images[start : start + size].to(device)
        labels = pictures.labels[start : start + size].to(device) if model.classes else None
        yield Pass(as_seen(images), labels)


@torch.inference_mode()
def embedded(model: Coder, pictures: Pictures) -> Tensor:
    """The latents of pictures, (n, latent) float32 on the CPU.

    Raises:
        Diverged: the model answers with what is no number.
    """
    latents = torch.cat([model.embed(*part).float().cpu() for part in passes(model, pictures)])
    if not latents.isfinite().all():
        raise Diverged("the model turns these pictures into what is no number: its training went wrong")
    return latents


@torch.inference_mode()
def decoded(model: Coder, latents: Tensor, labels: Tensor | None = None) -> Tensor:
    """The pictures of latents (n, latent): (n, channels, height, width) uint8 on the CPU.

    Args:
        labels: (n,) int64, of a class-conditional model.
    """
    size, device = pass_size(model.shape), device_of(model)
    made = torch.empty(len(latents), *model.shape, dtype=torch.uint8)
    for start in range(0, len(latents), size):
        rows = slice(start, start + size)
        told = None if labels is None else labels[rows].to(device)
        made[rows] = as_bytes(model.decode(latents[rows].to(device), told)).cpu()
    return made


@torch.inference_mode()
def fitting_labels(model: Coder, images: Tensor, learned: tuple[str, ...]) -> Tensor:
    """The class as which a class-conditional model reconstructs each picture best, (n,) int64.

    Args:
        images: (n, channels, height, width) uint8.
        learned: those of its classes that it learned from: of others it knows nothing.
    """
    labels = torch.tensor([model.classes.index(name) for name in learned])
    errors = []  # (n,) for each of them
    for label in labels:
        told = Pictures(images, label.expand(len(images)), model.classes)
        parts = [squared_errors(model.decode(model.embed(*part), part.labels), part.images).cpu()
                 for part in passes(model, told)]  # fmt: skip
        errors.append(torch.cat(parts))
    return labels[torch.stack(errors).argmin(0)]


def unlabelled(images: Tensor, classes: tuple[str, ...] = ()) -> Pictures:
    """Pictures (n, channels, height, width) uint8 of which nobody knows what they show: with label 0."""
    return Pictures(images, torch.zeros(len(images), dtype=torch.int64), classes or ("",))


def squared_errors(found: Tensor, images: Tensor) -> Tensor:
    """Mean squared error of each picture, (n,), on pixels from 0 to 1; both (n, …) in [−1, 1]."""
    return (found.float() - images).square().flatten(1).mean(1) / 4


def as_seen(images: Tensor) -> Tensor:
    """Pictures uint8 as models see them: in [−1, 1]."""
    return to_model(images, None, torch.Generator())


def as_bytes(images: Tensor) -> Tensor:
    """Pictures in [−1, 1] as uint8."""
    return images.float().add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)


def device_of(model: Coder) -> torch.device:
    """Where a model is."""
    return next(model.parameters()).device


def spread(there_are: int, wanted: int) -> Tensor:
    """Row numbers (at most `wanted`,) int64, evenly spread from the first to the last."""
    return torch.linspace(0, there_are - 1, min(wanted, there_are)).long()
