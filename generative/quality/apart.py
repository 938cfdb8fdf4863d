"""Distances between many points, a block at a time, so that those of 10 000 to 10 000 need little room."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

BLOCK = 2**23
"""distances at once: 64 MB"""
ROUNDING = 1e-12
"""squared distances below this part of the squared lengths are none"""


class Block(NamedTuple):
    """Some of the rows of a table of distances."""

    start: int
    squared: Tensor
    """(rows, m) float64"""


def blocks(points: Tensor, others: Tensor) -> Iterator[Block]:
    """Squared Euclidean distances of `points` (n, d) to `others` (m, d), from the first rows to the last."""
    middle = others.double().mean(0)  # far from 0 the squares would cancel
    left, right = points.double() - middle, others.double() - middle
    lengths = right.square().sum(1)  # (m,)
    size = max(1, BLOCK // len(right))
    for start in range(0, len(left), size):
        part = left[start : start + size]
        sums = part.square().sum(1, keepdim=True) + lengths
        squared = torch.addmm(sums, part, right.T, alpha=-2.0)
        yield Block(start, torch.where(squared > ROUNDING * sums, squared, 0.0))


def mean_distance(points: Tensor) -> float:
    """Mean Euclidean distance between two different ones of `points` (n, d); NaN of fewer than two."""
    n = len(points)
    if n < 2:
        return float("nan")
    return sum(float(block.squared.sqrt().sum()) for block in blocks(points, points)) / (n * (n - 1))
