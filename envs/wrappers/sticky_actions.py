"""Actions that do not always arrive."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv

from envs.actions import ActionCheck
from envs.base import Step
from envs.task import Array, Mask
from envs.wrappers.wrapper import BatchWrapper, probability


class StickyActions(BatchWrapper):
    """Repeats, with this probability, the action that was taken last instead of the given one.

    Machado et al. (2018), arXiv:1709.06009, who take 0.25. The first action of an episode is never replaced.

    Raises:
        ValueError: `chance` is not between 0 and 1; actions are no arrays.
        gymnasium.error.InvalidAction: `step`, with an action outside of the space.
    """

    draws = True
    state_names = ("taken", "first")

    def __init__(self, env: VectorEnv[Any, Any, Any], chance: float) -> None:
        self.chance = probability("StickyActions", chance)
        super().__init__(env)
        space = env.single_action_space
        try:
            self._check = ActionCheck(self.name, space, self.num_envs)
        except TypeError as error:
            raise ValueError(str(error)) from None
        self.taken = np.zeros((self.num_envs, *(space.shape or ())), space.dtype)
        self.first = np.ones(self.num_envs, np.bool_)

    def step(self, actions: Any) -> Step:
        """As the environment's, by actions some of which are those of the step before."""
        given = self._check(actions)
        sticks = (self._generator.random(self.num_envs) < self.chance) & ~self.first
        taken = given.astype(self.taken.dtype)  # a new array: the caller's stays as it is
        taken[sticks] = self.taken[sticks]
        result = self.env.step(taken)
        self.taken[...] = taken
        self.first[...] = self._begun(result[2], result[3])
        return result

    def _reset(self, observation: Array, who: Mask) -> Array:
        self.first |= who
        return observation
