"""How the batched core keeps observations: compact features, or pixels that are changed in place."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from gymnasium import Space
from gymnasium.spaces import Box

from envs.task import Array, Mask

PIXELS = Box(0, 255, (3, 40, 40), np.uint8)
"""Colour pictures, channels first. 40 = 8·5 halves cleanly and is large enough for the usual networks."""


class Observed(Protocol):
    """What a view needs of an environment."""

    num_envs: int
    single_observation_space: Space[Any]

    def features(self, out: Array) -> None: ...
    def paint(self, pixels: Array) -> None: ...
    def repaint(self, pixels: Array, who: Mask) -> None: ...


class Buffers:
    """Two arrays that take turns, so that the previous one stays valid for one more step."""

    def __init__(self, shape: tuple[int, ...], dtype: Any) -> None:
        self._next, self._last = np.zeros(shape, dtype), np.zeros(shape, dtype)

    def turn(self) -> Array:
        """The array that was given out the time before last."""
        self._next, self._last = self._last, self._next
        return self._last


class FeatureView:
    """Compact observations: a pure function of the state, written whole into the array that is given out."""

    def __init__(self, env: Observed) -> None:
        self._env = env
        self._shape = (env.num_envs, *(env.single_observation_space.shape or ()))
        self._dtype = env.single_observation_space.dtype
        self._out = Buffers(self._shape, self._dtype)
        self._final = Buffers(self._shape, self._dtype)

    def moved(self) -> None:
        """All episodes advanced by a step."""

    def spawned(self, who: Mask) -> None:
        """The masked episodes begin."""

    def final(self, who: Mask) -> Array:
        """The last observations of the masked episodes, before anything is spawned, (num_envs, ...)."""
        final = self._final.turn()
        self._env.features(final)
        return final

    def out(self) -> Array:
        """The observations to give out, (num_envs, ...)."""
        out = self._out.turn()
        self._env.features(out)
        return out

    def copy(self) -> Array:
        """The same in a new array."""
        out = np.zeros(self._shape, self._dtype)
        self._env.features(out)
        return out


class PixelView:
    """Pictures: one array on which the environment repaints what moved, copied when given out."""

    def __init__(self, env: Observed) -> None:
        self._env = env
        self._screen = np.zeros((env.num_envs, *(env.single_observation_space.shape or ())), np.uint8)
        self._out = Buffers(self._screen.shape, np.uint8)
        self._final: Buffers | None = None  # only SAME_STEP needs it, and it may be large

    def moved(self) -> None:
        """All episodes advanced by a step."""
        self._env.paint(self._screen)

    def spawned(self, who: Mask) -> None:
        """The masked episodes begin."""
        self._env.repaint(self._screen, who)

    def final(self, who: Mask) -> Array:
        """The last observations of the masked episodes, before anything is spawned, (num_envs, ...)."""
        self._final = self._final or Buffers(self._screen.shape, np.uint8)
        final = self._final.turn()
        final[who] = self._screen[who]
        return final

    def out(self) -> Array:
        """The observations to give out, (num_envs, ...)."""
        out = self._out.turn()
        np.copyto(out, self._screen)
        return out

    def copy(self) -> Array:
        """The same in a new array."""
        return self._screen.copy()
