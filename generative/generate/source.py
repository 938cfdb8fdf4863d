"""What draws new pictures: the prior of a VAE, of noise that is keyed by (seed, number of the picture)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from generative.samples import as_bytes
from sandbox.core.seeding import derive_seed


class Source(Protocol):
    """Draws pictures by their numbers; number 7 of a seed is the same in whatever batch it is drawn."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of a picture."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """What can be asked for by name; () where nothing can."""
        ...

    def draw(self, numbers: Sequence[int], labels: Tensor | None) -> Tensor:
        """The pictures of these numbers: (n, channels, height, width) uint8, on the CPU.

        Args:
            numbers: n of them, from 0.
            labels: (n,) indices into `classes`; None where there are none.
        """
        ...


class Decoding(Protocol):
    """A model that turns latents into pictures."""

    @property
    def shape(self) -> tuple[int, int, int]: ...
    @property
    def latent(self) -> int: ...
    @property
    def classes(self) -> tuple[str, ...]: ...
    def decode(self, latents: Tensor, labels: Tensor | None = None) -> Tensor: ...


class Drawing(Decoding, Protocol):
    """A model that has a distribution of latents."""

    def from_noise(self, noise: Tensor) -> Tensor: ...


class Encoding(Decoding, Protocol):
    """A model that finds the latents of pictures, too: an autoencoder's codes, a VAE's posterior means."""

    def embed(self, images: Tensor, labels: Tensor | None = None) -> Tensor: ...


class Prior:
    """Latents from the prior, decoded.

    Args:
        model: in evaluation mode.
        seed: of all noise.
        device: where the model is.
    """

    def __init__(self, model: Drawing, seed: int, device: torch.device) -> None:
        self.shape, self.classes = model.shape, model.classes
        self._model, self._seed, self._device = model, seed, device

    def draw(self, numbers: Sequence[int], labels: Tensor | None) -> Tensor:
        """See `Source`."""
        noise = keyed_noise(self._seed, numbers, (self._model.latent,))
        with torch.inference_mode():
            latents = self._model.from_noise(noise.to(self._device))
        return decoded(self._model, latents, labels, self._device)


def keyed_noise(seed: int, numbers: Sequence[int], shape: tuple[int, ...]) -> Tensor:
    """Standard normal noise (n, *shape) on the CPU; each row depends on `seed` and its number alone."""
    rows = torch.empty(len(numbers), *shape)
    generator = torch.Generator()
    for row, number in zip(rows, numbers, strict=True):
        row.normal_(generator=generator.manual_seed(derive_seed(seed, "picture", number)))
    return rows


@torch.inference_mode()
def decoded(model: Decoding, latents: Tensor, labels: Tensor | None, device: torch.device) -> Tensor:
    """Pictures (n, channels, height, width) uint8 on the CPU, of latents (n, latent); in several batches."""
    size = batch_size(model.shape)
    parts = [
        as_bytes(
            model.decode(some.to(device), None if labels is None else labels[at : at + size].to(device))
        ).cpu()
        for at, some in zip(range(0, len(latents), size), latents.split(size), strict=True)
    ]
    return torch.cat(parts)


def batch_size(shape: tuple[int, int, int]) -> int:
    """How many pictures a network sees at once: few large ones, so that its features fit into the memory."""
    return max(8, min(512, 2**19 // (shape[1] * shape[2])))
