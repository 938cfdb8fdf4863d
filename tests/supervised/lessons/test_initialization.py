"""The lesson about beginnings: only Kaiming's keeps the signal's size through deep ReLU nets, both ways."""

from __future__ import annotations

import pytest
import torch

from sandbox.supervised.lessons.initialization import INITIALIZATIONS, Beginning, begin, deep_net


def begun(name: str, steps: int = 0, seed: int = 0) -> Beginning:
    draw = torch.Generator().manual_seed(seed)
    images = torch.randn(200, 64, generator=draw)
    labels = (images[:, :5].sum(1) > 0).long()
    return begin(deep_net(INITIALIZATIONS[name], seed), images, labels, steps)


@pytest.mark.parametrize("seed", range(5))
def test_kaiming_keeps_the_size_and_the_others_lose_it(seed: int) -> None:
    kept, lost, tiny = (begun(name, seed=seed) for name in ("Kaiming", "Xavier", "small"))
    assert 0.05 < kept.activations[-1] < 20
    assert 0.05 < kept.gradients[0] / kept.gradients[-1] < 20
    for one, most in ((lost, 1e-2), (tiny, 1e-8)):
        assert one.activations[-1] < most * one.activations[0]
        assert one.gradients[0] < most * one.gradients[-1]


def test_from_zeros_no_layer_hears_anything() -> None:
    assert set(begun("zeros").activations + begun("zeros").gradients) == {0.0}


def test_from_zeros_only_the_last_bias_ever_learns() -> None:
    net = deep_net(INITIALIZATIONS["zeros"], 0)
    images, labels = torch.randn(200, 64), torch.zeros(200, dtype=torch.long)
    begin(net, images, labels, steps=5)
    moved = [name for name, part in net.named_parameters() if part.any()]
    assert moved == [f"{len(net) - 1}.bias"]


def test_only_from_kaiming_it_learns() -> None:
    losses = {name: begun(name, steps=150).losses for name in INITIALIZATIONS}
    ends = {name: sum(some[-20:]) / 20 for name, some in losses.items()}
    assert ends["Kaiming"] < 0.8 * min(end for name, end in ends.items() if name != "Kaiming")
