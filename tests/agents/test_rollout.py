"""What a rollout stores, what becomes a transition, and how minibatches are drawn."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from hypothesis import given
from hypothesis import strategies as st

from agents.returns import generalized_advantages
from agents.rollout import Batch, Rollout
from tests.agents.tasks import Sampled, filled_batch, small_ppo

CPU = torch.device("cpu")
NUMBER = spaces.Box(0, 99, (1,))
SHAPE = (4, 2)  # steps, envs


def numbered(space: spaces.Space = NUMBER, ignored: Any = False) -> Rollout:
    """A rollout in which the number of each transition is its observation, its action and its value."""
    rollout = Rollout(*SHAPE, space, spaces.Discrete(100), CPU)
    ignored = np.broadcast_to(np.array(ignored), SHAPE)
    for t in range(SHAPE[0]):
        numbers = torch.tensor([10.0 * t, 10.0 * t + 1])
        seen: Any = numbers[:, None]
        if isinstance(space, spaces.Dict):
            seen = {"a": numbers[:, None], "b": numbers.long()}
        rollout.write_decision(t, seen, numbers.long(), -numbers, numbers)
        rollout.write_outcome(t, numbers.numpy(), np.zeros(2, bool), ignored[t])
    return rollout


def make_batch(rollout: Rollout) -> Batch:
    advantages = partial(generalized_advantages, gamma=0.5, gae_lambda=0.5)
    return rollout.batch(np.zeros(2, np.float32), 0.5, advantages)


def test_every_transition_keeps_its_parts_together() -> None:
    batch = make_batch(numbered())
    numbers = batch.actions
    assert numbers.tolist() == [0, 1, 10, 11, 20, 21, 30, 31]
    assert isinstance(batch.observations, torch.Tensor)
    torch.testing.assert_close(batch.observations[:, 0], numbers.float())
    torch.testing.assert_close(batch.values, numbers.float())
    torch.testing.assert_close(batch.log_probs, -numbers.float())
    torch.testing.assert_close(batch.returns, batch.advantages + batch.values)


def test_dict_observations_stay_dicts() -> None:
    space = spaces.Dict({"a": spaces.Box(0, 99, (1,)), "b": spaces.Discrete(100)})
    batch = make_batch(numbered(space))
    assert isinstance(batch.observations, dict)
    assert batch.observations["b"].dtype == torch.int64
    assert batch.observations["b"].tolist() == batch.actions.tolist()
    for part in batch.minibatches(3, torch.Generator()):
        assert isinstance(part.observations, dict)
        assert part.observations["b"].tolist() == part.actions.tolist()
        assert part.observations["a"][:, 0].tolist() == part.actions.tolist()


def test_steps_that_only_reset_are_no_transitions() -> None:
    ignored = np.zeros(SHAPE, bool)
    ignored[1, 0] = ignored[3, 1] = True
    rollout = numbered(ignored=ignored)
    assert make_batch(rollout).actions.tolist() == [0, 1, 11, 20, 21, 30]
    seen = rollout.flat_observations()
    assert isinstance(seen, torch.Tensor)
    assert sorted(seen[:, 0].tolist()) == [0, 1, 11, 20, 21, 30]


def test_a_value_to_bootstrap_from_counts_in_its_own_rollout_only() -> None:
    rollout = numbered()
    rollout.write_cut(2, np.ones(2, bool), torch.full((2,), 8.0))
    with_value = make_batch(rollout).advantages
    for t in range(SHAPE[0]):  # the next rollout writes over this one
        rollout.write_outcome(t, np.array([10.0 * t, 10.0 * t + 1]), np.zeros(2, bool), None)
    without = make_batch(rollout).advantages
    gained = (with_value - without).reshape(SHAPE)[:, 0].tolist()
    assert gained == [0.5 * 8 * 0.25**2, 0.5 * 8 * 0.25, 0.5 * 8, 0]


@given(st.integers(1, 40), st.integers(1, 50), st.integers(0, 2**31))
def test_minibatches_hold_every_transition_once(count: int, size: int, seed: int) -> None:
    numbers = torch.arange(count)
    batch = Batch(numbers, numbers, numbers, numbers, numbers, numbers)
    parts = list(batch.minibatches(size, torch.Generator().manual_seed(seed)))
    assert [len(part.actions) for part in parts[:-1]] == [size] * (len(parts) - 1)
    assert sorted(torch.cat([part.actions for part in parts]).tolist()) == numbers.tolist()
    for part in parts:
        assert part.actions.tolist() == part.returns.tolist() == part.advantages.tolist()


def test_the_order_is_another_one_in_every_pass_and_the_generator_decides_it() -> None:
    numbers = torch.arange(64)
    batch = Batch(numbers, numbers, numbers, numbers, numbers, numbers)

    def orders(seed: int) -> list[list[int]]:
        generator = torch.Generator().manual_seed(seed)
        return [next(batch.minibatches(64, generator)).actions.tolist() for _ in range(2)]

    assert orders(0) == orders(0) != orders(1)
    assert orders(0)[0] != orders(0)[1]


OBSERVATIONS = {
    "discrete": spaces.Discrete(4),
    "multidiscrete": spaces.MultiDiscrete([2, 3]),
    "multibinary": spaces.MultiBinary(3),
    "float64": spaces.Box(-1, 1, (2, 3), np.float64),
    "int64": spaces.Box(0, 9, (2,), np.int64),
    "uint16": spaces.Box(0, 9, (2,), np.uint16),
    "picture": spaces.Box(0, 255, (36, 36, 3), np.uint8),
    "dict": spaces.Dict({"a": spaces.Box(-1, 1, (2,)), "b": spaces.Discrete(3), "c": spaces.MultiBinary(2)}),
}


@pytest.mark.parametrize("kind", OBSERVATIONS)
def test_a_collected_rollout_holds_what_the_policy_saw_and_said(kind: str) -> None:
    space = OBSERVATIONS[kind]
    agent = small_ppo(Sampled(space), "MultiInputPolicy" if kind == "dict" else "MlpPolicy")
    batch = filled_batch(agent)
    values, log_probs, _ = agent.policy.evaluate_actions(batch.observations, batch.actions)
    torch.testing.assert_close(values.squeeze(-1), batch.values, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(log_probs, batch.log_probs, rtol=1e-5, atol=1e-6)
