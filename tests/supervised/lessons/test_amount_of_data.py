"""The lesson about amounts of data: more helps, and what it takes is read off the curve."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from sandbox.core.lesson import Desk
from sandbox.data.augment import preset
from sandbox.data.catalog import load
from sandbox.data.pictures import subset
from sandbox.supervised.lessons.amount_of_data import convolutional, found, machine, neighbour, reached


@pytest.mark.parametrize("way", [neighbour, machine, convolutional])
def test_ten_times_the_pictures_are_worth_it(way) -> None:
    data = load("digits")
    few, many = (way(subset(data.train, size, seed=0), data.test, 0) for size in (20, 200))
    assert 0.4 < few < many - 0.03


def test_on_mnist_what_is_known_beforehand_replaces_pictures(data_root: Path) -> None:
    data = load("mnist", data_root)
    test = data.test.take(torch.arange(1_000))
    ways = neighbour, convolutional, partial(convolutional, augment=preset("mnist"))
    nearest, plain, augmented = (
        np.mean([way(subset(data.train, 100, seed=seed), test, seed) for seed in range(3)]) for way in ways
    )
    assert nearest < plain - 0.05
    assert plain < augmented


def test_without_mnist_the_small_digits_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SANDBOX_DATA", raising=False)
    assert found(Desk(0, print, tmp_path)).name == "digits"


def test_how_many_pictures_it_takes_is_read_off_a_logarithmic_axis() -> None:
    assert reached((10, 100, 1000), (50, 70, 90), 70) == 100
    assert reached((10, 100, 1000), (50, 70, 90), 80) == 320, "316, to two digits"
    assert reached((10, 100, 1000), (50, 70, 60), 80) is None
