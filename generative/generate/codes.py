"""Test pictures of a run, and where its model puts them in the space of latents."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from generative.passes import Coder, embedded
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


def codes_of(model: Coder, pictures: Pictures) -> Codes:
    """The latents of all of these pictures."""
    return Codes(pictures, embedded(model, pictures))
