"""The range test: what it sees, what it suggests, and that nothing is left behind by it."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sandbox.core.errors import UsageError
from sandbox.nn.batches import Batch
from sandbox.nn.lr_finder import LEVEL_PART, Found, find_learning_rate, smoothed, two_digits
from tests.nn.learners import Classifier, classifier, fitted, same


class Bowl(nn.Module):
    """A weight on x², whose gradient descent explodes at rates above 1."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((1, 1), 5.0))

    def loss(self, batch: Batch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        return self.weight.square().mean(), {}


def test_rates_grow_geometrically_and_end_where_the_loss_explodes() -> None:
    found = find_learning_rate(fitted(Bowl(), optimizer="sgd"), lowest=1e-3, highest=100.0, steps=60)
    ratios = found.rates[1:] / found.rates[:-1]
    assert found.rates[0] == 1e-3
    np.testing.assert_allclose(ratios, ratios[0])
    assert found.exploded
    assert 1 < found.rates[-1] < 10
    assert len(found.rates) == len(found.losses) == len(found.smooth) < 60
    assert np.isfinite(found.losses).all()


def test_the_suggestion_is_a_rate_that_works_and_is_not_a_timid_one() -> None:
    found = find_learning_rate(fitted(Bowl(), optimizer="sgd"), lowest=1e-3, highest=100.0)
    assert 0.1 < found.suggestion < 1.0


def test_a_test_that_does_not_explode_goes_to_the_highest_rate() -> None:
    found = find_learning_rate(fitted(Bowl(), optimizer="sgd"), lowest=1e-4, highest=1e-2, steps=30)
    assert not found.exploded
    assert found.rates[-1] == pytest.approx(1e-2)
    assert found.lowest == 29  # the loss still falls


@pytest.mark.parametrize(
    "settings",
    [{"optimizer": "adamw", "ema_decay": 0.9}, {"optimizer": "momentum", "schedule": "one_cycle"}],
)
@pytest.mark.parametrize("steps_before", [0, 3])
def test_nothing_is_left_behind_bit_for_bit(settings: dict[str, Any], steps_before: int) -> None:
    def trained(*, tested: bool) -> tuple[dict[str, Any], Tensor, list[Tensor]]:
        torch.manual_seed(7)
        training = fitted(classifier(), **settings)
        for _ in range(steps_before):
            training.update()
        before, random = deepcopy(training.state_dict()), torch.get_rng_state()
        if tested:
            find_learning_rate(training, steps=12, highest=1e4)
            assert same(training.state_dict(), before)
            assert torch.equal(torch.get_rng_state(), random)
        losses = [training.update()["loss"] for _ in range(4)]
        return training.state_dict(), torch.get_rng_state(), losses

    one, other = trained(tested=False), trained(tested=True)
    assert same(one[0], other[0])
    assert torch.equal(one[1], other[1])
    assert all(map(torch.equal, one[2], other[2]))


def test_an_error_on_the_way_leaves_nothing_behind_either() -> None:
    training = fitted(classifier())
    before = deepcopy(training.state_dict())

    def fails(done: int) -> bool:
        if done == 5:
            raise KeyboardInterrupt
        return True

    with pytest.raises(KeyboardInterrupt):
        find_learning_rate(training, after_step=fails)
    assert same(training.state_dict(), before)
    assert training.settings.schedule == "constant"
    assert training.settings.learning_rate == 1e-3


def test_it_can_be_stopped() -> None:
    found = find_learning_rate(fitted(classifier()), after_step=lambda done: done < 6)
    assert len(found.rates) == 6


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"steps": 9}, "at least 10 steps, not 9"),
        ({"lowest": 0.0}, "must grow from above 0, not from 0 to 10"),
        ({"lowest": 1.0, "highest": 1.0}, "must grow"),
        ({"highest": float("inf")}, "must grow"),
        ({"highest": float("nan")}, "must grow"),
    ],
)
def test_what_is_no_range_is_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        find_learning_rate(fitted(classifier()), **options)
    assert says in caught.value.message


def test_a_loss_that_is_never_a_number_is_refused() -> None:
    class Broken(Classifier):
        def loss(self, batch: Batch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
            return super().loss(batch, generator)[0] * float("nan"), {}

    with pytest.raises(UsageError, match="no number"):
        find_learning_rate(fitted(Broken()))


def test_the_running_mean_is_corrected_for_its_beginning() -> None:
    np.testing.assert_allclose(smoothed([3.0] * 5), 3.0)
    np.testing.assert_allclose(smoothed([1.0, 2.0], memory=0.5), [1.0, (0.25 * 1 + 0.5 * 2) / 0.75])


def test_a_rate_that_is_kept_for_long_is_lower() -> None:
    one_cycle = find_learning_rate(fitted(classifier(), schedule="one_cycle"), steps=40)
    constant = find_learning_rate(fitted(classifier(), schedule="constant"), steps=40)
    assert np.array_equal(one_cycle.losses, constant.losses)  # the schedule is not followed
    assert constant.suggestion == two_digits(one_cycle.rates[one_cycle.lowest] * LEVEL_PART)
    assert constant.suggestion < one_cycle.suggestion


@pytest.mark.parametrize(("value", "told"), [(0.01234, 0.012), (0.0996, 0.1), (3.0, 3.0), (1.26e-5, 1.3e-5)])
def test_rates_are_told_with_two_digits(value: float, told: float) -> None:
    rates = np.array([value])
    assert Found(rates, rates, rates, exploded=False).suggestion == told
