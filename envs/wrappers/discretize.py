"""Continuous actions for agents that choose among a few."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import VectorEnv
from gymnasium.vector.utils import batch_space

from envs.actions import ActionCheck
from envs.arguments import whole
from envs.base import Step
from envs.controls import Controls
from envs.wrappers.wrapper import BatchWrapper

MOST = 1_000


class Discretize(BatchWrapper):
    """Offers `levels` values of each number of a continuous action, evenly spaced between its bounds.

    With several numbers every combination is an action: of levels³ where there are three, and the last number
    changes first.

    Raises:
        ValueError: `levels` is no whole number of at least 2, actions are not continuous and bounded, or
            there would be more than 1 000 of them.
        gymnasium.error.InvalidAction: `step`, with an action outside of the space.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any], levels: int) -> None:
        levels = whole("Discretize", "levels", levels, low=2)
        space = env.single_action_space
        if not isinstance(space, Box) or not np.issubdtype(space.low.dtype, np.floating):
            raise ValueError(f"Discretize: actions must be continuous, not {space}")
        if not (np.isfinite(space.low).all() and np.isfinite(space.high).all()):
            raise ValueError(f"Discretize: actions must have finite bounds, not {space}")
        numbers = math.prod(space.shape)
        if levels**numbers > MOST:
            raise ValueError(f"Discretize: {levels} levels of {numbers} numbers are more than {MOST} actions")
        super().__init__(env)
        grid = np.linspace(space.low.ravel(), space.high.ravel(), levels, dtype=space.low.dtype)
        choices = np.meshgrid(*grid.T, indexing="ij")
        self.offered = np.stack([choice.ravel() for choice in choices], 1).reshape(-1, *space.shape)
        """(actions, *shape of an action), what each number stands for"""
        self.single_action_space = Discrete(len(self.offered))
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self._check = ActionCheck(self.name, self.single_action_space, self.num_envs)

    def step(self, actions: Any) -> Step:
        """As the environment's, by the actions that the numbers (num_envs,) stand for."""
        result = self.env.step(self.offered[self._check(actions)])
        self._begun(result[2], result[3])
        return result

    def controls_from(self, controls: Controls | None) -> Controls | None:
        """Each key takes the nearest of the actions on offer."""
        if controls is None:
            return None
        keys = {key: self._nearest(action) for key, action in controls.keys.items()}
        names = [controls.name_of(tuple(map(float, action.ravel()))) for action in self.offered]
        return Controls(keys, tuple(names), controls.turn_based)

    def _nearest(self, action: Any) -> int:
        distances = np.abs(self.offered - np.reshape(action, self.offered.shape[1:]))
        return int(distances.reshape(len(self.offered), -1).sum(1).argmin())
