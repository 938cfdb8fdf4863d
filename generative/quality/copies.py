"""Whether pictures are drawn or remembered: how near they come to the nearest training picture."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from generative.passes import as_seen

BLOCK = 2**24
"""numbers at once, of pictures or of distances"""
NEAR = 0.01
"""held-out pictures that are nearer to a training picture than this part of them"""


class Nearest(NamedTuple):
    """The nearest training picture of each of n pictures."""

    rows: Tensor
    """(n,) int64: which it is"""
    distance: Tensor
    """(n,) float64: root of the mean squared difference, on pixels from 0 to 1"""


class Memory(NamedTuple):
    """How near drawn pictures are to training pictures, beside held-out ones."""

    drawn: float
    """median distance"""
    held_out: float
    """median distance, likewise"""
    copies: float
    """part of the drawn ones that are nearer than all but `NEAR` of the held-out ones; that, of no memory"""

    def summary(self) -> dict[str, float | None]:
        """As `--json` has it."""
        ratio = self.drawn / self.held_out if self.held_out else None
        return {"drawn": self.drawn, "held_out": self.held_out, "ratio": ratio, "copies": self.copies}


def nearest(pictures: Tensor, train: Tensor) -> Nearest:
    """The nearest of `train` (m, …) uint8 to each of `pictures` (n, …) uint8, pixel by pixel."""
    size = max(1, BLOCK // max(train[0].numel(), 1))
    best = torch.full((len(pictures),), torch.inf)
    rows = torch.zeros(len(pictures), dtype=torch.int64)
    for start in range(0, len(train), size):
        found, at = _nearest_of(pictures, train[start : start + size])
        closer = found < best
        best, rows = torch.where(closer, found, best), torch.where(closer, at + start, rows)
    # Computed as products, distances are rounded: those of the nearest ones are computed anew.
    exact = [
        (one.double() - other.double()).square().mean().sqrt() / 255
        for one, other in zip(pictures, train[rows], strict=True)
    ]
    return Nearest(rows, torch.stack(exact) if exact else best.double())


def memory(drawn: Tensor, held_out: Tensor) -> Memory:
    """Compare the distances of drawn pictures (n,) with those of held-out ones (m,)."""
    limit = float(held_out.quantile(NEAR))
    return Memory(float(drawn.median()), float(held_out.median()), float((drawn < limit).double().mean()))


def _nearest_of(pictures: Tensor, train: Tensor) -> tuple[Tensor, Tensor]:
    """Of each picture the squared distance to its nearest one, on pixels from −1 to 1, and its row: (n,)."""
    known = as_seen(train).flatten(1)  # (m, numbers)
    lengths = known.square().sum(1)
    squared, rows = [torch.empty(0)], [torch.empty(0, dtype=torch.int64)]
    for part in pictures.split(max(1, BLOCK // max(known.shape))):
        seen = as_seen(part).flatten(1)
        # What the length of a picture itself would add is the same for all training pictures.
        least = torch.addmm(lengths, seen, known.T, alpha=-2.0).min(1)
        squared.append(least.values + seen.square().sum(1))
        rows.append(least.indices)
    return torch.cat(squared), torch.cat(rows)
