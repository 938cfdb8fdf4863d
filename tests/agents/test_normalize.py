"""Running statistics are those of all that was seen; they move in training alone, and live in the policy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from hypothesis import given
from hypothesis import strategies as st
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.running_mean_std import RunningMeanStd

from agents import as_simulator
from agents.evaluate import evaluate
from agents.normalize import ObservationNormalizer, RewardNormalizer, RunningMoments
from tests.agents.tasks import Sampled, same_weights, small_ppo, weights_of

GAMMA = 0.9


@given(st.lists(st.integers(0, 9), min_size=1, max_size=6), st.floats(-100, 100), st.floats(0.01, 100))
def test_moments_are_numpys_over_everything_seen(sizes: list[int], mean: float, deviation: float) -> None:
    rng = np.random.default_rng(sum(sizes))
    batches = [rng.normal(mean, deviation, (size, 2, 3)).astype(np.float32) for size in sizes]
    moments = RunningMoments((2, 3))
    for batch in batches:
        moments.update(torch.as_tensor(batch))
    everything = np.concatenate(batches)
    assert moments.count == len(everything)
    if len(everything):
        scale = abs(mean) + deviation
        np.testing.assert_allclose(moments.mean, everything.mean(0), rtol=1e-5, atol=1e-5 * scale)
        np.testing.assert_allclose(moments.variance, everything.var(0), rtol=1e-4, atol=1e-5 * scale**2)


def test_moments_are_sb3s() -> None:
    rng = np.random.default_rng(0)
    ours, theirs = RunningMoments((4,)), RunningMeanStd(epsilon=0.0, shape=(4,))
    for _ in range(50):
        batch = rng.normal(3, 7, (16, 4))
        ours.update(torch.as_tensor(batch))
        theirs.update(batch)
    np.testing.assert_allclose(ours.mean, theirs.mean, rtol=1e-5)
    np.testing.assert_allclose(ours.variance, theirs.var, rtol=1e-5)


def test_a_large_offset_does_not_swallow_a_small_variance() -> None:
    rng = np.random.default_rng(0)
    moments = RunningMoments((1,))
    for _ in range(200):
        moments.update(torch.as_tensor(1000 + rng.normal(size=(64, 1))))
    assert moments.variance.item() == pytest.approx(1, rel=0.05)


def test_vectors_are_normalised_and_pictures_and_numbers_pass() -> None:
    space = spaces.Dict(
        {
            "vec.tor": spaces.Box(-np.inf, np.inf, (2,)),
            "picture": spaces.Box(0, 255, (3, 4, 4), np.uint8),
            "number": spaces.Discrete(5),
        }
    )
    normalizer = ObservationNormalizer(space)
    rng = np.random.default_rng(0)
    seen: Any = {
        "vec.tor": torch.as_tensor(rng.normal(50, 4, (1000, 2)), dtype=torch.float32),
        "picture": torch.full((1000, 3, 4, 4), 255, dtype=torch.uint8),
        "number": torch.full((1000,), 4),
    }
    normalizer.update(seen)
    out: Any = normalizer(seen)
    torch.testing.assert_close(out["vec.tor"].mean(0), torch.zeros(2), atol=1e-3, rtol=0)
    torch.testing.assert_close(out["vec.tor"].std(0), torch.ones(2), atol=1e-2, rtol=0)
    assert out["picture"] is seen["picture"]
    assert out["number"] is seen["number"]
    far: Any = normalizer({**seen, "vec.tor": torch.full((1, 2), 1e9)})
    assert far["vec.tor"].tolist() == [[10, 10]]


def returns_by_loop(rewards: np.ndarray, ends: np.ndarray, start: float) -> list[float]:
    """Discounted return so far at every step of one environment."""
    total, seen = start, []
    for reward, end in zip(rewards.tolist(), ends.tolist(), strict=True):
        total = GAMMA * total + reward
        seen.append(total)
        total = 0.0 if end else total
    return [*seen, total]


def test_rewards_are_divided_by_the_deviation_of_the_discounted_return() -> None:
    rng = np.random.default_rng(0)
    normalizer = RewardNormalizer(n_envs=3, gamma=GAMMA)
    everything: list[float] = []
    running = [0.0, 0.0, 0.0]
    for _ in range(4):  # rollouts; episodes go on from one to the next
        rewards = (5 * rng.normal(size=(20, 3)) + 2).astype(np.float32)
        ends = rng.random((20, 3)) < 0.2
        scaled = normalizer(torch.as_tensor(rewards), torch.as_tensor(ends))
        for env in range(3):
            *seen, running[env] = returns_by_loop(rewards[:, env], ends[:, env], running[env])
            everything += seen
        np.testing.assert_allclose(normalizer.running, running, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(scaled, rewards / np.std(everything), rtol=1e-4)


def test_ignored_steps_are_no_part_of_the_statistics() -> None:
    with_gap, without = RewardNormalizer(1, GAMMA), RewardNormalizer(1, GAMMA)
    rewards, ends = torch.tensor([[1.0], [2.0], [0.0], [3.0]]), torch.tensor([[0], [1], [0], [0]]).bool()
    valid = torch.tensor([[1], [1], [0], [1]]).bool()
    taken = [0, 1, 3]
    scaled = with_gap(rewards, ends, valid)[taken]
    torch.testing.assert_close(scaled, without(rewards[taken], ends[taken]))
    assert with_gap.moments.count == without.moments.count == 3


def test_a_constant_reward_of_zero_stays_zero() -> None:
    normalizer = RewardNormalizer(1, GAMMA)
    assert normalizer(torch.zeros(5, 1), torch.zeros(5, 1).bool()).tolist() == [[0]] * 5


NORMALISED = {"normalize_observation": True, "normalize_reward": True}


def test_statistics_are_part_of_the_policys_state() -> None:
    agent = small_ppo(**NORMALISED)
    before = weights_of(agent)
    agent.learn(64)
    after = weights_of(agent)
    names = [name for name in after if "moments" in name]
    owners = ("observation_normalizer.moments.of_", "reward_normalizer.moments")
    assert names == [f"{owner}.{part}" for owner in owners for part in ("mean", "variance", "count")]
    assert all(not torch.equal(before[name], after[name]) for name in names)
    assert after["observation_normalizer.moments.of_.count"] == 64
    other = small_ppo(**NORMALISED, seed=1)
    other.set_parameters(agent.get_parameters())
    assert same_weights(agent, other)


def test_statistics_stand_still_while_an_agent_is_evaluated_and_predicts() -> None:
    agent = small_ppo(**NORMALISED).learn(64)
    before = weights_of(agent)
    agent.predict(np.full(3, 9, np.float32))
    evaluate_policy(agent, Sampled(), n_eval_episodes=3, warn=False)
    evaluate(agent.policy, as_simulator("Tiny/Sampled-v0", 2), 3, seed=0)
    agent.policy.predict_values(torch.ones(1, 3))
    assert all(torch.equal(before[name], part) for name, part in agent.policy.state_dict().items())


def test_predict_sees_normalised_observations() -> None:
    agent = small_ppo(Sampled(action_space=spaces.Box(-9, 9, (1,))), **NORMALISED)
    moments: Any = agent.policy.observation_normalizer.moments["of_"]  # type: ignore[union-attr]
    moments.mean.fill_(5.0)
    moments.variance.fill_(4.0)
    plain = small_ppo(Sampled(action_space=spaces.Box(-9, 9, (1,))))
    plain.policy.load_state_dict({k: v for k, v in agent.policy.state_dict().items() if "moments" not in k})
    raw, scaled = np.array([7.0, 5.0, 3.0], np.float32), np.array([1.0, 0.0, -1.0], np.float32)
    answers = []
    for one, seen in ((agent, raw), (plain, scaled)):
        batch = torch.as_tensor(seen[None])
        action, _ = one.predict(seen, deterministic=True)
        with torch.no_grad():
            policy = one.policy
            modes = policy.get_distribution(batch).mode().numpy()
            answers.append([action, policy.predict_values(batch), policy.act(batch).values, modes])
    for ours, expected in zip(*answers, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-5)


def test_reported_episodes_have_the_true_rewards() -> None:
    agents = [small_ppo(normalize_reward=on, learning_rate=0.0).learn(64) for on in (True, False)]
    returns = [[episode["r"] for episode in agent.ep_info_buffer or ()] for agent in agents]
    assert returns[0] == returns[1] != []


def test_learning_anew_forgets_the_discounted_returns_of_the_episodes_that_were_running() -> None:
    agent = small_ppo(**NORMALISED, n_steps=7).learn(14)
    normalizer = agent.policy.reward_normalizer
    assert normalizer is not None
    assert (normalizer.running != 0).all()  # after seven steps an episode of five is running
    agent.learn(0)
    assert (normalizer.running == 0).all()
