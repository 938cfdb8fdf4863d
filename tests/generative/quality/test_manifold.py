"""Precision and recall, against their definition, and distances by the block."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from generative.quality import apart
from generative.quality.apart import blocks, mean_distance
from generative.quality.manifold import precision_recall, squared_radii
from sandbox.core.errors import Diverged, UsageError


def points(seed: int, n: int = 40, d: int = 5) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def slow_precision(real: Tensor, drawn: Tensor, k: int) -> float:
    """The part of the drawn points for which there is a real one, no farther than its k-th neighbour."""
    inside = 0
    for point in drawn:
        reached = False
        for number, centre in enumerate(real):
            others = torch.cat([real[:number], real[number + 1 :]])
            radius = (others - centre).norm(dim=1).sort().values[k - 1]
            reached |= bool((point - centre).norm() <= radius)
        inside += reached
    return inside / len(drawn)


@pytest.mark.parametrize("k", [1, 3])
def test_they_are_what_their_definition_says(k: int) -> None:
    real, drawn = points(0), points(1, n=30) * 1.3 + 0.5
    found = precision_recall(real, drawn, k)
    assert found.precision == slow_precision(real, drawn, k)
    assert found.recall == slow_precision(drawn, real, k)
    assert 0.1 < found.precision < 0.95


def test_the_same_pictures_have_both_and_far_ones_neither() -> None:
    assert precision_recall(points(0), points(0)) == (1, 1)
    assert precision_recall(points(0), points(1) + 100) == (0, 0)


def test_a_model_that_draws_one_thing_is_precise_and_recalls_nothing() -> None:
    real = points(0)
    drawn = real[:1].repeat(10, 1)
    assert precision_recall(real, drawn) == (1, 1 / len(real))


def test_far_from_zero_nothing_changes() -> None:
    real, drawn = points(0).double(), points(1).double()
    assert precision_recall(real + 1e4, drawn + 1e4) == precision_recall(real, drawn)


def test_blocks_are_a_matter_of_memory_only(monkeypatch: pytest.MonkeyPatch) -> None:
    real, drawn = points(0), points(1)
    whole, mean = precision_recall(real, drawn), mean_distance(real)
    monkeypatch.setattr(apart, "BLOCK", 3 * len(real))
    assert [len(block.squared) for block in blocks(real, real)] == [3] * 13 + [1]
    assert precision_recall(real, drawn) == whole
    assert mean_distance(real) == pytest.approx(mean)
    slow = torch.cat([block.squared for block in blocks(real, drawn)]).sqrt()
    torch.testing.assert_close(slow, torch.cdist(real.double(), drawn.double()))


def test_the_mean_distance_is_that_of_different_points() -> None:
    assert mean_distance(torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 0.0]])) == pytest.approx(10 / 3)
    assert math.isnan(mean_distance(points(0, n=1)))


def test_what_cannot_be_measured_is_said() -> None:
    with pytest.raises(UsageError, match="3 pictures have no 3 neighbours"):
        squared_radii(points(0, n=3))
    with pytest.raises(Diverged, match="no number"):
        precision_recall(points(0), points(1) * torch.inf)
