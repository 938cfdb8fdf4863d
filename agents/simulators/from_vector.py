"""A `gymnasium.vector.VectorEnv` of any autoreset mode as a `Simulator`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv, VectorEnv, VectorWrapper
from gymnasium.wrappers.vector import RecordEpisodeStatistics

from envs.atari import EpisodesLost
from envs.base import BatchedEnv
from envs.wrappers import BatchWrapper
from sandbox.core.errors import UsageError

from .arrays import Observation, allocate, copied, write_row
from .simulator import Simulator, Step
from .stacks import depth_of_batch

NEXT_STEP, SAME_STEP, DISABLED = AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP, AutoresetMode.DISABLED


class FromVectorEnv(Simulator):
    """Steps a `VectorEnv` and translates what its autoreset mode means.

    NEXT_STEP: the observation after an end is the final one; the step after it is `ignored` in that row.
    SAME_STEP: `final_obs` may be dense, or an array of objects with None in the rows that go on.
    DISABLED: ended episodes are reset here, at once, with `reset(options={"reset_mask": …})`.

    Arrays of a batch of ours are passed on uncopied, as they live just as long as `Step` promises; what an
    unknown source returns is copied, because it may write into the same arrays each time.

    Args:
        env: the vector environment.
        hide_resets: give no `ignored` rows if that can be avoided: a NEXT_STEP source that understands it is
            reset at once, as if it were DISABLED.

    Raises:
        UsageError: the source does not say its autoreset mode.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any], *, hide_resets: bool = False) -> None:
        self.env = env
        self.num_envs = env.num_envs
        self.observation_space = env.single_observation_space
        self.action_space = env.single_action_space
        self.mode = autoreset_mode(env)
        if self.mode is NEXT_STEP and hide_resets and _resets_single_rows(env):
            self.mode = DISABLED
        self._ours = isinstance(_within_wrappers(env), BatchedEnv)
        self._monitored = any(
            isinstance(layer, RecordEpisodeStatistics) or getattr(type(layer), "reports_episodes", False)
            for layer in _layers(env)
        )
        self._ended = np.zeros(self.num_envs, np.bool_)

    def __str__(self) -> str:
        return str(self.env)

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> Observation:
        observation, _ = self.env.reset(seed=self._take_first_seed(seed), options=options)
        self._ended = np.zeros(self.num_envs, np.bool_)
        self.observation = first = observation if self._ours else copied(observation)
        return first

    def step(self, actions: np.ndarray) -> Step:
        observation, reward, terminated, truncated, infos = self.env.step(actions)
        if not self._ours:
            observation = copied(observation)
            reward = _floats(reward)
            terminated, truncated = np.array(terminated, np.bool_), np.array(truncated, np.bool_)
        step = Step(observation, reward, terminated, truncated, None, None, infos)
        if self.mode is SAME_STEP:
            self._find_final(step, infos)
        elif self.mode is NEXT_STEP:
            step.final_observation = observation
            step.ignored, self._ended = self._ended, terminated | truncated
        else:
            self._reset_ended(step)
        if self._monitored:
            step.episodes = _reported(infos, terminated | truncated)
        self.observation = step.observation
        return step

    def _find_final(self, step: Step, infos: dict[str, Any]) -> None:
        final = infos.get("final_obs")
        if final is not None:
            sparse = isinstance(final, np.ndarray) and final.dtype == object
            step.final_observation = self._densify(final) if sparse else final
        elif not self._ours and (step.terminated | step.truncated).any():
            raise UsageError(
                f'{self}: an episode ended, but infos["final_obs"] is missing in autoreset mode SAME_STEP'
            )

    def _densify(self, rows: np.ndarray) -> Observation:
        """An object array (envs,) of observations and None -> one array, or flat dict of arrays."""
        dense = allocate(self.observation_space, self.num_envs)
        for one, single in enumerate(rows):
            if single is not None:
                write_row(dense, one, single)
        return dense

    def _reset_ended(self, step: Step) -> None:
        ended = step.terminated | step.truncated
        if ended.any():
            # The reset may write into the arrays that the step returned.
            step.final_observation = copied(step.observation) if self._ours else step.observation
            observation, _ = self.env.reset(options={"reset_mask": ended})
            step.observation = observation if self._ours else copied(observation)

    def state_dict(self) -> dict[str, Any] | None:
        """The state of a source that has `state_dict` and `load_state_dict`, as ours do; None for others."""
        if self.observation is None or not _keeps_state(self.env):
            return None
        return {
            "environment": self.env.state_dict(),  # pyright: ignore[reportAttributeAccessIssue]
            "observation": copied(self.observation),
            "ended": self._ended.copy(),
        }

    def load_state_dict(self, state: dict[str, Any] | None) -> list[str]:
        if state is None or not _keeps_state(self.env):
            return super().load_state_dict(state)
        try:
            self.env.load_state_dict(state["environment"])  # pyright: ignore[reportAttributeAccessIssue]
        except EpisodesLost:
            return super().load_state_dict(state)
        except (KeyError, ValueError) as error:
            raise UsageError(f"the saved state does not fit {self}: {error}") from error
        self.observation = copied(state["observation"])
        self._ended = np.array(state["ended"])
        self.restarted = np.zeros(self.num_envs, np.bool_)
        return []

    def get_attr(self, name: str, one: int) -> Any:
        """Of environment `one` where the source has separate ones, of the whole batch where it has not."""
        base = self.env.unwrapped
        if isinstance(base, SyncVectorEnv):
            return base.envs[one].get_wrapper_attr(name)
        if isinstance(base, AsyncVectorEnv) and not hasattr(self.env, name):
            if not all(
                base.call("has_wrapper_attr", name)
            ):  # asked for first: a failed look-up ends its workers
                raise AttributeError(f"{self} has no attribute {name!r}")
            return base.get_attr(name)[one]
        return getattr(_having(self.env, name), name)

    def set_attr(self, name: str, value: Any, one: int) -> None:
        base = self.env.unwrapped
        if isinstance(base, SyncVectorEnv):
            base.envs[one].set_wrapper_attr(name, value)
        elif isinstance(base, AsyncVectorEnv):
            raise UsageError(
                "the environments in worker processes have no attributes that can be set one by one"
            )
        else:
            own = [layer for layer in _layers(self.env) if name in vars(layer)]
            setattr(own[0] if own else base, name, value)

    def env_method(self, name: str, one: int, *args: Any, **kwargs: Any) -> Any:
        base = self.env.unwrapped
        if isinstance(base, SyncVectorEnv):
            return base.envs[one].get_wrapper_attr(name)(*args, **kwargs)
        if isinstance(base, AsyncVectorEnv):
            return base.call(name, *args, **kwargs)[one]
        return getattr(_having(self.env, name), name)(*args, **kwargs)

    @property
    def stack_depth(self) -> int:
        return depth_of_batch(self.env)

    def render(self) -> Sequence[Any] | None:
        return self.env.render()

    def close(self) -> None:
        self.env.close()


def autoreset_mode(env: VectorEnv[Any, Any, Any]) -> AutoresetMode:
    """The mode that the source declares in its metadata.

    Raises:
        UsageError: it declares none; a wrong guess would silently spoil what is learned.
    """
    mode = env.metadata.get("autoreset_mode")
    try:
        return mode if isinstance(mode, AutoresetMode) else AutoresetMode(mode)
    except ValueError:
        raise UsageError(
            f"{env} does not say what it does when an episode ends",
            hint='set env.metadata["autoreset_mode"] to the gymnasium.vector.AutoresetMode it follows',
        ) from None


def _resets_single_rows(env: VectorEnv[Any, Any, Any]) -> bool:
    """Whether `env`, in mode NEXT_STEP, understands a reset of single rows right after their end."""
    # Not through gymnasium's wrappers: several reset all statistics where only some rows are meant. A worker
    # of AsyncVectorEnv forgets its pending autoreset only where it has shared memory.
    env = _within_wrappers(env)
    if isinstance(env, AsyncVectorEnv):
        return env.shared_memory
    return isinstance(env, (SyncVectorEnv, BatchedEnv))


def _within_wrappers(env: VectorEnv[Any, Any, Any]) -> VectorEnv[Any, Any, Any]:
    """What is inside of wrappers of ours, which promise what a batch of ours does."""
    while isinstance(env, BatchWrapper):
        env = env.env
    return env


def _having(env: VectorEnv[Any, Any, Any], name: str) -> VectorEnv[Any, Any, Any]:
    """The outermost layer that has the attribute; the outermost of all where none has it."""
    return next((layer for layer in _layers(env) if hasattr(layer, name)), env)


def _layers(env: VectorEnv[Any, Any, Any]) -> list[VectorEnv[Any, Any, Any]]:
    layers = [env]
    while isinstance(layers[-1], VectorWrapper):
        layers.append(layers[-1].env)
    return layers


def _keeps_state(env: Any) -> bool:
    env = _within_wrappers(env)
    return hasattr(type(env), "state_dict") and hasattr(type(env), "load_state_dict")


def _floats(reward: Any) -> np.ndarray:
    reward = np.array(reward)
    return reward if reward.dtype in (np.float32, np.float64) else reward.astype(np.float64)


def _reported(infos: dict[str, Any], ended: np.ndarray) -> list[dict[str, Any]]:
    """The episodes in gymnasium's `RecordEpisodeStatistics` form, as a list of {"r", "l", "t"}."""
    rows = np.flatnonzero(infos.get("_episode", ended)) if "episode" in infos else ()
    return [{key: infos["episode"][key][one].item() for key in ("r", "l", "t")} for one in rows]
