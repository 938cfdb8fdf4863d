"""Averaged weights, against the formula."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from sandbox.nn.ema import Ema


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))


@settings(max_examples=30)
@given(st.floats(0, 0.9999), st.integers(1, 60))
def test_the_average_follows_the_formula(decay: float, steps: int) -> None:
    """average ← d · average + (1 − d) · weights, with d = min(decay, (1 + steps) / (10 + steps))."""
    model = network()
    ema = Ema(model, decay)
    wanted = {name: part.detach().double() for name, part in model.named_parameters()}
    generator = torch.Generator().manual_seed(steps)
    for step in range(1, steps + 1):
        past = min(decay, (1 + step) / (10 + step))
        for name, part in model.named_parameters():
            part.data = torch.randn(part.shape, generator=generator)
            wanted[name] = past * wanted[name] + (1 - past) * part.detach().double()
        ema.update(model, step)
    for name, part in ema.average.named_parameters():
        torch.testing.assert_close(part.double(), wanted[name], rtol=1e-4, atol=1e-5)


def test_a_decay_of_zero_is_the_model_itself() -> None:
    model = network()
    ema = Ema(model, 0.0)
    for part in model.parameters():
        part.data += 1
    ema.update(model, 1)
    for mine, theirs in zip(ema.average.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs)


def test_buffers_are_copied_and_not_averaged() -> None:
    model = network()
    ema = Ema(model, 0.9)
    model.train()(torch.randn(16, 3) * 5)
    ema.update(model, 1)
    names = [name for name, _ in model.named_buffers()]
    assert names == ["1.running_mean", "1.running_var", "1.num_batches_tracked"]
    for (name, mine), theirs in zip(ema.average.named_buffers(), model.buffers(), strict=True):
        assert torch.equal(mine, theirs), name


def test_the_average_is_a_copy_that_never_learns_and_always_evaluates() -> None:
    model = network().train()
    average = Ema(model, 0.9).average
    assert not average.training
    assert model.training
    assert not any(part.requires_grad for part in average.parameters())
    assert all(part.requires_grad for part in model.parameters())
    model[0].weight.data.zero_()  # type: ignore[index, union-attr]
    assert average[0].weight.any()  # type: ignore[index, union-attr]


@pytest.mark.parametrize("decay", [-0.1, 1.0, float("nan")])
def test_an_average_that_never_forgets_or_worse_is_refused(decay: float) -> None:
    with pytest.raises(ValueError, match="decay must be at least 0 and below 1"):
        Ema(network(), decay)
