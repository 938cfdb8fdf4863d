"""Environments of any make as stable-baselines3's `VecEnv`; the other way round is `simulators.from_sb3`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import SyncVectorEnv, VectorEnv
from stable_baselines3.common.env_util import is_wrapped
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices, VecEnvObs, VecEnvStepReturn

from sandbox.core.errors import UsageError

from .episodes import EpisodeStatistics
from .sb3_infos import sb3_infos
from .simulators import Simulator, as_simulator
from .simulators.arrays import copied
from .simulators.from_sb3 import Simulated
from .simulators.from_vector import NEXT_STEP, FromVectorEnv
from .simulators.singles import Singles


class SB3VecEnv(Simulated):
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


def to_sb3(env: Any) -> VecEnv:
    """`env` as an SB3 `VecEnv`: itself if it is one, otherwise an `SB3VecEnv`."""
    return env if isinstance(env, VecEnv) else SB3VecEnv(env)


def _resetting_at_once(env: Any, n_envs: int | None, options: dict[str, Any]) -> Simulator:
    if isinstance(env, VectorEnv) and not isinstance(env, SyncVectorEnv):
        env = FromVectorEnv(env, hide_resets=True)
    simulator = as_simulator(env, n_envs, **options)
    if isinstance(simulator, FromVectorEnv) and simulator.mode is NEXT_STEP:
        hiding = FromVectorEnv(simulator.env, hide_resets=True)
        hiding.first_seed = simulator.first_seed
        return hiding
    return simulator
