"""What draws new pictures: the prior of a VAE, of noise that is keyed by (seed, number of the picture)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from generative.passes import Coder, decoded, device_of, pass_size
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

    @property
    def size(self) -> int:
        """How many pictures are drawn at once, so that they fit into the memory."""
        ...

    def draw(self, numbers: Sequence[int], labels: Tensor | None) -> Tensor:
        """The pictures of these numbers: (n, channels, height, width) uint8, on the CPU.

        Args:
            numbers: n of them, from 0.
            labels: (n,) indices into `classes`; None where there are none.
        """
        ...


class Drawing(Coder, Protocol):
    """A model that has a distribution of latents."""

    def from_noise(self, noise: Tensor) -> Tensor: ...


class Prior:
    """Latents from the prior, decoded.

    Args:
        model: in evaluation mode.
        seed: of all noise.
    """

    def __init__(self, model: Drawing, seed: int) -> None:
        self.shape, self.classes, self.size = model.shape, model.classes, pass_size(model.shape)
        self._model, self._seed = model, seed

    def draw(self, numbers: Sequence[int], labels: Tensor | None) -> Tensor:
        """See `Source`."""
        noise = keyed_noise(self._seed, numbers, (self._model.latent,))
        with torch.inference_mode():
            latents = self._model.from_noise(noise.to(device_of(self._model)))
        return decoded(self._model, latents, labels)


def keyed_noise(seed: int, numbers: Sequence[int], shape: tuple[int, ...]) -> Tensor:
    """Standard normal noise (n, *shape) on the CPU; each row depends on `seed` and its number alone."""
    return drawn_from(noise_generators(seed, numbers), shape)


def noise_generators(seed: int, numbers: Sequence[int]) -> list[torch.Generator]:
    """A generator for each picture, on the CPU, so that all devices draw the same."""
    return [torch.Generator().manual_seed(derive_seed(seed, "picture", number)) for number in numbers]


def drawn_from(generators: Sequence[torch.Generator], shape: tuple[int, ...]) -> Tensor:
    """Standard normal noise (n, *shape), each picture's from its own generator."""
    return torch.stack([torch.randn(shape, generator=generator) for generator in generators])
