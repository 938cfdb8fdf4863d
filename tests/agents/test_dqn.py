"""DQN's engine: how often it learns, explores and updates its target, and what it remembers."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import closing
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import stable_baselines3 as sb3
import torch
from gymnasium.vector import AutoresetMode
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agents import DQN
from tests.agents.tasks import Sampled, same_weights, small_dqn
from tests.agents.test_truncation import PROCESSES, SOURCES, Walks, limited

CARTPOLE = "Sandbox/CartPole-v0"
ENVS = (1, 3, 16, 64)


def learned(steps: int, callback: Any = None, **options: Any) -> DQN:
    return small_dqn(CARTPOLE, **options).learn(steps, callback=callback)


def watched(look: Callable[[dict[str, Any]], object]) -> Callable[[Any, Any], bool]:
    """A callback that looks at the locals and goes on."""

    def call(local: dict[str, Any], _: dict[str, Any]) -> bool:
        look(local)
        return True

    return call


def decided(agent: DQN, action: int = 0) -> DQN:
    """The agent, sure that `action` is the best, and never to learn better."""
    agent.learning_rate = 0.0
    agent._setup_lr_schedule()
    with torch.no_grad():
        agent.policy.q_net.q_net[-1].bias[action] += 1e3
    return agent


# How often


@settings(max_examples=25, derandomize=True)
@given(
    n_envs=st.sampled_from(ENVS),
    train_freq=st.integers(1, 40),
    gradient_steps=st.sampled_from([-1, 1, 2]),
    learning_starts=st.integers(0, 120),
    steps=st.integers(1, 300),
)
@example(n_envs=1, train_freq=4, gradient_steps=1, learning_starts=8, steps=8)
@example(n_envs=64, train_freq=1, gradient_steps=-1, learning_starts=0, steps=64)
def test_gradient_steps_are_as_many_as_asked_for_whatever_the_number_of_environments(
    n_envs: int, train_freq: int, gradient_steps: int, learning_starts: int, steps: int
) -> None:
    agent = learned(
        steps,
        n_envs=n_envs,
        train_freq=train_freq,
        gradient_steps=gradient_steps,
        learning_starts=learning_starts,
        batch_size=1,
    )
    taken = math.ceil(steps / n_envs) * n_envs
    assert agent.num_timesteps == taken
    each = train_freq if gradient_steps == -1 else gradient_steps
    rounds = max(taken // train_freq - learning_starts // train_freq, 0)
    # Of the collected steps of which some came before the start, all may count.
    between = math.ceil(max(n_envs, train_freq) / train_freq) if learning_starts and n_envs > 1 else 0
    assert rounds * each <= agent._n_updates <= (rounds + between) * each


@pytest.mark.parametrize("settings_", [(4, 1, 8), (1, 1, 0), (3, 2, 10), (5, -1, 7), (16, 4, 100)], ids=str)
def test_one_environment_learns_as_often_as_with_sb3(settings_: tuple[int, int, int]) -> None:
    names = ("train_freq", "gradient_steps", "learning_starts")
    options: dict[str, Any] = dict(zip(names, settings_, strict=True))
    ours = small_dqn(CARTPOLE, n_envs=1, **options).learn(240)
    theirs = sb3.DQN("MlpPolicy", "CartPole-v1", batch_size=4, buffer_size=400, device="cpu", **options)
    assert ours._n_updates == theirs.learn(240)._n_updates > 0


@pytest.mark.parametrize(("train_freq", "interval"), [(4, 20), (8, 20), (16, 4), (5, 5), (3, 64)])
def test_the_target_is_updated_after_the_same_gradient_steps_whatever_the_number_of_environments(
    train_freq: int, interval: int
) -> None:
    moments: dict[int, list[int]] = {}
    for n_envs in ENVS:
        agent = small_dqn(
            CARTPOLE,
            n_envs=n_envs,
            learning_starts=0,
            train_freq=train_freq,
            target_update_interval=interval,
            batch_size=1,
        )
        original, moments[n_envs] = agent.policy.update_target, []

        def update(tau: float = 1.0, n_envs: int = n_envs, agent=agent, original=original) -> None:
            moments[n_envs].append(agent._n_updates)
            original(tau)

        agent.policy.update_target = update  # type: ignore[method-assign]
        agent.learn(384)
    assert len(moments[1]) >= 6
    assert moments[3] == moments[16] == moments[64] == moments[1]


@pytest.mark.parametrize("n_envs", ENVS)
@pytest.mark.parametrize(("train_freq", "interval"), [(4, 16), (4, 4), (4, 1), (16, 8)])
def test_the_target_comes_nearer_by_tau_after_every_interval(
    train_freq: int, interval: int, n_envs: int
) -> None:
    """Of a network that stays as it is, the distance shrinks by 1 - tau each time."""
    agent = small_dqn(
        CARTPOLE,
        n_envs=n_envs,
        learning_starts=0,
        learning_rate=0.0,
        tau=0.01,
        train_freq=train_freq,
        target_update_interval=interval,
    )
    ours, target = agent.q_net.q_net[0].weight, agent.q_net_target.q_net[0].weight
    with torch.no_grad():
        target += 1.0
    agent.learn(192)
    torch.testing.assert_close(
        target - ours, torch.full_like(ours, 0.99 ** (192 // interval)), atol=1e-4, rtol=0
    )


# Exploration


def test_the_share_of_random_actions_falls_as_in_sb3() -> None:
    rates: list[list[float]] = [[], []]
    options: dict[str, Any] = {
        "exploration_fraction": 0.3,
        "exploration_final_eps": 0.1,
        "learning_starts": 0,
    }
    options |= {"exploration_initial_eps": 0.9, "buffer_size": 400, "seed": 0, "device": "cpu"}
    agents: list[Any] = [cls("MlpPolicy", "CartPole-v1", **options) for cls in (DQN, sb3.DQN)]
    for rate, agent in zip(rates, agents, strict=True):
        agent.learn(
            100, callback=watched(lambda local, rate=rate: rate.append(local["self"].exploration_rate))
        )
    assert rates[0][1:] == pytest.approx(rates[1][1:])  # before its first step SB3 says 0
    assert rates[0][0] == 0.9
    assert agents[0].exploration_rate == pytest.approx(agents[1].exploration_rate) == 0.1


def test_at_first_everything_is_random_and_then_nothing() -> None:
    taken: list[np.ndarray] = []
    options = {"exploration_initial_eps": 0.0, "exploration_final_eps": 0.0, "learning_starts": 640}
    agent = decided(small_dqn(CARTPOLE, n_envs=64, buffer_size=10_000, **options))
    agent.learn(1280, callback=watched(lambda local: taken.append(np.array(local["actions"]))))
    assert np.mean(taken[:10]) == pytest.approx(0.5, abs=0.08)
    assert not np.any(taken[10:])


def test_each_environment_draws_for_itself() -> None:
    """At one half, of two actions, a quarter of all steps go the other way: in each step some do."""
    others: list[int] = []
    options = {"exploration_initial_eps": 0.5, "exploration_final_eps": 0.5, "learning_starts": 0}
    agent = decided(small_dqn(CARTPOLE, n_envs=64, buffer_size=10_000, train_freq=6_400, **options))
    agent.learn(64 * 200, callback=watched(lambda local: others.append(int(np.sum(local["actions"])))))
    assert all(0 < count < 64 for count in others)
    assert np.mean(others) == pytest.approx(16, abs=1)
    assert np.var(others) == pytest.approx(64 * 3 / 16, rel=0.4)


def test_noisy_weights_explore_alone() -> None:
    taken: list[np.ndarray] = []
    agent = small_dqn(CARTPOLE, n_envs=64, buffer_size=10_000, noisy=True, noisy_std=2.0, learning_starts=0)
    agent.learn(640, callback=watched(lambda local: taken.append(np.array(local["actions"]))))
    assert agent.exploration_rate == 0
    assert all(0 < row.sum() < 64 for row in taken)


@pytest.mark.parametrize("rate", [0.0, 0.3, 1.0])
def test_predict_explores_as_often_as_training_does_now_unless_it_is_deterministic(rate: float) -> None:
    options = {"exploration_initial_eps": rate, "exploration_final_eps": rate}
    agent = decided(small_dqn(CARTPOLE, **options)).learn(16)
    batch = np.zeros((4_000, 4), np.float32)
    assert not agent.predict(batch, deterministic=True)[0].any()
    assert agent.predict(batch)[0].mean() == pytest.approx(rate / 2, abs=0.04)
    alone, state = agent.predict(batch[0])
    assert alone.shape == ()
    assert state is None


# What is remembered


@pytest.mark.parametrize("limit", [1, 3, 20])
@pytest.mark.parametrize("source", [source for source in SOURCES if source not in PROCESSES])
def test_from_every_source_a_time_limit_is_no_end(source: str, limit: int) -> None:
    """Each step of the walk leads one place on, pays the new place and is worth gamma of it."""
    with closing(SOURCES[source](limit)) as env:
        dicts = isinstance(getattr(env, "observation_space", None), gym.spaces.Dict)
        agent = small_dqn(env, "MultiInputPolicy" if dicts else "MlpPolicy", gamma=0.9).learn(48)
        batch = agent.replay.sample(500, torch.Generator().manual_seed(0))
    seen, later = [
        (part["place"] if isinstance(part, dict) else part)[:, 0]
        for part in (batch.observations, batch.next_observations)
    ]
    assert agent.replay.size == 48
    assert len(seen.unique()) == min(limit, math.ceil(48 / agent.n_envs))
    assert torch.equal(later, seen + 1)
    assert torch.equal(batch.returns, later)
    assert batch.discounts.unique().tolist() == pytest.approx([0.9])


def test_behind_the_end_of_the_task_there_is_nothing() -> None:
    agent = small_dqn(limited(3, goal=0), gamma=0.9, n_step=2).learn(60)
    batch = agent.replay.sample(500, torch.Generator().manual_seed(0))
    assert isinstance(batch.observations, torch.Tensor)
    columns = batch.observations[:, 0], batch.returns, batch.discounts
    found = torch.stack(columns, 1).unique(dim=0).numpy()
    # From -3 in two steps to -1, from -2 in two to the goal at 0, from -1 in one: (place, return, discount).
    np.testing.assert_allclose(found, [[-3, -2 - 0.9, 0.81], [-2, -1, 0], [-1, 0, 0]], rtol=1e-6)


def test_a_step_that_only_resets_is_no_transition_and_not_counted() -> None:
    agent = small_dqn(Walks(3, AutoresetMode.NEXT_STEP), learning_starts=0).learn(36)
    assert agent.num_timesteps == agent.replay.size == 36
    assert {episode["l"] for episode in agent.ep_info_buffer or ()} == {3}
    assert agent._n_updates == 9


@pytest.mark.parametrize("prioritized", [False, True])
def test_the_buffer_keeps_the_newest(prioritized: bool) -> None:
    agent = small_dqn(Walks(50, AutoresetMode.SAME_STEP), buffer_size=20, prioritized=prioritized).learn(80)
    batch = agent.replay.sample(300, torch.Generator().manual_seed(0))
    assert isinstance(batch.observations, torch.Tensor)
    # 40 steps of two walks from -3 on: the last ten of each.
    assert batch.observations.unique().tolist() == list(range(27, 37))


# The same in other words


def test_a_preset_is_its_ingredients() -> None:
    explicit = {"double": True, "dueling": True, "prioritized": True, "n_step": 3}
    ours, theirs = learned(100, preset="rainbow"), learned(100, **explicit)
    assert same_weights(ours, theirs)
    assert not ours.distributional
    for name, value in explicit.items():
        assert getattr(ours, name) == value
        assert not getattr(small_dqn(), name) or name == "n_step"
    without = small_dqn(preset="rainbow", double=False, n_step=1)
    assert (without.double, without.n_step, without.dueling) == (False, 1, True)


def test_sb3s_names_mean_the_same() -> None:
    ours = learned(100, n_step=3, train_freq=8)
    theirs = learned(100, n_steps=3, train_freq=(8, "step"), optimize_memory_usage=True)
    assert (theirs.n_step, theirs.train_freq) == (3, 8)
    assert same_weights(ours, theirs)


def test_the_same_seed_learns_the_same_and_another_one_does_not() -> None:
    options: dict[str, Any] = {"preset": "rainbow", "noisy": True, "distributional": True}
    agents = [learned(200, seed=seed, **options) for seed in (0, 0, 1)]
    assert same_weights(agents[0], agents[1])
    assert not same_weights(agents[0], agents[2])


def test_learning_in_two_parts_is_learning() -> None:
    """What was random at the beginning is not so again, and no gradient step is made up for."""
    agent = small_dqn(Sampled(), learning_starts=50, train_freq=4)
    agent.learn(100)
    assert agent._n_updates == 13  # after 52, 56, … 100
    agent.learn(100, reset_num_timesteps=False)
    assert (agent.num_timesteps, agent._n_updates) == (200, 38)
    agent.learn(100)
    assert (agent.num_timesteps, agent._n_updates) == (100, 38 + 13)


def test_another_number_of_environments_is_learned_on() -> None:
    agent = learned(100, n_envs=2)
    agent.set_env(gym.make_vec(CARTPOLE, 5))
    agent.learn(100, reset_num_timesteps=False)
    assert (agent.num_timesteps, agent.n_envs, agent.replay.size) == (200, 5, 100)
