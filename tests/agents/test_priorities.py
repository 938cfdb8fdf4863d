"""Prioritised sampling: how often what is drawn, and with which weight."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from hypothesis import given
from hypothesis import strategies as st

from agents.priorities import Priorities, SumTree
from agents.replay import Replay
from agents.simulators import Step

CPU = torch.device("cpu")
NUMBERS = st.lists(st.floats(0, 1e6) | st.just(0.0) | st.floats(0, 1e-6), min_size=1, max_size=150)


def tree_of(numbers: list[float]) -> SumTree:
    tree = SumTree(len(numbers), CPU)
    tree.set(torch.arange(len(numbers)), torch.tensor(numbers, dtype=torch.float64))
    return tree


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def doubles(*numbers: float) -> torch.Tensor:
    return torch.tensor(numbers, dtype=torch.float64)


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=150).filter(any), st.integers(0, 2**31))
def test_a_tree_finds_what_a_running_sum_finds(numbers: list[int], seed: int) -> None:
    """Whole numbers are added without rounding, so both must agree everywhere."""
    uniform = torch.rand(64, dtype=torch.float64, generator=generator(seed))
    sums = torch.tensor(numbers, dtype=torch.float64).cumsum(0)
    tree = tree_of([float(number) for number in numbers])
    assert tree.total == sum(numbers)
    assert torch.equal(tree.sample(uniform), torch.searchsorted(sums, uniform * sums[-1], right=True))


@given(NUMBERS.filter(any), st.integers(0, 2**31))
def test_what_has_no_priority_is_never_found(numbers: list[float], seed: int) -> None:
    """However numbers of very different size are rounded."""
    uniform = torch.rand(64, dtype=torch.float64, generator=generator(seed))
    uniform[0], uniform[1] = 0.0, 1 - 2**-53
    tree = tree_of(numbers)
    found = tree.sample(uniform)
    assert found.max() < len(numbers)
    assert (tree.leaves[found] > 0).all()


@given(NUMBERS.filter(any), st.integers(1, 40), st.integers(0, 2**31))
def test_the_numbers_alone_decide_what_is_found(numbers: list[float], pieces: int, seed: int) -> None:
    """Set a few at a time and over again, or all at once: the same sums to the last bit."""
    tree, wanted = tree_of([1.0] * len(numbers)), doubles(*numbers)
    for part in torch.randperm(len(numbers), generator=generator(seed)).split(pieces):
        tree.set(part, wanted[part])
    other = tree_of(numbers)
    assert torch.equal(tree.total, other.total)
    uniform = torch.rand(64, dtype=torch.float64, generator=generator(seed))
    assert torch.equal(tree.sample(uniform), other.sample(uniform))


def test_of_a_number_that_is_set_twice_the_larger_one_counts() -> None:
    tree = tree_of([9.0, 9.0, 9.0])
    tree.set(torch.tensor([1, 2, 1, 1]), doubles(3, 5, 4, 2))
    assert tree.leaves[:3].tolist() == [9, 4, 5]
    assert tree.total == 18


def test_one_is_drawn_from_each_equal_part_in_random_order() -> None:
    priorities = Priorities(100, 1.0, CPU)
    priorities.enter(torch.arange(100), torch.ones(100, dtype=torch.bool))
    drawn = priorities.draw(100, generator())
    assert drawn.sort().values.tolist() == list(range(100))
    minibatch = drawn[:20]
    assert len({int(slot) // 20 for slot in minibatch}) == 5  # from everywhere


@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0])
def test_slots_are_drawn_in_proportion_to_their_priorities(alpha: float) -> None:
    errors = torch.tensor([0.1, -0.5, 1.0, 2.0, 0.0, 4.0])
    priorities = Priorities(10, alpha, CPU)
    slots = torch.tensor([0, 2, 3, 5, 8, 9])
    priorities.enter(slots, torch.ones(6, dtype=torch.bool))
    priorities.update(slots, errors)
    wanted = (errors.abs().double() + 1e-6) ** alpha
    wanted = wanted / wanted.sum()
    draws = 40_000
    # One by one: drawn together, they would be spread more evenly than chance.
    uniform = torch.rand(draws, dtype=torch.float64, generator=generator())
    counts = torch.bincount(priorities._tree.sample(uniform), minlength=10)
    assert counts.sum() == counts[slots].sum()
    likely = wanted * draws > 5
    chi_square = ((counts[slots] - wanted * draws) ** 2 / (wanted * draws))[likely].sum()
    assert chi_square < 28  # at most 5 degrees of freedom: once in 25 000 seeds
    together = torch.bincount(priorities.draw(draws, generator()), minlength=10)[slots]
    assert (together - wanted * draws).abs().max() <= 2


def test_importance_weights_by_hand() -> None:
    priorities = Priorities(4, 1.0, CPU)
    priorities.enter(torch.tensor([0, 1, 3]), torch.ones(3, dtype=torch.bool))
    priorities.update(torch.tensor([0, 1, 3]), torch.tensor([1.0, 2.0, 5.0]))
    # P = 1/8, 2/8, 5/8, of three: (3 P) ** -beta
    weights = priorities.weights(torch.tensor([0, 1, 3]), 3, beta=1.0)
    torch.testing.assert_close(weights, torch.tensor([8 / 3, 8 / 6, 8 / 15]), rtol=1e-5, atol=0)
    halfway = priorities.weights(torch.tensor([3, 0]), 3, beta=0.5)
    torch.testing.assert_close(halfway, torch.tensor([8 / 15, 8 / 3]).sqrt(), rtol=1e-5, atol=0)
    assert priorities.weights(torch.tensor([1]), 3, beta=0.0).item() == 1


def filled(steps: int, rows: int = 6, ignored: Any = None, **options: Any) -> Replay:
    """Two environments, whose actions are numbers: 0, 1 in the first step, 2, 3 in the second, and so on."""
    replay = Replay(2 * rows, 2, spaces.Discrete(99), spaces.Discrete(99), CPU, prioritized=True, **options)
    replay.begin(np.zeros(2, np.int64))
    for t in range(steps):
        add(replay, t, ignored)
    return replay


def add(replay: Replay, t: int, ignored: Any = None) -> None:
    ends = np.zeros((2, 2), bool)
    skipped = None if ignored is None else np.array([2 * t in ignored, 2 * t + 1 in ignored])
    step = Step(np.full(2, t + 1), np.ones(2), ends[0], ends[1], None, skipped)
    replay.add(np.array([2 * t, 2 * t + 1]), step)


def frequencies(replay: Replay, count: int = 2000) -> dict[int, float]:
    """How often each action was sampled."""
    actions = replay.sample(count, generator()).actions
    numbers, counts = actions.unique(return_counts=True)
    return dict(zip(numbers.tolist(), (counts / count).tolist(), strict=True))


def set_errors(replay: Replay, errors: dict[int, float], others: float) -> None:
    sampled = replay.sample(500, generator())
    wanted = [errors.get(action, others) for action in sampled.actions.tolist()]
    replay.update_priorities(sampled, torch.tensor(wanted))


def test_new_transitions_have_the_largest_priority_so_far() -> None:
    replay = filled(2, alpha=1.0)
    set_errors(replay, {0: 3.0}, others=1.0)
    set_errors(replay, {0: 2.0}, others=1.0)  # the largest so far is 3 all the same
    add(replay, 2)
    expected = {0: 2 / 11, 1: 1 / 11, 2: 1 / 11, 3: 1 / 11, 4: 3 / 11, 5: 3 / 11}
    assert frequencies(replay) == pytest.approx(expected, abs=2e-3)


def test_what_is_added_before_an_update_enters_with_the_largest_priority_of_then() -> None:
    replay = filled(1, alpha=1.0)
    sampled = replay.sample(50, generator())
    add(replay, 1)
    replay.update_priorities(sampled, torch.full((50,), 4.0))
    assert frequencies(replay) == pytest.approx({0: 0.4, 1: 0.4, 2: 0.1, 3: 0.1}, abs=2e-3)


@pytest.mark.parametrize("sampled_between", [False, True])
def test_what_is_gone_or_never_was_is_not_sampled(sampled_between: bool) -> None:
    ignored = {3, 20, 25}
    replay, alive = filled(0), set()
    for t in range(23):
        add(replay, t, ignored)
        if sampled_between:
            sampled = replay.sample(64, generator(t))
            replay.update_priorities(sampled, torch.rand(64, generator=generator(t)))
        alive = {n for n in range(2 * max(t - 5, 0), 2 * t + 2) if n not in ignored}
        if sampled_between or t == 22:
            assert set(frequencies(replay)) <= alive
            assert replay.size == len(alive)
    if not sampled_between:
        assert set(frequencies(replay)) == alive


def test_a_late_update_brings_nothing_back() -> None:
    """The transitions were overwritten between sampling and the update, by steps that were none."""
    replay = filled(6)
    sampled = replay.sample(200, generator())
    for t in range(6, 13):
        add(replay, t, ignored={14, 15, 16, 18, 19})
    replay.update_priorities(sampled, torch.full((200,), 9.0))
    assert set(frequencies(replay)) <= {17, 20, 21, 22, 23, 24, 25}


def test_weights_undo_the_bias_of_the_sampling() -> None:
    replay = filled(6)
    set_errors(replay, {0: 5.0, 7: 0.3, 11: 2.0}, others=1.0)
    sampled = replay.sample(50_000, generator(), beta=1.0)
    numbers = sampled.actions.float()
    assert (sampled.weights * numbers).mean().item() == pytest.approx(np.arange(12).mean(), rel=1e-3)
    assert abs(numbers.mean().item() - np.arange(12).mean()) > 0.1


def test_uniform_sampling_takes_no_notice_of_errors() -> None:
    replay = Replay(12, 2, spaces.Discrete(99), spaces.Discrete(99), CPU)
    replay.begin(np.zeros(2, np.int64))
    for t in range(6):
        add(replay, t)
    before = replay.sample(100, generator())
    replay.update_priorities(before, torch.full((100,), 9.0))
    assert torch.equal(replay.sample(100, generator()).index, before.index)
    assert torch.equal(before.weights, torch.ones(100))
