"""Test pictures of a run, and where its model puts them in the space of latents."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from generative.generate.source import Encoding, batch_size
from sandbox.core.errors import NotFound
from sandbox.core.seeding import derive_seed
from sandbox.data.pictures import Pictures


@dataclass(frozen=True, eq=False)
class Codes:
    """Test pictures and their latents."""

    pictures: Pictures
    """of the classes that were learned from"""
    latents: Tensor
    """(n, latent): codes of an autoencoder, posterior means of a VAE; on the CPU"""

    def mean_of(self, name: str) -> Tensor:
        """The mean latents of a class: (latent,). Raises NotFound where it has no test picture."""
        return self.latents[rows_of(self.pictures, self.pictures.classes.index(name))].mean(0)


def rows_of(pictures: Pictures, label: int) -> Tensor:
    """The numbers of a class's pictures: (n,) int64. Raises NotFound where it has none."""
    rows = (pictures.labels == label).nonzero()[:, 0]
    if not len(rows):
        raise NotFound(f"there is no test picture of the class {pictures.classes[label]!r}")
    return rows


def chosen_row(pictures: Pictures, label: int, seed: int, *words: str | int) -> int:
    """The number of a picture of a class, which the seed chooses. Raises NotFound where it has none."""
    rows = rows_of(pictures, label)
    return int(rows[derive_seed(seed, "test picture", label, *words) % len(rows)])


def codes_of(model: Encoding, pictures: Pictures, device: torch.device) -> Codes:
    """The latents of all of these pictures."""
    labels = pictures.labels if model.classes else None
    return Codes(pictures, embedded(model, pictures.images, labels, device))


@torch.inference_mode()
def embedded(model: Encoding, images: Tensor, labels: Tensor | None, device: torch.device) -> Tensor:
    """Latents (n, latent) on the CPU of pictures (n, channels, height, width) uint8; in several batches."""
    size = batch_size(model.shape)
    return torch.cat(
        [
            model.embed(
                images[at : at + size].to(device).float().div(127.5).sub(1),
                None if labels is None else labels[at : at + size].to(device),
            )
            .float()
            .cpu()
            for at in range(0, len(images), size)
        ]
    )
