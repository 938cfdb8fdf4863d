"""Environments, wrappers, parameters and seeds: what works with stable-baselines3's PPO works with ours."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import stable_baselines3 as sb3
import torch
from stable_baselines3.common.callbacks import (
    EvalCallback,
)
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import (
    DummyVecEnv,
    SubprocVecEnv,
    VecFrameStack,
    VecMonitor,
    VecNormalize,
)

from agents import PPO, SB3VecEnv, as_simulator
from sandbox.core.errors import UsageError
from tests.agents.tasks import Sampled, same_weights, small_ppo

SAMPLED = "Tiny/Sampled-v0"
CARTPOLE = "Sandbox/CartPole-v0"


ENVS: dict[str, Callable[[], Any]] = {
    "id": lambda: "CartPole-v1",
    "ours": lambda: CARTPOLE,
    "a single one": lambda: gym.make("CartPole-v1"),
    "monitored": lambda: Monitor(gym.make("CartPole-v1")),
    "vector": lambda: gym.make_vec("CartPole-v1", num_envs=2, vectorization_mode="sync"),
    "batched": lambda: gym.make_vec("CartPole-v1", num_envs=2, vectorization_mode="vector_entry_point"),
    "simulator": lambda: as_simulator(CARTPOLE, 3),
    "DummyVecEnv": lambda: DummyVecEnv([lambda: gym.make("CartPole-v1")] * 2),
    "make_vec_env": lambda: make_vec_env("CartPole-v1", n_envs=2),
    "VecMonitor": lambda: VecMonitor(DummyVecEnv([lambda: gym.make("CartPole-v1")] * 2)),
    "VecFrameStack": lambda: VecFrameStack(make_vec_env("CartPole-v1", n_envs=2), 2),
    "VecNormalize": lambda: VecNormalize(make_vec_env("CartPole-v1", n_envs=2)),
    "VecNormalize of ours": lambda: VecNormalize(SB3VecEnv(CARTPOLE, 2)),
}


@pytest.mark.parametrize("source", ENVS)
def test_every_make_of_environment_trains_and_reports_true_returns(source: str) -> None:
    agent = small_ppo(ENVS[source](), n_steps=64).learn(512)
    episodes = list(agent.ep_info_buffer or ())
    assert episodes
    assert all(episode["r"] == episode["l"] for episode in episodes)  # CartPole pays 1 a step
    if source == "batched":  # its resets take a step of their own, which SB3's evaluation cannot leave out
        return
    mean, _ = evaluate_policy(agent, agent.get_env(), n_eval_episodes=2, warn=False)
    assert mean > 0


def test_processes_of_sb3s() -> None:
    venv = SubprocVecEnv([lambda: Sampled()] * 2, start_method="fork")
    infos: list[Any] = []
    agent = small_ppo(venv).learn(32, callback=lambda local, _: infos.append(local["infos"]) is None)
    agent.env.close()  # type: ignore[union-attr]
    assert len(agent.ep_info_buffer or ()) == 6
    assert [len(info) for info in infos] == [2] * 16


def test_vec_normalize_keeps_its_statistics_and_hands_them_to_the_evaluation(tmp_path: Path) -> None:
    training = VecNormalize(make_vec_env("CartPole-v1", n_envs=2))
    agent = small_ppo(training, n_steps=32)
    assert agent.get_vec_normalize_env() is training
    evaluating = VecNormalize(make_vec_env("CartPole-v1", n_envs=1), training=False, norm_reward=False)
    agent.learn(256, callback=EvalCallback(evaluating, eval_freq=64, n_eval_episodes=1, verbose=0))
    assert training.obs_rms.count > 256  # its own way of counting begins at 1e-4, and a reset counts too
    np.testing.assert_array_equal(evaluating.obs_rms.mean, training.obs_rms.mean)
    training.save(str(tmp_path / "statistics.pkl"))


def test_evaluate_policy_agrees_between_a_batch_and_single_environments() -> None:
    agent = small_ppo(CARTPOLE, n_envs=8, n_steps=64).learn(1024)
    ours, _ = evaluate_policy(agent, SB3VecEnv(CARTPOLE, 16), n_eval_episodes=64)
    theirs, _ = evaluate_policy(agent, Monitor(gym.make("CartPole-v1")), n_eval_episodes=30)
    assert isinstance(ours, float)
    assert isinstance(theirs, float)
    assert 0.6 < ours / theirs < 1.6


def test_set_env_takes_another_number_of_environments() -> None:
    agent = small_ppo(CARTPOLE, n_envs=2).learn(32)
    agent.set_env(gym.make("CartPole-v1"))
    agent.learn(32, reset_num_timesteps=False)
    assert (agent.n_envs, agent.num_timesteps) == (1, 64)
    agent.set_env(make_vec_env("CartPole-v1", n_envs=5))
    agent.learn(40, reset_num_timesteps=False)
    assert (agent.n_envs, agent.num_timesteps) == (5, 104)


def test_set_env_refuses_other_spaces() -> None:
    with pytest.raises(ValueError, match="spaces do not match"):
        small_ppo(CARTPOLE).set_env(gym.make("Acrobot-v1"))


def test_learning_without_an_environment_is_a_clear_error(tmp_path: Path) -> None:
    small_ppo().save(tmp_path / "agent")
    with pytest.raises(UsageError, match="no environment"):
        PPO.load(tmp_path / "agent").learn(1)
    with pytest.raises(UsageError, match="needs an environment"):
        PPO("MlpPolicy", None)


# Parameters, counters, seeds


def test_parameters_travel_between_ours_and_sb3s() -> None:
    ours = small_ppo(CARTPOLE)
    theirs = sb3.PPO("MlpPolicy", "CartPole-v1", policy_kwargs={"net_arch": [8]}, device="cpu")
    observations = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    for source, target in ((ours, theirs), (theirs, ours)):
        source.learn(64)
        target.set_parameters(source.get_parameters())
        expected = source.predict(observations, deterministic=True)[0]
        assert target.predict(observations, deterministic=True)[0].tolist() == expected.tolist()
    assert same_weights(ours, theirs)
    ours.learn(32)  # with SB3's optimiser state


def test_parameters_must_match_exactly_unless_told_otherwise() -> None:
    agent = small_ppo()
    parameters = agent.get_parameters()
    assert parameters.keys() == {"policy", "policy.optimizer"}
    with pytest.raises(ValueError, match="parameters"):
        agent.set_parameters({"policy": parameters["policy"]})
    agent.set_parameters({"policy": parameters["policy"]}, exact_match=False)


def test_steps_go_on_counting_where_they_are_not_reset() -> None:
    agent = small_ppo().learn(32).learn(32, reset_num_timesteps=False)
    assert agent.num_timesteps == 64
    assert agent.learn(16).num_timesteps == 16


def test_two_calls_of_learn_are_one_longer_one() -> None:
    """The episode goes on over the call, and so do the agent's generator and its optimiser."""
    once = small_ppo(CARTPOLE, learning_rate=1e-3).learn(96)
    twice = small_ppo(CARTPOLE, learning_rate=1e-3).learn(48).learn(48, reset_num_timesteps=False)
    assert same_weights(once, twice)


SEEDED: dict[str, Callable[[], Any]] = {
    "id": lambda: SAMPLED,
    "ours": lambda: CARTPOLE,
    "single": lambda: gym.make("CartPole-v1"),
    "sb3": lambda: make_vec_env("CartPole-v1", n_envs=2),
    "wrapped": lambda: VecMonitor(DummyVecEnv([lambda: gym.make("CartPole-v1")] * 2)),
}


@pytest.mark.parametrize("source", SEEDED)
def test_the_seed_decides_everything(source: str) -> None:
    first, again, other = (small_ppo(SEEDED[source](), seed=seed).learn(64) for seed in (3, 3, 4))
    assert same_weights(first, again)
    assert not same_weights(first, other)


def test_set_random_seed_makes_learning_repeatable() -> None:
    agents = []
    for _ in range(2):
        agent = small_ppo(CARTPOLE, seed=None)
        agent.set_parameters(small_ppo(CARTPOLE, seed=0).get_parameters())
        agent.set_random_seed(5)
        agents.append(agent.learn(48))
    assert same_weights(*agents)


def test_without_a_seed_runs_differ() -> None:
    assert not same_weights(small_ppo(seed=None).learn(16), small_ppo(seed=None).learn(16))


def test_the_device_is_the_one_asked_for() -> None:
    agent = small_ppo(device="cpu")
    assert agent.device == agent.policy.device == torch.device("cpu")
    assert {part.device.type for part in agent.policy.parameters()} == {"cpu"}


def test_the_episodes_of_sb3s_dummy_vec_env_are_restored_too() -> None:
    """Whoever resets them: the agent, or `learn` through SB3's own `reset`."""
    agent = small_ppo(make_vec_env("CartPole-v1", n_envs=2)).learn(40).learn(48)
    state = deepcopy(agent.training_state())
    agent.learn(64, reset_num_timesteps=False)
    resumed = small_ppo(make_vec_env("CartPole-v1", n_envs=2))
    assert resumed.load_training_state(state) == []
    resumed.learn(64, reset_num_timesteps=False)
    assert same_weights(agent, resumed)
