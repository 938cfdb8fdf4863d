"""Advantages are those of the definition, written out as sums over all later steps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.returns import explained_variance, generalized_advantages

GAMMA, LAMBDA = 0.9, 0.8


def advantages_by_definition(
    rewards: np.ndarray,
    values: np.ndarray,
    last_values: np.ndarray,
    ends: np.ndarray,
    gamma: float,
    gae_lambda: float,
) -> np.ndarray:
    """Sum over k of (gamma * lambda)^k * delta_(t+k), until the episode ends or the rollout does."""
    steps, envs = rewards.shape
    advantages = np.zeros((steps, envs))
    for env in range(envs):
        for t in range(steps):
            for k in range(steps - t):
                now = t + k
                after = values[now + 1, env] if now + 1 < steps else last_values[env]
                target = rewards[now, env] + (0.0 if ends[now, env] else gamma * after)
                advantages[t, env] += (gamma * gae_lambda) ** k * (target - values[now, env])
                if ends[now, env]:
                    break
    return advantages


@st.composite
def rollouts(draw: st.DrawFn) -> tuple[np.ndarray, ...]:
    steps, envs = draw(st.integers(1, 12)), draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    ends = rng.random((steps, envs)) < draw(st.sampled_from([0.0, 0.2, 1.0]))
    normal = [rng.normal(size=shape).astype(np.float32) for shape in ((steps, envs), (steps, envs), (envs,))]
    return (*normal, ends)


@given(rollouts(), st.floats(0, 1), st.floats(0, 1))
def test_advantages_are_the_discounted_sums_of_the_definition(
    rollout: tuple[np.ndarray, ...], gamma: float, gae_lambda: float
) -> None:
    found = generalized_advantages(*rollout, gamma, gae_lambda)
    assert found.dtype == np.float32
    expected = advantages_by_definition(*rollout, gamma, gae_lambda)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@given(rollouts())
def test_lambda_0_looks_one_step_ahead(rollout: tuple[np.ndarray, ...]) -> None:
    rewards, values, last_values, ends = rollout
    following = np.concatenate([values[1:], last_values[None]])
    expected = rewards + GAMMA * np.where(ends, 0, following) - values
    np.testing.assert_allclose(generalized_advantages(*rollout, GAMMA, 0.0), expected, atol=1e-5)


def test_lambda_1_sums_the_rewards_to_the_end_whatever_the_values_on_the_way() -> None:
    rewards, ends = np.array([[1.0], [2.0], [4.0]], np.float32), np.array([[False], [False], [True]])
    values = np.array([[10.0], [-20.0], [30.0]], np.float32)
    advantages = generalized_advantages(rewards, values, np.array([99.0], np.float32), ends, GAMMA, 1.0)
    returns = [1 + GAMMA * 2 + GAMMA**2 * 4, 2 + GAMMA * 4, 4]
    np.testing.assert_allclose((advantages + values)[:, 0], returns, rtol=1e-6)


def test_nothing_flows_over_the_end_of_an_episode() -> None:
    rewards, ends = np.zeros((3, 1), np.float32), np.array([[False], [True], [False]])
    values, last = np.zeros((3, 1), np.float32), np.array([5.0], np.float32)
    before = generalized_advantages(rewards, values, last, ends, GAMMA, LAMBDA)
    assert before[:2].tolist() == [[0], [0]]
    assert before[2, 0] == pytest.approx(GAMMA * 5)


def test_environments_do_not_mix() -> None:
    rng = np.random.default_rng(0)
    shape = (7, 4)
    parts = (rng.normal(size=shape), rng.normal(size=shape), rng.normal(size=4), rng.random(shape) < 0.3)
    together = generalized_advantages(*parts, GAMMA, LAMBDA)
    for env in range(4):
        alone = generalized_advantages(*(part[..., [env]] for part in parts), GAMMA, LAMBDA)
        np.testing.assert_array_equal(together[:, [env]], alone)


def test_explained_variance() -> None:
    actual = np.array([1.0, 2.0, 3.0])
    assert explained_variance(actual, actual) == 1
    assert explained_variance(np.full(3, 2.0), actual) == 0
    assert explained_variance(-actual, actual) < 0
    assert np.isnan(explained_variance(actual, np.ones(3)))
