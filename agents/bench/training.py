"""The contestants of `bench agents`, and the referee that stops the clock for both in the same way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import stable_baselines3
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env

from agents.bench.stopwatch import Stopwatch
from agents.build import build_agent
from agents.ppo import PPO
from agents.resolve import resolve_config
from agents.schedules import Linear
from sandbox.core.seeding import derive_seed

GOAL = 475.0
EVERY_STEPS = 2_048
EPISODES, CONFIRMATION = 20, 100

ZOO: dict[str, Any] = {
    "n_steps": 32,
    "batch_size": 256,
    "n_epochs": 20,
    "gamma": 0.98,
    "gae_lambda": 0.8,
    "learning_rate": Linear(1e-3),
    "clip_range": Linear(0.2),
    "ent_coef": 0.0,
}
"""rl-baselines3-zoo's tuned settings of PPO for CartPole-v1, learnt with 8 environments"""
ZOO_ENVS = 8

Maker = Callable[[int, int], Any]


def ours_tuned(seed: int, steps: int) -> Any:
    """The agent that `train-agent CartPole` trains."""
    return build_agent(
        resolve_config("CartPole", {"seed": seed, "steps": steps, "device": "cpu", "threads": 1})
    )


def ours_like_zoo(seed: int, steps: int) -> BaseAlgorithm:
    """Our PPO on our CartPole, with the peer's settings."""
    del steps
    return PPO("MlpPolicy", "Sandbox/CartPole-v0", n_envs=ZOO_ENVS, seed=seed, device="cpu", **ZOO)


def stock(seed: int, steps: int) -> BaseAlgorithm:
    """Stock SB3 with its tuned settings, on gymnasium's CartPole in SB3's usual DummyVecEnv."""
    del steps
    return stable_baselines3.PPO(
        "MlpPolicy", make_vec_env("CartPole-v1", ZOO_ENVS, seed=seed), seed=seed, device="cpu", **ZOO
    )


CONTESTS: dict[str, Maker] = {"each its tuned settings": ours_tuned, "both the zoo's settings": ours_like_zoo}
"""what is said about the settings -> ours; the other one is always `stock`"""


def prepare() -> None:
    """One thread, and a short training of everybody: what happens only once must not hit whoever is first."""
    torch.set_num_threads(1)
    for make in (*CONTESTS.values(), stock):
        train(make, seed=0, steps=EVERY_STEPS)


def measure_pairs(seed: int, steps: int) -> list[dict[str, Any]]:
    """Train the pairs of one seed; odd seeds let SB3 begin."""
    pairs = []
    for settings, ours in CONTESTS.items():
        contestants = [("ours", ours), ("SB3", stock)]
        results = {name: train(make, seed, steps) for name, make in contestants[:: -1 if seed % 2 else 1]}
        pairs.append({"settings": settings, "seed": seed, **results})
    return pairs


def train(make: Maker, seed: int, steps: int) -> dict[str, Any]:
    """Learn until CartPole is solved, at most `steps` environment steps; returns the raw numbers."""
    agent = make(seed, steps)
    referee = Referee(seed)
    agent.learn(steps, callback=referee)
    assert agent.env is not None
    agent.env.close()
    return referee.numbers()


class Referee(BaseCallback):
    """Measures any SB3 algorithm; evaluates between an update and the next rollout, off the clock."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.seed, self.clock = seed, Stopwatch()
        self.solved = False
        self.steps = 0
        """environment steps that the clock has seen"""
        self.curve: list[tuple[int, float, float]] = []
        """(steps, training seconds, mean return) of every evaluation"""

    def _on_training_start(self) -> None:
        self.clock.go()

    def _on_rollout_start(self) -> None:
        if self.num_timesteps // EVERY_STEPS > self.steps // EVERY_STEPS:
            self.clock.halt()
            self._judge()
            self.clock.go()
        self.steps = self.steps if self.solved else self.num_timesteps

    def _on_step(self) -> bool:
        return not self.solved

    def _on_training_end(self) -> None:
        self.clock.halt()
        if not self.solved and self.num_timesteps > self.steps:
            self._judge()

    def _judge(self) -> None:
        self.steps = self.num_timesteps
        mean = greedy_mean(self.model, EPISODES, derive_seed(self.seed, "evaluation", self.steps))
        self.curve.append((self.steps, self.clock.wall, mean))
        if mean >= GOAL:
            fresh = derive_seed(self.seed, "confirmation", self.steps)
            self.solved = greedy_mean(self.model, CONFIRMATION, fresh) >= GOAL

    def numbers(self) -> dict[str, Any]:
        """What was measured, as JSON values; the step on which training was stopped does not count."""
        steps, seconds, _ = self.curve[-1]
        return {
            "steps_per_second": steps / seconds,
            "seconds_to_475": seconds if self.solved else None,
            "steps_to_475": steps if self.solved else None,
            "solved": self.solved,
            "steps": steps,
            "train_seconds": seconds,
            "cpu_over_wall": self.clock.cpu / self.clock.wall,
            "curve": [[n, round(at, 4), round(mean, 1)] for n, at, mean in self.curve],
        }


def greedy_mean(model: BaseAlgorithm, episodes: int, seed: int) -> float:
    """Mean return of the most likely actions on gymnasium's batched CartPole, one episode a row."""
    env = gym.make_vec("CartPole-v1", num_envs=episodes, vectorization_mode="vector_entry_point")
    observation, _ = env.reset(seed=seed)
    returns, running = np.zeros(episodes), np.ones(episodes, bool)
    while running.any():
        actions, _ = model.predict(observation, deterministic=True)
        observation, rewards, terminated, truncated, _ = env.step(actions)
        returns += rewards * running
        running &= ~(terminated | truncated)
    env.close()
    return float(returns.mean())
