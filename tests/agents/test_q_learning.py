"""Targets and losses of Q-learning, against loops that say the same slowly, and against stock SB3's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from agents.q_learning import (
    bellman_targets,
    huber_loss,
    of_actions,
    quantile_huber_loss,
    squashed,
    unsquashed,
)


def numbers(seed: int, *shape: int) -> Tensor:
    """Normal numbers, twice as wide as Huber's loss is quadratic."""
    return 2 * torch.randn(shape, generator=torch.Generator().manual_seed(seed))


SIZES: dict[str, Any] = {
    "batch": st.integers(1, 5),
    "quantiles": st.integers(1, 6),
    "actions": st.integers(1, 4),
    "seed": st.integers(0, 2**31),
}


@settings(max_examples=30)
@given(**SIZES)
def test_targets_are_rewards_and_what_comes_behind_them(
    batch: int, quantiles: int, actions: int, seed: int
) -> None:
    """One network chooses the next action, another one judges it."""
    returns, discounts = numbers(seed, batch), numbers(seed + 1, batch).abs().clamp(max=1)
    judge, chooser = numbers(seed + 2, batch, quantiles, actions), numbers(seed + 3, batch, actions)
    targets = bellman_targets(returns, discounts, of_actions(judge, chooser.argmax(-1)))
    assert targets.shape == (batch, quantiles)
    for row in range(batch):
        chosen = max(range(actions), key=lambda action: chooser[row, action].item())
        for number in range(quantiles):
            expected = returns[row] + discounts[row] * judge[row, number, chosen]
            assert targets[row, number].item() == pytest.approx(expected.item(), abs=1e-5)


def test_behind_the_end_of_an_episode_there_is_nothing() -> None:
    said = torch.full((2, 3, 4), 1e30)
    chosen = of_actions(said, torch.tensor([0, 3]))
    targets = bellman_targets(torch.tensor([1.0, 2.0]), torch.zeros(2), chosen)
    assert targets.tolist() == [[1.0] * 3, [2.0] * 3]


def test_the_second_network_takes_the_optimism_out_of_the_first() -> None:
    """All actions are worth 0 and both networks err: the largest of errors is too large, another's not."""
    judge, chooser = numbers(0, 20_000, 1, 8), numbers(1, 20_000, 1, 8)
    returns, discounts = torch.zeros(20_000), torch.ones(20_000)
    means = [
        bellman_targets(returns, discounts, of_actions(judge, chosen.mean(1).argmax(-1))).mean().item()
        for chosen in (judge, chooser)
    ]
    assert means[0] > 2.5
    assert means[1] == pytest.approx(0, abs=0.06)


@settings(max_examples=30)
@given(**SIZES)
def test_what_was_said_of_the_actions_that_were_taken(
    batch: int, quantiles: int, actions: int, seed: int
) -> None:
    said = numbers(seed, batch, quantiles, actions)
    taken = torch.randint(actions, (batch,), generator=torch.Generator().manual_seed(seed))
    expected = [[said[row, number, taken[row]].item() for number in range(quantiles)] for row in range(batch)]
    assert of_actions(said, taken).tolist() == expected


def huber(error: float) -> float:
    return error**2 / 2 if abs(error) <= 1 else abs(error) - 0.5


@settings(max_examples=30)
@given(batch=st.integers(1, 4), quantiles=st.integers(1, 6), samples=st.integers(1, 6), seed=SIZES["seed"])
def test_the_quantile_loss_is_three_loops(batch: int, quantiles: int, samples: int, seed: int) -> None:
    said, target = numbers(seed, batch, quantiles), numbers(seed + 1, batch, samples)
    loss, error = quantile_huber_loss(said, target)
    for row in range(batch):
        total = 0.0
        for number in range(quantiles):
            fraction = (number + 0.5) / quantiles
            for sample in range(samples):
                difference = target[row, sample].item() - said[row, number].item()
                total += abs(fraction - (difference < 0)) * huber(difference) / samples
        assert loss[row].item() == pytest.approx(total, rel=1e-4, abs=1e-6)
    assert error.tolist() == loss.tolist()


def test_the_quantile_loss_is_contribs() -> None:
    utils = pytest.importorskip("sb3_contrib.common.utils", reason="sb3-contrib is not installed")
    target = numbers(1, 64, 5)
    ours, theirs = numbers(0, 64, 7).requires_grad_(), numbers(0, 64, 7).requires_grad_()
    loss, expected = quantile_huber_loss(ours, target)[0].mean(), utils.quantile_huber_loss(theirs, target)
    torch.testing.assert_close(loss, expected)
    loss.backward()
    expected.backward()
    torch.testing.assert_close(ours.grad, theirs.grad)


def test_targets_are_samples_whose_order_means_nothing_and_quantiles_are_not() -> None:
    said, target = numbers(0, 8, 5), numbers(1, 8, 5)
    loss, _ = quantile_huber_loss(said, target)
    torch.testing.assert_close(quantile_huber_loss(said, target.flip(1))[0], loss)
    assert not torch.allclose(quantile_huber_loss(said.flip(1), target)[0], loss)


@pytest.mark.parametrize("kind", ["uniform", "two values"])
def test_its_least_is_at_the_quantiles_of_the_target(kind: str) -> None:
    """On a scale on which nothing is quadratic, as good as exactly."""
    quantiles, wide = 5, 1_000.0
    target = torch.linspace(0, wide, 1_001) if kind == "uniform" else torch.tensor([0.0] * 3 + [wide] * 7)
    said = torch.full((1, quantiles), wide / 3).requires_grad_()
    optimizer = torch.optim.Adam([said], lr=20.0)
    for step in range(600):
        optimizer.param_groups[0]["lr"] = 20.0 * (1 - step / 600)
        optimizer.zero_grad()
        quantile_huber_loss(said, target.unsqueeze(0))[0].sum().backward()
        optimizer.step()
    fractions = (np.arange(quantiles) + 0.5) / quantiles  # .1, .3, .5, .7, .9
    expected = fractions * wide if kind == "uniform" else np.where(fractions < 0.3, 0, wide)
    sharp = fractions != 0.3  # a step of the second distribution: everything between them is a quantile
    found = said.detach().numpy()[0]
    np.testing.assert_allclose(found[sharp], expected[sharp], atol=0.01 * wide)


@settings(max_examples=30)
@given(batch=st.integers(1, 9), seed=SIZES["seed"])
def test_the_huber_loss_is_torchs(batch: int, seed: int) -> None:
    said, target = numbers(seed, batch, 1).requires_grad_(), numbers(seed + 1, batch, 1)
    loss, error = huber_loss(said, target)
    assert loss.shape == error.shape == (batch,)
    torch.testing.assert_close(loss.mean(), functional.smooth_l1_loss(said, target))
    torch.testing.assert_close(error, (said - target).detach().abs().squeeze(1))
    assert not error.requires_grad


def test_one_quantile_is_half_the_huber_loss() -> None:
    """Of a single one, the median, errors of both signs weigh one half."""
    said, target = numbers(0, 32, 1), numbers(1, 32, 1)
    torch.testing.assert_close(2 * quantile_huber_loss(said, target)[0], huber_loss(said, target)[0])


# Squashed returns


@given(st.floats(-1e8, 1e8, width=32))
def test_squashed_returns_come_back(value: float) -> None:
    said = squashed(torch.tensor([value]))
    assert said.item() * value >= 0
    assert abs(said.item()) <= 1.01 * abs(value)
    # Single precision keeps about 7 digits, and the root makes 2 parts in the return of 1 in what is said.
    assert unsquashed(said).item() == pytest.approx(value, rel=1e-6, abs=1e-6)
    assert squashed(unsquashed(torch.tensor([value / 1e4]))).item() == pytest.approx(
        value / 1e4, rel=1e-6, abs=1e-6
    )


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_squashing_keeps_the_order(value: float, more: float) -> None:
    both = torch.tensor([value, value + more], dtype=torch.float64)
    assert squashed(both)[0] < squashed(both)[1]
    assert unsquashed(both)[0] < unsquashed(both)[1]


@pytest.mark.parametrize(("value", "said"), [(0, 0), (3, 1.003), (-3, -1.003), (99, 9.099), (1e6, 1999.0005)])
def test_squashed_returns_are_nearly_roots(value: float, said: float) -> None:
    """sign(x) (sqrt(|x| + 1) - 1) + x / 1000 (Pohlen et al. 2018)."""
    assert squashed(torch.tensor(float(value))).item() == pytest.approx(said, rel=1e-6)
    assert unsquashed(torch.tensor(float(said))).item() == pytest.approx(value, rel=1e-5)
