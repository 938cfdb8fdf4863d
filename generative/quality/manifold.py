"""Precision and recall of drawn pictures (Kynkäänniemi et al. 2019, arXiv:1904.06991).

Each set of features is seen as balls, one about each point, out to its third nearest neighbour. The part of
the drawn pictures that lies within the balls of the real ones is the precision: are they like real ones? The
part of the real ones that lies within the balls of the drawn ones is the recall: is all that is real drawn?
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from generative.quality.apart import blocks
from generative.quality.frechet import check_numbers
from sandbox.core.errors import UsageError

NEIGHBOURS = 3


class Coverage(NamedTuple):
    """Precision and recall, 0 to 1."""

    precision: float
    recall: float


def precision_recall(real: Tensor, drawn: Tensor, k: int = NEIGHBOURS) -> Coverage:
    """Precision and recall of `drawn` (n, d), by `real` (m, d); comparable at the same counts only.

    Raises:
        Diverged: something among them is no number.
        UsageError: there are too few of either.
    """
    for features in (real, drawn):
        check_numbers(features)
    return Coverage(_within(drawn, real, k), _within(real, drawn, k))


def squared_radii(points: Tensor, k: int = NEIGHBOURS) -> Tensor:
    """Squared distance of each of `points` (n, d) to its k-th nearest other one: (n,) float64."""
    if len(points) <= k:
        raise UsageError(f"{len(points)} pictures have no {k} neighbours each", hint="draw more")
    # Each is its own nearest, at distance 0, so that one more is looked for.
    return torch.cat([block.squared.kthvalue(k + 1, dim=1).values for block in blocks(points, points)])


def _within(points: Tensor, centres: Tensor, k: int) -> float:
    """The part of `points` that lie in the ball of one of `centres`, at least."""
    radii = squared_radii(centres, k)
    found = [(block.squared <= radii).any(1) for block in blocks(points, centres)]
    return float(torch.cat(found).double().mean())
