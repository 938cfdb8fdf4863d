"""The lesson about regularization: what narrows the gap, and nothing else that differs."""

from __future__ import annotations

import numpy as np
import pytest
from torch import nn

from sandbox.data.catalog import load
from sandbox.data.pictures import subset
from sandbox.supervised.lessons.regularization import OPTIONS, Option, learn, net


def gap(option: Option, seed: int) -> float:
    data = load("digits")
    accuracies = learn(option, subset(data.train, 50, seed=seed), data.validation, seed, steps=250, looks=1)
    return float(accuracies[-1, 0] - accuracies[-1, 1])


def test_without_anything_there_is_a_gap_and_all_three_narrow_it() -> None:
    nothing, everything = (
        np.mean([gap(OPTIONS[name], seed) for seed in range(3)]) for name in ("nothing", "all three")
    )
    assert nothing > 0.1
    assert everything < nothing - 0.02


@pytest.mark.parametrize(
    ("option", "kinds"),
    [
        (Option(), set()),
        (Option(dropout=True), {nn.Dropout}),
        (Option(batch_norm=True), {nn.BatchNorm2d}),
        (Option(augmentation=True), set()),
    ],
)
def test_an_option_adds_its_own_layers_only(option: Option, kinds: set[type]) -> None:
    plain = [type(layer) for layer in net(Option()).body]
    layers = [type(layer) for layer in net(option).body]
    assert [kind for kind in layers if kind not in kinds] == plain
    assert set(layers) - set(plain) == kinds
