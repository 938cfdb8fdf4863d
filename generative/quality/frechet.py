"""How far two sets of features are apart, seen as Gaussians (Heusel et al. 2017, arXiv:1706.08500)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from sandbox.core.errors import Diverged, UsageError


class Gaussian(NamedTuple):
    """What of features the distance sees."""

    mean: Tensor
    """(d,) float64"""
    covariance: Tensor
    """(d, d) float64"""
    n: int
    """of how many it was taken"""

    @property
    def flat(self) -> bool:
        """Whether there were too few for all dimensions: in some of them it is flat, and distances are large.

        They are comparable with those of the same counts, such as the floor, and with no others.
        """
        return self.n <= len(self.mean)


def fit_gaussian(features: Tensor, weights: Tensor | None = None) -> Gaussian:
    """Mean and covariance of features.

    Args:
        features: (n, d), n at least 2.
        weights: (n,), not negative: how much each counts; all the same, unless given.

    Raises:
        Diverged: something among them is no number.
        UsageError: there are fewer than two.
    """
    check_numbers(features)
    if len(features) < 2:
        raise UsageError(f"a covariance needs 2 pictures at least, not {len(features)}")
    points = features.to("cpu", torch.float64)
    shares = points.new_ones(len(points)) if weights is None else weights.to(points)
    shares = shares / shares.sum()  # (n,)
    mean = shares @ points
    apart = points - mean
    # As n − 1 divides where all count the same.
    unbiased = 1 / (1 - float(shares.square().sum()))
    return Gaussian(mean, unbiased * (apart.T * shares) @ apart, len(points))


def frechet_distance(one: Gaussian, other: Gaussian) -> float:
    """|μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2 (Σ₁ Σ₂)^½), in squared units of the features; 0 where both are the same.

    The trace of the root of Σ₁ Σ₂ is that of √Σ₁ Σ₂ √Σ₁, which is symmetric: its eigenvalues are real.
    """
    root = _root(one.covariance)
    inner = root @ other.covariance @ root
    common = _values((inner + inner.T) / 2).clamp_min(0).sqrt().sum()
    apart = (one.mean - other.mean).square().sum()
    found = float(apart + one.covariance.trace() + other.covariance.trace() - 2 * common)
    return max(found, 0.0)  # what rounding leaves of nothing may be negative


def check_numbers(features: Tensor) -> None:
    """Raise Diverged where features hold what is no number."""
    if not bool(features.isfinite().all()):
        raise Diverged("the judge finds what is no number in these pictures: they cannot be measured")


def _root(covariance: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(covariance)
    return (vectors * values.clamp_min(0).sqrt()) @ vectors.T


def _values(symmetric: Tensor) -> Tensor:
    return torch.linalg.eigvalsh(symmetric)
