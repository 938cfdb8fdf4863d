"""Wrappers that show something else than the environment does."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import Space
from gymnasium.spaces import Box
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from envs.base import Step
from envs.task import Array, Mask
from envs.views import Buffers
from envs.wrappers.wrapper import BatchWrapper


class ObservationWrapper(BatchWrapper):
    """Transforms observations, those in `infos["final_obs"]` too; these are always given as a dense array.

    A subclass implements `convert`, or `follow` and `begin` where an observation depends on those before it.
    All get any number of rows.

    Args:
        env: whose single observations are a Box.
        space: of the transformed observations of one episode.
    """

    state_names = ("given",)

    def __init__(self, env: VectorEnv[Any, Any, Any], space: Box) -> None:
        super().__init__(env)
        self.stack_depth = 1  # transformed, a stack is none any more
        self.single_observation_space = space
        self.observation_space = batch_space(space, self.num_envs)
        self._shape, self._dtype = (self.num_envs, *space.shape), space.dtype
        self._out = Buffers(self._shape, self._dtype)
        self._final: Buffers | None = None  # only SAME_STEP needs it, and it may be large
        self.given = self._out.turn()  # what was given out last

    def convert(self, seen: Array, out: Array) -> None:
        """Write the transformed observations `seen` (rows, ...) into `out` (rows, ...)."""
        raise NotImplementedError(f"{self.name} does not implement convert")

    def follow(self, seen: Array, last: Array, out: Array) -> None:
        """As `convert`, in the midst of episodes; `last` is what was given out before, (rows, ...)."""
        del last
        self.convert(seen, out)

    def begin(self, seen: Array, out: Array) -> None:
        """As `convert`, for the first observations of episodes."""
        self.convert(seen, out)

    def step(self, actions: Any) -> Step:
        """As the environment's, with other observations."""
        observation, reward, terminated, truncated, infos = self.env.step(actions)
        last, out = self.given, self._out.turn()
        self.follow(observation, last, out)
        begun = self._begun(terminated, truncated)
        if np.count_nonzero(begun):
            if self.autoreset_mode is AutoresetMode.SAME_STEP:
                infos = {**infos, "final_obs": self._finish(infos, begun, last), "_final_obs": begun}
            self._begin_rows(observation, begun, out)
        self.given = out
        return out, reward, terminated, truncated, infos

    def observation(self) -> Array:
        """A new array with what was given out last, (num_envs, ...)."""
        return self.given.copy()

    def _reset(self, observation: Array, who: Mask) -> Array:
        last, out = self.given, self._out.turn()
        if who.all():
            self.begin(observation, out)
        else:
            np.copyto(out, last)
            self._begin_rows(observation, who, out)
        self.given = out
        return out

    def _begin_rows(self, observation: Array, who: Mask, out: Array) -> None:
        rows = np.flatnonzero(who)
        first = np.empty((rows.size, *self._shape[1:]), self._dtype)
        self.begin(observation[rows], first)
        out[rows] = first

    def _finish(self, infos: dict[str, Any], ended: Mask, last: Array) -> Array:
        """The last observations of ended episodes, (num_envs, ...), in the rows that ended."""
        self._final = self._final or Buffers(self._shape, self._dtype)
        final = self._final.turn()
        rows = np.flatnonzero(ended)
        seen = infos["final_obs"][rows]
        if seen.dtype == object:  # gymnasium's, with None in the rows that go on
            seen = np.stack(seen)
        ends = np.empty((rows.size, *self._shape[1:]), self._dtype)
        self.follow(seen, last[rows], ends)
        final[rows] = ends
        return final


def box_of(name: str, env: VectorEnv[Any, Any, Any]) -> Box:
    """The space of one observation.

    Raises:
        ValueError: it is no Box with at least one dimension.
    """
    space: Space[Any] = env.single_observation_space
    if not isinstance(space, Box) or not space.shape:
        raise ValueError(f"{name}: observations must be arrays (a Box), not {space}")
    return space


def with_zeros(low: Array, high: Array, dtype: Any) -> Box:
    """A Box with these bounds in which zeros are allowed too."""
    return Box(np.minimum(low, 0).astype(dtype), np.maximum(high, 0).astype(dtype), dtype=dtype)
