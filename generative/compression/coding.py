"""Pictures through a model into latents, and back; and what is lost on the way."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from generative.measure.batches import pass_size
from generative.samples import as_bytes
from sandbox.core.errors import Diverged
from sandbox.nn.batches import to_model

Bytes = NDArray[np.uint8]


class Coder(Protocol):
    """What an autoencoder, or a VAE, can do; its pictures are (n, channels, height, width) in [-1, 1]."""

    @property
    def shape(self) -> tuple[int, int, int]: ...
    @property
    def latent(self) -> int: ...
    @property
    def classes(self) -> tuple[str, ...]: ...
    def embed(self, images: Tensor, labels: Tensor | None = None) -> Tensor: ...
    def decode(self, latents: Tensor, labels: Tensor | None = None) -> Tensor: ...
    def state_dict(self) -> dict[str, Tensor]: ...


@torch.inference_mode()
def embedded(model: Coder, pictures: Bytes, labels: NDArray[np.uint16] | None) -> NDArray[np.float32]:
    """The latents of pictures (n, channels, height, width) uint8: (n, latents).

    Raises:
        Diverged: the model answers with what is no number.
    """
    device = _device(model)
    parts = []
    for rows in slices(len(pictures), model.shape):
        images = to_model(torch.from_numpy(pictures[rows]).to(device), None, torch.Generator())
        parts.append(model.embed(images, _labels(labels, rows, device)).float().cpu().numpy())
    latents = np.concatenate(parts)
    if not np.isfinite(latents).all():
        raise Diverged("the model turns these pictures into what is no number: its training went wrong")
    return latents


@torch.inference_mode()
def decoded(model: Coder, latents: NDArray[np.float32], labels: NDArray[np.uint16] | None) -> Bytes:
    """The pictures of latents (n, latents): (n, channels, height, width) uint8."""
    device = _device(model)
    made = np.empty((len(latents), *model.shape), np.uint8)
    for rows in slices(len(latents), model.shape):
        images = model.decode(torch.from_numpy(latents[rows]).to(device), _labels(labels, rows, device))
        made[rows] = as_bytes(images).cpu().numpy()
    return made


def weights_sum(model: Coder) -> str:
    """sha256 of the names, types, shapes and values of all weights, wherever they lie."""
    digest = hashlib.sha256()
    for name, weight in sorted(model.state_dict().items()):
        plain = weight.detach().cpu().contiguous()
        digest.update(f"{name} {plain.dtype} {tuple(plain.shape)}\n".encode())
        digest.update(plain.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def weights_bytes(model: Coder) -> int:
    """How many bytes all weights have."""
    return sum(weight.numel() * weight.element_size() for weight in model.state_dict().values())


def squared_error(pictures: Bytes, others: Bytes) -> NDArray[np.float64]:
    """Mean squared error of each of two times n pictures, whose values are counted from 0 to 1: (n,)."""
    errors = np.empty(len(pictures))
    for rows in slices(len(pictures), pictures.shape[1:]):
        difference = pictures[rows].astype(np.float32) - others[rows]
        errors[rows] = np.square(difference / 255, dtype=np.float64).mean(axis=(1, 2, 3))
    return errors


def slices(count: int, shape: tuple[int, ...]) -> Iterator[slice]:
    """``count`` pictures of a shape (channels, height, width), as many at once as a network can take."""
    channels, height, width = shape
    size = pass_size((channels, height, width))
    return (slice(start, min(start + size, count)) for start in range(0, count, size))


def _labels(labels: NDArray[np.uint16] | None, rows: slice, device: torch.device) -> Tensor | None:
    return None if labels is None else torch.from_numpy(labels[rows].astype(np.int64)).to(device)


def _device(model: Coder) -> torch.device:
    return next(iter(model.state_dict().values())).device
