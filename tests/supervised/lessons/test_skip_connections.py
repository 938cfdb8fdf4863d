"""The lesson about skip connections: deep nets learn with them, and hear nothing without."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sandbox.data.catalog import load
from sandbox.supervised.lessons.skip_connections import Layer, net_of, train


@pytest.fixture(scope="module")
def digits() -> tuple[Tensor, Tensor]:
    pictures = load("digits").train
    images = pictures.images.flatten(1) / 255
    return (images - images.mean()) / images.std(), pictures.labels


@pytest.mark.parametrize("seed", [0, 1])
def test_deep_nets_learn_only_with_them(digits: tuple[Tensor, Tensor], seed: int) -> None:
    deep, skipping = (train(net_of(48, skip, seed), *digits, steps=60) for skip in (False, True))
    assert skipping.losses[-10:].mean() < 1.2 < 2.2 < deep.losses[-10:].mean()
    assert deep.gradients[-10:].mean() < 0.01 * skipping.gradients[-10:].mean()


def test_shallow_nets_learn_without_them(digits: tuple[Tensor, Tensor]) -> None:
    assert train(net_of(4, False, 0), *digits, steps=60).losses[-10:].mean() < 1.2


def test_a_skip_connection_adds_what_came_in() -> None:
    layer = Layer(skip=True)
    x = torch.randn(3, 32)
    assert torch.allclose(layer(x), x + layer.change(x))
