"""PPO solves tiny tasks in seconds: with fixed seeds, the same result on every run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import stable_baselines3 as sb3
from gymnasium import spaces
from gymnasium.vector import SyncVectorEnv
from stable_baselines3.common.envs import (
    IdentityEnv,
    IdentityEnvBox,
    IdentityEnvMultiBinary,
    IdentityEnvMultiDiscrete,
)
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.vec_env import DummyVecEnv

from agents import PPO, SB3VecEnv
from agents.build import build_agent
from agents.evaluate import evaluate
from agents.resolve import resolve_config
from agents.training import begin_run, train
from sandbox.ui.console import Console

LENGTH = 100
IDENTITIES: dict[str, Any] = {
    "discrete": lambda: IdentityEnv(dim=4, ep_length=LENGTH),
    "multidiscrete": lambda: IdentityEnvMultiDiscrete(dim=3, ep_length=LENGTH),
    "multibinary": lambda: IdentityEnvMultiBinary(dim=3, ep_length=LENGTH),
    "box": lambda: IdentityEnvBox(eps=0.1, ep_length=LENGTH),
}


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_preset_solves_cartpole(seed: int, runs_root: Path) -> None:
    config = resolve_config("CartPole", {"seed": seed})
    agent = build_agent(config)
    run = begin_run(config, agent, runs_root, None, ["test"])
    result = train(config, agent, run, Console(quiet=True))
    assert result["solved"]
    assert result["evaluation"]["mean"] >= 475  # on gymnasium's own CartPole
    assert result["steps"] <= 100_000


@pytest.mark.parametrize("kind", IDENTITIES)
def test_the_right_answer_is_what_is_seen(kind: str) -> None:
    """One point for each answer that repeats the observation (within 0.1, where it is continuous)."""
    env = DummyVecEnv([IDENTITIES[kind]] * 8)
    agent = PPO(
        "MlpPolicy",
        env,
        learning_rate=3e-3,
        n_steps=32,
        batch_size=64,
        gamma=0.0,
        policy_kwargs={"net_arch": [32], "log_std_init": -1.0},
        seed=0,
        device="cpu",
    )
    agent.learn(12_000 if kind == "box" else 6_000)
    mean, _ = evaluate_policy(agent, env, n_eval_episodes=8, warn=False)
    assert mean >= 0.9 * LENGTH


class Sorting(gym.Env[Any, Any]):
    """Repeat the number, or its opposite, as the sign of the measurement says; ten steps an episode."""

    observation_space = spaces.Dict(
        {"sign": spaces.Box(-1, 1, (2,), np.float32), "number": spaces.Discrete(2)}
    )
    action_space = spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict]:
        super().reset(seed=seed)
        self.steps = 0
        return self._look(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        right = self.number if self.sign[0] > 0 else 1 - self.number
        self.steps += 1
        return self._look(), float(action == right), self.steps == 10, False, {}

    def _look(self) -> dict[str, Any]:
        self.sign = self.np_random.uniform(-1, 1, 2).astype(np.float32)
        self.number = int(self.np_random.integers(2))
        return {"sign": self.sign, "number": self.number}


class Shifted(gym.Env[Any, Any]):
    """Is the measurement above its usual value? Ten steps an episode; it is 10 000, give or take 1."""

    observation_space = spaces.Box(-np.inf, np.inf, (1,), np.float64)
    action_space = spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict]:
        super().reset(seed=seed)
        self.steps = 0
        return self._look(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        right = int(self.measured > 0)
        self.steps += 1
        return self._look(), float(action == right), self.steps == 10, False, {}

    def _look(self) -> np.ndarray:
        self.measured = float(self.np_random.normal())
        return np.array([10_000 + self.measured])


gym.register("Tiny/Sorting-v0", Sorting, disable_env_checker=True)
gym.register("Tiny/Shifted-v0", Shifted, disable_env_checker=True)


def learned(env: str, policy: str, steps: int, **options: Any) -> float:
    """Mean return of 100 greedy episodes after learning."""
    settings = {"learning_rate": 5e-3, "n_steps": 32, "batch_size": 64, "gamma": 0.5, **options}
    agent = PPO(policy, env, n_envs=8, seed=0, device="cpu", policy_kwargs={"net_arch": [32, 32]}, **settings)
    agent.learn(steps)
    return evaluate(agent.policy, agent.simulator, 100, seed=1).mean


def test_a_task_with_dict_observations() -> None:
    assert learned("Tiny/Sorting-v0", "MultiInputPolicy", 12_000) >= 9


def test_a_task_that_needs_normalised_observations() -> None:
    assert learned("Tiny/Shifted-v0", "MlpPolicy", 8_000, normalize_observation=True) >= 9
    assert learned("Tiny/Shifted-v0", "MlpPolicy", 8_000) < 7


def test_rewards_of_any_size_are_learned_from_where_they_are_normalised() -> None:
    class Rich(gym.RewardWrapper):
        def reward(self, reward: Any) -> float:
            return 1e4 * reward

    gym.register("Tiny/Rich-v0", lambda: Rich(Shifted()), disable_env_checker=True)
    options = {"normalize_observation": True, "normalize_reward": True}
    assert learned("Tiny/Rich-v0", "MlpPolicy", 8_000, **options) >= 9e4


@pytest.mark.parametrize("algorithm", [sb3.PPO, sb3.A2C])
def test_stock_sb3_learns_cartpole_on_our_batch(algorithm: Any) -> None:
    venv = SB3VecEnv("Sandbox/CartPole-v0", 8)
    options = {"n_steps": 64, "n_epochs": 5} if algorithm is sb3.PPO else {"n_steps": 16}
    model = algorithm("MlpPolicy", venv, seed=0, learning_rate=3e-3, device="cpu", **options)
    model.learn(10_000)
    mean, _ = evaluate_policy(model, SB3VecEnv("Sandbox/CartPole-v0", 8), n_eval_episodes=16)
    assert mean > 60  # chance reaches 22


def test_stock_dqn_learns_through_our_adapter() -> None:
    venv = SB3VecEnv(SyncVectorEnv([lambda: IdentityEnv(dim=4, ep_length=LENGTH)] * 4))
    model = sb3.DQN(
        "MlpPolicy", venv, learning_rate=3e-3, learning_starts=100, gamma=0.0, seed=0, device="cpu"
    )
    model.learn(6_000)
    mean, _ = evaluate_policy(model, venv, n_eval_episodes=8)
    assert mean >= 0.9 * LENGTH
