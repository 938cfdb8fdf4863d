"""One part of observations that are dicts."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.spaces import Dict
from gymnasium.vector import VectorEnv
from gymnasium.vector.utils import batch_space

from envs.base import Step
from envs.task import Array, Mask
from envs.wrappers.wrapper import BatchWrapper


class Only(BatchWrapper):
    """Shows one part of Dict observations, such as Doom's "screen", and drops the rest.

    Raises:
        ValueError: observations are no dicts, or have no such part.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any], part: str) -> None:
        space = env.single_observation_space
        if not isinstance(space, Dict):
            raise ValueError(f"Only: needs Dict observations, not {space}")
        if part not in space.spaces:
            known = ", ".join(space.spaces)
            raise ValueError(f"Only: observations have no part {part!r}; known: {known}")
        super().__init__(env)
        self.part = part
        self.stack_depth = 1  # what a stack of dicts may be, nobody has said
        self.single_observation_space = space[part]
        self.observation_space = batch_space(space[part], self.num_envs)

    def step(self, actions: Any) -> Step:
        """As the environment's, with one part of the observations."""
        observation, reward, terminated, truncated, infos = self.env.step(actions)
        self._begun(terminated, truncated)
        if infos.get("final_obs") is not None:
            infos = {**infos, "final_obs": self._finals(infos["final_obs"])}
        return self._chosen(observation), reward, terminated, truncated, infos

    def observation(self) -> Array:
        """A new array with the current observations (num_envs, ...)."""
        return np.array(self._chosen(super().observation()))

    def _reset(self, observation: Any, who: Mask) -> Array:
        return self._chosen(observation)

    def _chosen(self, observation: Any) -> Array:
        """The part, (num_envs, ...), of a dict of arrays or of an array of dicts."""
        if isinstance(observation, dict):
            return observation[self.part]
        return np.stack([np.asarray(one[self.part]) for one in observation])

    def _finals(self, final: Any) -> Array:
        if isinstance(final, dict):
            return final[self.part]
        rows = np.empty(len(final), object)
        for one, observation in enumerate(final):
            rows[one] = None if observation is None else observation[self.part]
        return rows
