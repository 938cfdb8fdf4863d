"""A `Simulator` that steps what stable-baselines3's users have: a `VecEnv`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv, VecMonitor, is_vecenv_wrapped
from stable_baselines3.common.vec_env.base_vec_env import VecEnvObs

from .arrays import Observation, allocate, copied, write_row
from .simulator import Simulator, Step
from .singles import Singles


class Simulated(VecEnv):
    """A `VecEnv` that steps a simulator, and need not be adapted to become one."""

    simulator: Simulator


class FromSB3(Simulator):
    """An SB3 `VecEnv`, wrapped in whatever of SB3's wrappers, as a `Simulator`. It cannot be restored."""

    def __init__(self, venv: VecEnv) -> None:
        self.venv = venv
        self.num_envs = venv.num_envs
        self.observation_space, self.action_space = venv.observation_space, venv.action_space
        self.monitored = is_vecenv_wrapped(venv, VecMonitor) or all(venv.env_is_wrapped(Monitor))

    def __str__(self) -> str:
        return f"stable-baselines3's {type(self.venv).__name__}"

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> Observation:
        seed = self._take_first_seed(seed)
        if seed is not None:
            self.venv.seed(seed)
        if options is not None:
            self.venv.set_options(options)
        self.observation = copied(_arrays(self.venv.reset()))
        return self.observation

    def step(self, actions: np.ndarray) -> Step:
        observation, reward, dones, infos = self.venv.step(actions)
        self.observation = copied(_arrays(observation))
        dones = np.array(dones, np.bool_)
        step = Step(self.observation, _floats(reward), dones, np.zeros_like(dones), infos=list(infos))
        step.episodes = [] if self.monitored else None
        for one in np.flatnonzero(dones):
            self._finish(step, int(one), infos[one])
        return step

    def _finish(self, step: Step, one: int, info: dict[str, Any]) -> None:
        last = info.get("terminal_observation")
        if step.final_observation is None:
            step.final_observation = allocate(self.observation_space, self.num_envs)
        if (
            last is not None
        ):  # without it there is nothing to bootstrap from: the episode counts as terminated
            write_row(step.final_observation, one, last)
            step.truncated[one] = bool(info.get("TimeLimit.truncated", False))
            step.terminated[one] = not step.truncated[one]
        if step.episodes is not None and "episode" in info:
            step.episodes.append(info["episode"])

    def get_attr(self, name: str, one: int) -> Any:
        return self.venv.get_attr(name, one)[0]

    def set_attr(self, name: str, value: Any, one: int) -> None:
        self.venv.set_attr(name, value, one)

    def env_method(self, name: str, one: int, *args: Any, **kwargs: Any) -> Any:
        return self.venv.env_method(name, *args, indices=one, **kwargs)[0]

    def render(self) -> Sequence[Any] | None:
        return self.venv.get_images()

    def close(self) -> None:
        self.venv.close()


def from_sb3(venv: VecEnv) -> Simulator:
    """An SB3 `VecEnv` as a `Simulator`; a `Simulated` one or a plain `DummyVecEnv` is unwrapped."""
    if isinstance(venv, Simulated):
        return venv.simulator
    if type(venv) is DummyVecEnv and not any(venv._options):
        simulator = Singles(venv.envs)
        remembering: list[gym.Env[Any, Any]] = [*simulator.envs]
        venv.envs = remembering  # so that the episodes that `venv.reset()` begins can be restored too
        simulator.first_seed = venv._seeds[0]
        return simulator
    return FromSB3(venv)


def _arrays(observation: VecEnvObs) -> Observation:
    assert not isinstance(observation, tuple)  # `as_simulator` has refused such a space
    return observation


def _floats(reward: np.ndarray) -> np.ndarray:
    reward = np.array(reward)
    return reward if reward.dtype in (np.float32, np.float64) else reward.astype(np.float32)
