"""Positions without velocities, for agents with memory."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv

from envs.task import Array
from envs.wrappers.observation_wrapper import ObservationWrapper, box_of, with_zeros

VELOCITIES: dict[str, tuple[int, tuple[int, ...]]] = {
    "CartPole": (4, (1, 3)),
    "MountainCar": (2, (1,)),
    "MountainCarContinuous": (2, (1,)),
    "Acrobot": (6, (4, 5)),
    "Pendulum": (3, (2,)),
    "LunarLander": (8, (2, 3, 5)),
}
"""Name in the id, without version -> length of its observation, and which entries are velocities."""


class MaskVelocity(ObservationWrapper):
    """Shows zeros instead of velocities, so that one observation no longer tells what comes next.

    For CartPole, MountainCar, MountainCarContinuous, Acrobot, Pendulum and LunarLander, gymnasium's or ours.

    Raises:
        ValueError: another environment (it is named), or other observations than its vectors.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        name = _name_of(env)
        if name not in VELOCITIES:
            known = ", ".join(VELOCITIES)
            raise ValueError(f"MaskVelocity: nobody has said where {name} has velocities; known: {known}")
        length, entries = VELOCITIES[name]
        space = box_of("MaskVelocity", env)
        if space.shape != (length,):
            raise ValueError(
                f"MaskVelocity: needs {name}'s vectors of {length} numbers, not observations of shape "
                f"{space.shape}; put it innermost, and use obs=features"
            )
        self._entries = list(entries)
        super().__init__(env, with_zeros(space.low, space.high, space.dtype))

    def convert(self, seen: Array, out: Array) -> None:
        """Everything else stays."""
        np.copyto(out, seen, casting="unsafe")
        out[:, self._entries] = 0


def _name_of(env: VectorEnv[Any, Any, Any]) -> str:
    """The registered name, where it is gymnasium's or ours; otherwise what tells people which one it is."""
    base: Any = env.unwrapped
    spec = base.spec
    if envs := getattr(base, "envs", None):  # single ones side by side
        base, spec = envs[0].unwrapped, spec or envs[0].spec
    if type(base).__module__.startswith("envs."):
        return type(base).__name__.removesuffix("Env")
    if spec is None:
        return type(base).__name__
    return spec.name if spec.namespace in (None, "Sandbox") else spec.id
