"""Which classes are drawn, how different their pictures are, and what is remembered."""

from __future__ import annotations

import math

import pytest
import torch

from generative.quality import copies
from generative.quality.classes import Mistaken, diversity, obedience, spreads
from generative.quality.copies import memory, nearest

CLASSES = ("cat", "dog", "owl")


def test_what_was_asked_is_held_against_the_answers() -> None:
    asked, answers = torch.tensor([0, 0, 1, 1, 2, 2, 2, 2]), torch.tensor([0, 0, 0, 1, 2, 1, 2, 1])
    found = obedience(asked, answers, 3)
    assert (found.n, found.right, found.accuracy) == (8, 5, 5 / 8)
    assert found.of_classes == {0: 1, 1: 0.5, 2: 0.5}
    assert CLASSES[found.weakest] == "dog"
    assert found.mistaken() == [Mistaken(2, 1, 2), Mistaken(1, 0, 1)]
    low, high = found.interval
    assert low < found.accuracy < high
    assert found.summary(CLASSES)["weakest_class"] == "dog"


def test_classes_that_nobody_asked_for_have_no_accuracy() -> None:
    assert obedience(torch.tensor([1, 1]), torch.tensor([1, 2]), 3).of_classes == {1: 0.5}


def test_pictures_half_as_far_apart_are_half_as_diverse() -> None:
    features = torch.randn(30, 4, generator=torch.Generator().manual_seed(0))
    groups = torch.arange(30) % 3
    real, shrunk = (
        spreads(features, groups),
        spreads(torch.where(groups[:, None] == 1, 0.5, 1.0) * features, groups),
    )
    found = diversity(shrunk, real)
    assert found.of_classes == pytest.approx({0: 1, 1: 0.5, 2: 1})
    assert found.mean == pytest.approx(2.5 / 3)
    assert found.poorest == 1


def test_single_pictures_have_no_diversity() -> None:
    features = torch.randn(3, 4)
    assert spreads(features, torch.tensor([0, 1, 2])) == {}
    nothing = diversity({}, {0: 1.0})
    assert math.isnan(nothing.mean)
    assert nothing.poorest is None


def test_the_nearest_picture_is_found_whatever_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(0)
    train = torch.randint(0, 256, (40, 3, 5, 4), dtype=torch.uint8, generator=generator)
    pictures = torch.randint(0, 256, (9, 3, 5, 4), dtype=torch.uint8, generator=generator)
    apart = (pictures[:, None].double() - train.double()).div(255).square().flatten(2).mean(2).sqrt()
    for block in (copies.BLOCK, 700):
        monkeypatch.setattr(copies, "BLOCK", block)
        found = nearest(pictures, train)
        torch.testing.assert_close(found.distance, apart.min(1).values)
        assert found.rows.tolist() == apart.argmin(1).tolist()


def test_copies_are_at_no_distance_and_are_counted() -> None:
    generator = torch.Generator().manual_seed(0)
    train = torch.randint(0, 256, (40, 1, 6, 6), dtype=torch.uint8, generator=generator)
    fresh = torch.randint(0, 256, (20, 1, 6, 6), dtype=torch.uint8, generator=generator)
    drawn = torch.cat([train[:5], fresh[:15]])
    near, held_out = nearest(drawn, train), nearest(fresh, train)
    assert near.rows[:5].tolist() == [0, 1, 2, 3, 4]
    assert near.distance[:5].tolist() == [0] * 5
    found = memory(near.distance, held_out.distance)
    assert found.copies >= 5 / 20
    assert found.held_out == pytest.approx(float(held_out.distance.median()))
    assert memory(torch.zeros(2), torch.zeros(2)).summary()["ratio"] is None
