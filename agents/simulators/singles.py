"""Single environments stepped one after the other in this process, as a `Simulator`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.wrappers import RecordEpisodeStatistics

from sandbox.core.errors import UsageError

from .arrays import Observation, allocate, check_spaces, write_row
from .restorable import Restorable
from .simulator import Simulator, Step
from .stacks import depth_of_single


class Singles(Simulator):
    """A lean `SyncVectorEnv` in SAME_STEP mode whose environments can be restored.

    `Step.infos` is a list with each environment's own info; of an ended episode, the last one.

    Args:
        envs: environments with equal spaces.
        buffers: two arrays (or flat dicts of arrays) (envs, …) to write observations to in turn.
        final: one more, for the last observations of ended episodes.
        first_index: number of the first environment, where these are part of a larger batch.

    Raises:
        UsageError: the environments differ in their spaces, or one is listed twice.
        UnsupportedSpace: the spaces are not made of arrays.
    """

    def __init__(
        self,
        envs: Sequence[gym.Env[Any, Any]],
        *,
        buffers: tuple[Observation, Observation] | None = None,
        final: Observation | None = None,
        first_index: int = 0,
    ) -> None:
        _check_envs(envs)
        self.envs = [env if isinstance(env, Restorable) else Restorable(env) for env in envs]
        self.num_envs = len(envs)
        self.observation_space, self.action_space = envs[0].observation_space, envs[0].action_space
        check_spaces(self.observation_space, self.action_space)
        self._first_index = first_index
        space = self.observation_space
        self._buffers = buffers or (allocate(space, self.num_envs), allocate(space, self.num_envs))
        self._final = allocate(space, self.num_envs) if final is None else final
        self._slot = 0
        self.monitored = has_monitor(envs[0])
        self.current = 0
        """Number, in these, of the environment that is being stepped or reset."""

    def __str__(self) -> str:
        spec = self.envs[0].spec
        return spec.id if spec is not None else type(self.envs[0].unwrapped).__name__

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> Observation:
        seed = self._take_first_seed(seed)
        out = self._next_buffer()
        for one, env in enumerate(self.envs):
            self.current = one
            observation, _ = env.reset(
                seed=None if seed is None else seed + self._first_index + one, options=options
            )
            write_row(out, one, observation)
        return out

    def step(self, actions: np.ndarray) -> Step:
        # A copy: an environment may keep its action, and a collector write the next ones into the same array.
        actions = np.array(actions, dtype=self.action_space.dtype)
        out = self._next_buffer()
        reward = np.empty(self.num_envs)
        terminated, truncated = np.zeros(self.num_envs, np.bool_), np.zeros(self.num_envs, np.bool_)
        step = Step(out, reward, terminated, truncated, infos=[], episodes=[] if self.monitored else None)
        for one, env in enumerate(self.envs):
            self.current = one
            observation, reward[one], terminated[one], truncated[one], info = env.step(actions[one])
            if terminated[one] or truncated[one]:
                observation = self._follow_up(step, one, observation, info)
            write_row(out, one, observation)
            step.infos.append(info)
        return step

    def _follow_up(self, step: Step, one: int, last: Any, info: dict[str, Any]) -> Any:
        """Keep what the ended episode left, and start the next one."""
        write_row(self._final, one, last)
        step.final_observation = self._final
        if step.episodes is not None and "episode" in info:
            step.episodes.append({key: _scalar(value) for key, value in info["episode"].items()})
        observation, _ = self.envs[one].reset()
        return observation

    def write_next_to(self, slot: int) -> None:
        """Choose which of the two buffers (0 or 1) the next observations are written to."""
        self._slot = slot ^ 1

    def _next_buffer(self) -> Observation:
        self._slot ^= 1
        self.observation = self._buffers[self._slot]
        return self.observation

    def state_dict(self) -> dict[str, Any] | None:
        """Every environment's running episode; see `Restorable`."""
        states = [env.state_dict() for env in self.envs]
        return None if None in states else {"environments": states}

    def load_state_dict(self, state: dict[str, Any] | None) -> list[str]:
        if state is None:
            return super().load_state_dict(state)
        saved = saved_environments(state, self.num_envs)
        self.restarted = np.zeros(self.num_envs, np.bool_)
        out, lost = self._next_buffer(), []
        for one, env in enumerate(self.envs):
            self.current = one
            reason = env.load_state_dict(saved[one])
            write_row(out, one, env.last_observation)
            if reason is not None:
                self.restarted[one] = True
                lost.append(f"environment {self._first_index + one} ({self}) starts a new episode: {reason}")
        return lost

    def get_attr(self, name: str, one: int) -> Any:
        return self.envs[one].env.get_wrapper_attr(name)

    def set_attr(self, name: str, value: Any, one: int) -> None:
        self.envs[one].env.set_wrapper_attr(name, value)

    def env_method(self, name: str, one: int, *args: Any, **kwargs: Any) -> Any:
        return self.envs[one].env.get_wrapper_attr(name)(*args, **kwargs)

    @property
    def stack_depth(self) -> int:
        depths = {depth_of_single(env) for env in self.envs}
        return depths.pop() if len(depths) == 1 else 1

    def render(self) -> Sequence[Any] | None:
        return [env.render() for env in self.envs]

    def close(self) -> None:
        for env in self.envs:
            env.close()


def has_monitor(env: gym.Env[Any, Any]) -> bool:
    """Whether gymnasium's `RecordEpisodeStatistics` or SB3's `Monitor` reports episodes in `env`'s infos."""
    while isinstance(env, gym.Wrapper):
        kind = type(env)
        # By name, so that SB3 (and torch with it) need not be imported to ask.
        sb3 = any(base.__module__ == "stable_baselines3.common.monitor" for base in kind.__mro__)
        if sb3 or isinstance(env, RecordEpisodeStatistics):
            return True
        env = env.env
    return False


def saved_environments(state: dict[str, Any], num_envs: int) -> list[dict[str, Any]]:
    """The saved states of single environments.

    Raises:
        UsageError: it is the state of another kind of simulator, or of another number of environments.
    """
    saved = state.get("environments")
    if saved is None:
        raise UsageError("the saved state is that of a batch, not of single environments")
    if len(saved) != num_envs:
        raise UsageError(f"the saved state has {len(saved)} environments, not {num_envs}")
    return saved


def _check_envs(envs: Sequence[gym.Env[Any, Any]]) -> None:
    if len({id(env.unwrapped) for env in envs}) != len(envs):
        raise UsageError("the same environment is listed twice; build a new one for each place")
    for one, env in enumerate(envs):
        if env.observation_space != envs[0].observation_space or env.action_space != envs[0].action_space:
            raise UsageError(f"environment {one} has other spaces than environment 0")


def _scalar(value: Any) -> Any:
    return value.item() if isinstance(value, (np.generic, np.ndarray)) and value.size == 1 else value
