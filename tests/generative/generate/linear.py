"""A model whose latents and pictures are linear in each other, so that all it should draw is known."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn


class Linear:
    """A picture of one row: a pixel for each latent, a tenth of it, and one for the class, from 0 to 0.9.

    Args:
        latent: how many latents.
        classes: that it is told.
    """

    def __init__(self, latent: int = 3, classes: tuple[str, ...] = ()) -> None:
        self.latent, self.classes = latent, classes
        self.shape = (1, 1, latent + 1)
        self.seen: list[int] = []
        """pictures in each call of `decode`"""

    def from_noise(self, noise: Tensor) -> Tensor:
        return noise

    def decode(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        self.seen.append(len(latents))
        marks = torch.zeros(len(latents)) if labels is None else labels / 10
        return torch.cat([latents / 10, marks[:, None]], 1)[:, None, None]

    def parameters(self) -> Iterator[nn.Parameter]:
        """One, that says where the model is."""
        yield nn.Parameter(torch.zeros(1))

    def embed(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        return images[:, 0, 0, :-1] * 10


def picture_of(*latents: float, label: int = 0) -> Tensor:
    """The picture (1, 1, latents + 1) uint8 of some latents, to within half a level."""
    values = torch.tensor([*(value / 10 for value in latents), label / 10])
    return values.add(1).mul(127.5).round().to(torch.uint8)[None, None]


def latents_of(pictures: Tensor) -> Tensor:
    """The latents (…, latent) of pictures (…, 1, 1, latent + 1) uint8, to within 0.04."""
    return (pictures[..., 0, 0, :-1].float() / 127.5 - 1) * 10
