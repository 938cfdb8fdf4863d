"""DQN finds the values of a task that are known, and each ingredient solves it; what it cannot, it says."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.wrappers import TimeLimit

from agents import DQN
from agents.evaluate import evaluate
from tests.agents.test_truncation import Steady

PLACES, GAMMA = 5, 0.8
LEFT, RIGHT = 0, 1
INGREDIENTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "double": {"double": True},
    "dueling": {"dueling": True},
    "three steps": {"n_step": 3},
    "prioritized": {"prioritized": True},
    "distributional": {"distributional": True, "n_quantiles": 8},
    "noisy": {"noisy": True},
    "soft target": {"tau": 0.05, "target_update_interval": 4},
    "rainbow": {"preset": "rainbow"},
    "all": {"preset": "rainbow", "distributional": True, "n_quantiles": 8, "noisy": True},
}


class Hall(gym.Env[Any, Any]):
    """Five places in a row; left of the first one an episode ends with 0.2, right of the last one with 1.

    So the long way is worth it, even from the first place: 1 in five steps is 0.8 ** 4, more than 0.2.
    """

    observation_space = spaces.Box(0, 1, (PLACES,), np.float32)
    action_space = spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict]:
        super().reset(seed=seed)
        self.place = int(self.np_random.integers(PLACES))
        return self._look(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.place += 1 if action == RIGHT else -1
        reward = {-1: 0.2, PLACES: 1.0}.get(self.place, 0.0)
        return self._look(), reward, reward > 0, False, {}

    def _look(self) -> np.ndarray:
        return np.eye(PLACES + 2, dtype=np.float32)[self.place + 1][1:-1]


gym.register("Tiny/Hall-v0", lambda: TimeLimit(Hall(), 20), disable_env_checker=True)


def best_values() -> np.ndarray:
    """(places, actions), by value iteration."""
    values = np.zeros((PLACES, 2))
    for _ in range(100):
        for place in range(PLACES):
            left, right = place - 1, place + 1
            values[place, LEFT] = 0.2 if left < 0 else GAMMA * values[left].max()
            values[place, RIGHT] = 1.0 if right == PLACES else GAMMA * values[right].max()
    return values


def learned(env: Any = "Tiny/Hall-v0", steps: int = 5_000, **options: Any) -> DQN:
    settings = {
        "learning_rate": "lin_5e-3",
        "gamma": GAMMA,
        "buffer_size": 4_000,
        "learning_starts": 200,
        "batch_size": 64,
        "train_freq": 8,
        "target_update_interval": 80,
        "exploration_fraction": 0.5,
        "exploration_final_eps": 0.2,
        "seed": 0,
        "device": "cpu",
        **options,
    }
    arguments = {"n_envs": 8} if isinstance(env, str) else {}
    return DQN("MlpPolicy", env, policy_kwargs={"net_arch": [32]}, **arguments, **settings).learn(steps)


def values_of(agent: DQN) -> np.ndarray:
    with torch.no_grad():
        return agent.q_net(torch.eye(PLACES)).numpy()


@pytest.mark.parametrize("ingredient", INGREDIENTS)
def test_every_ingredient_finds_the_way_and_says_what_it_is_worth(ingredient: str) -> None:
    agent, best = learned(**INGREDIENTS[ingredient]), best_values()
    found = values_of(agent)
    assert best.argmax(1).tolist() == found.argmax(1).tolist() == [RIGHT] * PLACES
    result = evaluate(agent.policy, agent.simulator, 50, seed=1)
    assert result.mean == 1.0
    assert max(result.lengths) == PLACES
    if agent.n_step == 1 and not agent.noisy:  # of several steps the values are those of who explores
        np.testing.assert_allclose(found, best, atol=0.06)


@pytest.mark.parametrize("n_step", [1, 3])
def test_an_endless_value_is_learned_from_short_episodes(n_step: int) -> None:
    """A time limit is no end: one point a step is worth 1 / (1 - gamma)."""
    env = gym.vector.SyncVectorEnv([lambda: TimeLimit(Steady(), 4)] * 4)
    agent = learned(env, 4_000, n_step=n_step)
    said = agent.q_net(torch.zeros(1, 1))
    assert said.max().item() == pytest.approx(1 / (1 - GAMMA), rel=0.03)


class Spread(gym.Env[Any, Any]):
    """One step, which pays 0 or 10, as chance has it."""

    observation_space, action_space = spaces.Box(-1, 1, (1,), np.float32), spaces.Discrete(1)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict]:
        super().reset(seed=seed)
        return np.zeros(1, np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return np.zeros(1, np.float32), float(10 * (self.np_random.random() < 0.3)), True, False, {}


gym.register("Tiny/Spread-v0", Spread, disable_env_checker=True)


def test_a_distribution_is_learned_and_not_its_mean_alone() -> None:
    agent = learned("Tiny/Spread-v0", 4_000, distributional=True, n_quantiles=5, learning_rate=5e-3)
    with torch.no_grad():
        quantiles = agent.policy.quantiles(torch.zeros(1, 1))[0, :, 0]
    # Seven in ten get nothing: of .1, .3, .5, .7, .9 the last one is sure to be above, the first three below.
    assert quantiles[:3].tolist() == pytest.approx([0, 0, 0], abs=1)
    assert quantiles[4].item() == pytest.approx(10, abs=1)


def test_a_task_that_needs_normalised_observations() -> None:
    import tests.agents.test_learning  # noqa: F401 - registers the task

    options: dict[str, Any] = {"gamma": 0.5, "normalize_observation": True}
    agent = learned("Tiny/Shifted-v0", 6_000, **options)
    assert evaluate(agent.policy, agent.simulator, 50, seed=1).mean >= 9


@pytest.mark.parametrize("n_envs", [1, 32])
def test_the_number_of_environments_changes_nothing_about_that(n_envs: int) -> None:
    agent = learned(gym.make_vec("Tiny/Hall-v0", n_envs, vectorization_mode="sync"))
    np.testing.assert_allclose(values_of(agent), best_values(), atol=0.06)
