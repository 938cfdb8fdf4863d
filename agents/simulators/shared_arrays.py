"""The arrays of one step of many environments, in memory that worker processes share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from .arrays import Observation


@dataclass(frozen=True)
class StepArrays:
    """Views of the shared memory, of all environments or of a block of them."""

    actions: np.ndarray
    """(envs, *action shape)"""
    reward: np.ndarray
    """(envs,) float64"""
    terminated: np.ndarray
    """(envs,) bool"""
    truncated: np.ndarray
    """(envs,) bool"""
    observations: tuple[Observation, Observation]
    """(envs, …) each, written in turn: what was returned stays valid during the next step."""
    final: Observation
    """(envs, …): the last observations of ended episodes."""


class SharedBatch:
    """Shared memory for `num_envs` environments; a child process that is given it sees the same memory.

    Args:
        context: the multiprocessing context that starts the children.
    """

    def __init__(
        self, context: Any, observation: gym.Space[Any], action: gym.Space[Any], num_envs: int
    ) -> None:
        self._num_envs = num_envs
        self._parts = _parts(observation)
        self._blocks: dict[str, tuple[Any, np.dtype, tuple[int, ...]]] = {}
        self._allocate(context, "actions", action.dtype, action.shape or ())
        self._allocate(context, "reward", np.float64, ())
        for flag in ("terminated", "truncated"):
            self._allocate(context, flag, np.bool_, ())
        for role in ("even", "odd", "final"):
            for name, part in self._parts.items():
                self._allocate(context, f"{role} {name}", part.dtype, part.shape or ())

    def _allocate(self, context: Any, name: str, dtype: Any, shape: tuple[int, ...]) -> None:
        dtype = np.dtype(dtype)
        size = self._num_envs * dtype.itemsize * int(np.prod(shape, dtype=np.int64))
        self._blocks[name] = context.RawArray("b", size), dtype, (self._num_envs, *shape)

    def arrays(self, start: int = 0, stop: int | None = None) -> StepArrays:
        """The arrays of environments `start` to `stop` (all by default)."""
        views = {
            name: np.frombuffer(memory, dtype).reshape(shape)[start:stop]
            for name, (memory, dtype, shape) in self._blocks.items()
        }

        def observation(role: str) -> Observation:
            parts = {name: views[f"{role} {name}"] for name in self._parts}
            return parts[""] if list(parts) == [""] else parts

        return StepArrays(
            actions=views["actions"],
            reward=views["reward"],
            terminated=views["terminated"],
            truncated=views["truncated"],
            observations=(observation("even"), observation("odd")),
            final=observation("final"),
        )


def _parts(space: gym.Space[Any]) -> dict[str, gym.Space[Any]]:
    return dict(space.spaces) if isinstance(space, spaces.Dict) else {"": space}
