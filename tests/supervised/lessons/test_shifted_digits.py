"""The lesson about shifted digits: a dense net knows places, a CNN need not."""

from __future__ import annotations

import torch

from sandbox.data.catalog import load
from sandbox.supervised.lessons.shifted_digits import ANYWHERE, DENSE, FLAT, NETS, accuracy, shifted
from sandbox.supervised.lessons.small_nets import fitted


def test_only_the_net_that_does_not_ask_where_stands_a_shift() -> None:
    data = load("digits")
    scores = {}
    for name, make in NETS.items():
        training = fitted(make, shifted(data.train), 0, steps=100, batch_size=64, learning_rate=3e-3)
        scores[name] = [accuracy(training, data.test, shift) for shift in (0, 2, 4)]
    assert min(some[0] for some in scores.values()) > 85, "all know the digits where they learned them"
    assert scores[DENSE][1] < 25, "two pixels further it does not"
    assert scores[FLAT][1] < 50
    assert scores[ANYWHERE][2] > scores[ANYWHERE][0] - 3


def test_a_shift_moves_the_digit_and_keeps_all_of_it() -> None:
    pictures = load("digits").test
    middle, moved = shifted(pictures).images, shifted(pictures, right=3, down=-2).images
    assert torch.equal(moved, torch.roll(middle, shifts=(-2, 3), dims=(2, 3)))
    assert torch.equal(moved.sum((1, 2, 3)), pictures.images.sum((1, 2, 3)))
