"""A time limit is no part of the task: where it cuts an episode off, its value goes on.

The task is a walk without end: from place x each step leads to x + 1 and pays x + 1. To come from x is

    V(x) = sum over k of gamma^k (x + 1 + k) = (x + 1) / (1 - gamma) + gamma / (1 - gamma)^2,

linear in x, so a network without hidden layers holds it exactly. Of an agent with that value function every
advantage must be 0, at whatever step a time limit cuts the walk, and from whichever source it comes.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv, VectorEnv
from gymnasium.wrappers import TimeLimit
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecMonitor, VecNormalize

from agents import PPO, SB3VecEnv
from agents.rollout import Batch
from tests.agents.tasks import filled_batch

GAMMA = 0.9
LAMBDA = 0.8
STEPS, ENVS = 8, 2
NEXT_STEP, SAME_STEP, DISABLED = AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP, AutoresetMode.DISABLED
PLACE = spaces.Box(-1000, 1000, (1,), np.float32)


def value(place: Any) -> Any:
    return (place + 1) / (1 - GAMMA) + GAMMA / (1 - GAMMA) ** 2


class Walk(gym.Env[Any, Any]):
    """One walk; it is over by itself at `goal`, if there is one."""

    action_space = spaces.Discrete(2)

    def __init__(self, goal: int | None = None, as_dict: bool = False) -> None:
        self.goal, self.as_dict, self.place = goal, as_dict, 0
        self.observation_space = spaces.Dict({"place": PLACE}) if as_dict else PLACE

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict]:
        super().reset(seed=seed)
        self.place = -3  # far from where it is cut off, so that a mix-up of observations shows
        return self._look(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.place += 1
        return self._look(), float(self.place), self.place == self.goal, False, {}

    def _look(self) -> Any:
        place = np.array([self.place], np.float32)
        return {"place": place} if self.as_dict else place


class Walks(VectorEnv[Any, Any, Any]):
    """Several walks in step, in every autoreset mode, with both forms of `final_obs`."""

    single_observation_space, single_action_space = PLACE, spaces.Discrete(2)

    def __init__(self, limit: int, mode: AutoresetMode, dense: bool = True) -> None:
        self.num_envs, self.limit, self.mode, self.dense = ENVS, limit, mode, dense
        self.metadata = {"autoreset_mode": mode}
        self.place = self.steps = np.zeros(ENVS)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict]:
        self._begin((options or {}).get("reset_mask", np.ones(ENVS, bool)))
        return self._look(), {}

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        over = self.steps >= self.limit  # since the step before, in mode NEXT_STEP
        self.place, self.steps = self.place + 1, self.steps + 1
        self._begin(over)
        reward = np.where(over, 0.0, self.place)
        ended = self.steps >= self.limit
        infos: dict[str, Any] = {}
        if self.mode is SAME_STEP and ended.any():
            final: Any = self._look()
            if not self.dense:
                rows = np.empty(ENVS, object)
                for one in np.flatnonzero(ended):
                    rows[one] = final[one]
                final = rows
            infos = {"final_obs": final, "_final_obs": ended}
            self._begin(ended)
        return self._look(), reward, np.zeros(ENVS, bool), ended, infos

    def _begin(self, who: np.ndarray) -> None:
        self.place, self.steps = np.where(who, -3.0, self.place), np.where(who, 0, self.steps)

    def _look(self) -> np.ndarray:
        return self.place[:, None].astype(np.float32)


def limited(limit: int, **arguments: Any) -> gym.Env[Any, Any]:
    return TimeLimit(Walk(**arguments), limit)


def makers(limit: int, **arguments: Any) -> list[Callable[[], gym.Env[Any, Any]]]:
    return [partial(limited, limit, **arguments)] * ENVS


gym.register("Tiny/Walk-v0", Walk, disable_env_checker=True)

SOURCES: dict[str, Callable[[int], Any]] = {
    "same step, dense": lambda limit: Walks(limit, SAME_STEP),
    "same step, objects": lambda limit: Walks(limit, SAME_STEP, dense=False),
    "next step": lambda limit: Walks(limit, NEXT_STEP),
    "disabled": lambda limit: Walks(limit, DISABLED),
    "gymnasium, sync, same step": lambda limit: SyncVectorEnv(makers(limit), autoreset_mode=SAME_STEP),
    "gymnasium, async, next step": lambda limit: AsyncVectorEnv(makers(limit)),
    "gymnasium, async, same step": lambda limit: AsyncVectorEnv(makers(limit), autoreset_mode=SAME_STEP),
    "one environment": limited,
    "one with a dict": lambda limit: limited(limit, as_dict=True),
    "sb3": lambda limit: DummyVecEnv(makers(limit)),
    "sb3, processes": lambda limit: SubprocVecEnv(makers(limit)),
    "sb3, wrapped": lambda limit: VecNormalize(
        VecMonitor(DummyVecEnv(makers(limit))), norm_obs=False, norm_reward=False, gamma=GAMMA
    ),
    "adapter": lambda limit: SB3VecEnv(Walks(limit, SAME_STEP)),
    "adapter, wrapped": lambda limit: VecNormalize(
        SB3VecEnv(Walks(limit, SAME_STEP)), norm_obs=False, norm_reward=False, gamma=GAMMA
    ),
}


def all_knowing(env: Any, n_steps: int = STEPS) -> PPO:
    """An agent whose value function is the true one."""
    dicts = isinstance(getattr(env, "observation_space", None), spaces.Dict)
    agent = PPO(
        "MultiInputPolicy" if dicts else "MlpPolicy",
        env,
        n_steps=n_steps,
        gamma=GAMMA,
        gae_lambda=LAMBDA,
        policy_kwargs={"net_arch": []},
        seed=0,
        device="cpu",
    )
    with torch.no_grad():
        agent.policy.value_net.weight.fill_(1 / (1 - GAMMA))
        agent.policy.value_net.bias.fill_(value(0.0))
    return agent


def places(batch: Batch) -> np.ndarray:
    seen = batch.observations
    return (seen["place"] if isinstance(seen, dict) else seen)[:, 0].numpy()


# Cut off after every step; within the rollout, and again at its very end; never in it.
LIMITS = (1, 3, 4, 20)
PROCESSES = ("gymnasium, async, next step", "gymnasium, async, same step", "sb3, processes")
CASES = [
    (source, limit) for source in SOURCES for limit in LIMITS if source not in PROCESSES or limit == 3
]  # processes are slow to start


@pytest.mark.parametrize(("source", "limit"), CASES)
def test_nothing_is_better_than_expected_where_everything_is_as_expected(source: str, limit: int) -> None:
    with closing(SOURCES[source](limit)) as env:
        agent = all_knowing(env)
        batch = filled_batch(agent)
        np.testing.assert_allclose(batch.values, value(places(batch)), rtol=1e-5)
        np.testing.assert_allclose(batch.advantages, 0, atol=1e-3)
        np.testing.assert_allclose(batch.returns, value(places(batch)), rtol=1e-5)
        for _ in range(2):  # and in the rollouts after it
            agent.collect(agent._init_callback(None))
            np.testing.assert_allclose(agent._finish_rollout().advantages, 0, atol=1e-3)


@pytest.mark.parametrize("source", ["same step, dense", "next step", "one environment", "sb3"])
def test_taken_for_the_end_of_the_task_it_would_be_another_number(
    source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(SOURCES[source](3)) as env:
        agent = all_knowing(env)
        monkeypatch.setattr(agent, "_keep_final_values", lambda t, step: None)
        batch = filled_batch(agent)
    last = places(batch) == -1  # the step from here, to place 0, is the third
    assert last.any()
    np.testing.assert_allclose(batch.advantages[torch.as_tensor(last)], -GAMMA * value(0.0), rtol=1e-4)


@pytest.mark.parametrize("wrap", [lambda env: env, lambda env: DummyVecEnv([lambda: env]), SB3VecEnv])
def test_what_is_over_by_itself_in_the_same_step_has_no_value_to_come(wrap: Any) -> None:
    agent = all_knowing(wrap(limited(3, goal=0)))
    batch = filled_batch(agent)
    last = places(batch) == -1
    assert last.any()
    expected = 0.0 - value(-1.0)  # the reward at place 0 is 0
    np.testing.assert_allclose(batch.advantages[torch.as_tensor(last)], expected, rtol=1e-5)


def test_the_step_that_only_resets_is_dropped_and_not_counted() -> None:
    agent = all_knowing(Walks(3, NEXT_STEP))
    batch = filled_batch(agent)
    # Of eight steps the fourth and the eighth were resets, in both environments.
    assert places(batch).tolist() == [place for place in [-3, -2, -1] * 2 for _ in range(ENVS)]
    assert agent.num_timesteps == 6 * ENVS
    lengths = {episode["l"] for episode in agent.ep_info_buffer or ()}
    assert lengths == {3}
    assert {episode["r"] for episode in agent.ep_info_buffer or ()} == {-2 + -1 + 0}


def test_every_source_tells_the_same_story() -> None:
    """The returns are the same numbers whichever way the transitions came in."""
    stories = []
    for source in ("same step, dense", "same step, objects", "disabled", "sb3", "adapter"):
        with closing(SOURCES[source](3)) as env:
            batch = filled_batch(all_knowing(env))
            stories.append((places(batch).tolist(), batch.returns.tolist()))
    assert all(story == stories[0] for story in stories)


class Steady(Walk):
    """Pays 1 in every step, and looks the same all the time: its value is 1 / (1 - gamma)."""

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return np.zeros(1, np.float32), 1.0, False, False, {}

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict]:
        return np.zeros(1, np.float32), {}


def test_a_critic_learns_the_endless_value_from_short_episodes() -> None:
    env = SyncVectorEnv([lambda: TimeLimit(Steady(), 4)] * 4)
    agent = PPO(
        "MlpPolicy", env, learning_rate=0.02, n_steps=16, gamma=GAMMA, policy_kwargs={"net_arch": []}, seed=0
    )
    agent.learn(6_000)
    assert agent.policy.predict_values(torch.zeros(1, 1)).item() == pytest.approx(1 / (1 - GAMMA), rel=0.02)
