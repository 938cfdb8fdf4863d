"""A screen that fails now and then, for agents with memory."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv

from envs.task import Array
from envs.wrappers.observation_wrapper import ObservationWrapper, box_of, with_zeros
from envs.wrappers.wrapper import probability


class Flicker(ObservationWrapper):
    """Shows nothing (zeros) instead of an observation with this probability, each time anew.

    The flickering screen of Hausknecht and Stone (2015), arXiv:1507.06527, who take 0.5.

    Raises:
        ValueError: `chance` is not between 0 and 1; observations are no arrays.
    """

    draws = True

    def __init__(self, env: VectorEnv[Any, Any, Any], chance: float) -> None:
        self.chance = probability("Flicker", chance)
        space = box_of("Flicker", env)
        super().__init__(env, with_zeros(space.low, space.high, space.dtype))

    def convert(self, seen: Array, out: Array) -> None:
        """One draw for each row."""
        np.copyto(out, seen, casting="unsafe")
        out[self._generator.random(len(out)) < self.chance] = 0
