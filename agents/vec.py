"""Between stable-baselines3's `VecEnv` and everything else, in both directions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import SyncVectorEnv, VectorEnv
from stable_baselines3.common.env_util import is_wrapped
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv, VecMonitor, is_vecenv_wrapped
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices, VecEnvObs, VecEnvStepReturn

from sandbox.core.errors import UsageError

from .episodes import EpisodeStatistics
from .sb3_infos import sb3_infos
from .simulators import Simulator, Step, as_simulator
from .simulators.arrays import Observation, allocate, copied, write_row
from .simulators.from_vector import NEXT_STEP, FromVectorEnv
from .simulators.singles import Singles


class SB3VecEnv(VecEnv):
    """A simulator, a vector environment, or the id of one, as stable-baselines3's algorithms want it.

    Every step returns new arrays, float32 rewards, and for each environment that ended
    `terminal_observation`, `TimeLimit.truncated` and, as if it stood in a `Monitor`, `episode` with return,
    length and time.

    Args:
        env: what `as_simulator` takes. A source that resets in the next step (NEXT_STEP) is reset at once
            if it understands a reset of single rows (gymnasium's two general ones and ours do).
        n_envs: number of environments, with an id.
        options: further arguments of `as_simulator`.

    A source whose resets in the next step cannot be avoided is taken, as agents that read `simulator` can use
    it; but `step` raises a UsageError then: stock SB3 would learn from steps that never happened.
    """

    def __init__(self, env: Any, n_envs: int | None = None, **options: Any) -> None:
        self.simulator = _resetting_at_once(env, n_envs, options)
        self._episodes = EpisodeStatistics(self.simulator.num_envs)
        self._actions: np.ndarray | None = None
        super().__init__(
            self.simulator.num_envs, self.simulator.observation_space, self.simulator.action_space
        )

    def reset(self) -> VecEnvObs:
        options = self._options[0]
        if any(other != options for other in self._options):
            raise UsageError("these environments are reset together: give all of them the same options")
        observation = self.simulator.reset(self._seeds[0], options or None)
        self._reset_seeds()
        self._reset_options()
        self._episodes.begin()
        return copied(observation)

    def step_async(self, actions: np.ndarray) -> None:
        self._actions = actions

    def step_wait(self) -> VecEnvStepReturn:
        assert self._actions is not None, "step_wait() before step_async()"
        if isinstance(self.simulator, FromVectorEnv) and self.simulator.mode is NEXT_STEP:
            raise UsageError(
                f"{self.simulator} resets an ended episode in the next step (AutoresetMode.NEXT_STEP); "
                "stable-baselines3 has no way to leave that step out in one environment only",
                hint="build it with autoreset_mode=AutoresetMode.SAME_STEP, or pass the environment's id",
            )
        step = self.simulator.step(self._actions)
        dones = step.terminated | step.truncated
        infos = sb3_infos(step, self._episodes.update(step, dones))
        return copied(step.observation), step.reward.astype(np.float32), dones, infos

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        return [self.simulator.get_attr(attr_name, one) for one in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        for one in self._get_indices(indices):
            self.simulator.set_attr(attr_name, value, one)

    def env_method(
        self, method_name: str, *method_args: Any, indices: VecEnvIndices = None, **method_kwargs: Any
    ) -> list[Any]:
        chosen = self._get_indices(indices)
        return [self.simulator.env_method(method_name, one, *method_args, **method_kwargs) for one in chosen]

    def env_is_wrapped(self, wrapper_class: type[gym.Wrapper], indices: VecEnvIndices = None) -> list[bool]:
        """True for `Monitor`, whose part this adapter plays; otherwise what the single environments say."""
        chosen = list(self._get_indices(indices))
        if wrapper_class is Monitor:
            return [True] * len(chosen)
        envs = self.simulator.envs if isinstance(self.simulator, Singles) else None
        return [envs is not None and is_wrapped(envs[one], wrapper_class) for one in chosen]

    def get_images(self) -> Sequence[np.ndarray | None]:
        pictures = self.simulator.render()
        return [None] * self.num_envs if pictures is None else list(pictures)

    def close(self) -> None:
        self.simulator.close()


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


def to_sb3(env: Any) -> VecEnv:
    """`env` as an SB3 `VecEnv`: itself if it is one, otherwise an `SB3VecEnv`."""
    return env if isinstance(env, VecEnv) else SB3VecEnv(env)


def from_sb3(venv: VecEnv) -> Simulator:
    """An SB3 `VecEnv` as a `Simulator`; an `SB3VecEnv` or a plain `DummyVecEnv` is unwrapped."""
    if isinstance(venv, SB3VecEnv):
        return venv.simulator
    if type(venv) is DummyVecEnv and not any(venv._options):
        simulator = Singles(venv.envs)
        remembering: list[gym.Env[Any, Any]] = [*simulator.envs]
        venv.envs = remembering  # so that the episodes that `venv.reset()` begins can be restored too
        simulator.first_seed = venv._seeds[0]
        return simulator
    return FromSB3(venv)


def _resetting_at_once(env: Any, n_envs: int | None, options: dict[str, Any]) -> Simulator:
    if isinstance(env, VectorEnv) and not isinstance(env, SyncVectorEnv):
        env = FromVectorEnv(env, hide_resets=True)
    simulator = as_simulator(env, n_envs, **options)
    if isinstance(simulator, FromVectorEnv) and simulator.mode is NEXT_STEP:
        hiding = FromVectorEnv(simulator.env, hide_resets=True)
        hiding.first_seed = simulator.first_seed
        return hiding
    return simulator


def _arrays(observation: VecEnvObs) -> Observation:
    assert not isinstance(observation, tuple)  # `as_simulator` has refused such a space
    return observation


def _floats(reward: np.ndarray) -> np.ndarray:
    reward = np.array(reward)
    return reward if reward.dtype in (np.float32, np.float64) else reward.astype(np.float32)
