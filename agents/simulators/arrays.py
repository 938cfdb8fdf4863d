"""Batches of observations in NumPy: an array `(envs, …)`, or a flat dict of such arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from sandbox.core.errors import UnsupportedSpace

Observation = np.ndarray | dict[str, np.ndarray]

_ARRAY_SPACES = (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)


def check_spaces(observation: spaces.Space, action: spaces.Space) -> None:
    """Accept what fits in arrays: Box, Discrete, MultiDiscrete, MultiBinary, and a flat Dict of observations.

    Raises:
        UnsupportedSpace: any other space, named in the message.
    """
    parts = observation.spaces if isinstance(observation, spaces.Dict) else {"": observation}
    for name, part in parts.items():
        if not isinstance(part, _ARRAY_SPACES):
            where = f" {name!r}" if name else ""
            raise UnsupportedSpace(
                f"the observation{where} is a {type(part).__name__} space; an agent reads Box, Discrete, "
                "MultiDiscrete, MultiBinary, or a flat Dict of them",
                hint="wrap the environment, e.g. in gymnasium.wrappers.FlattenObservation",
            )
    if not isinstance(action, _ARRAY_SPACES):
        raise UnsupportedSpace(
            f"the action space is {type(action).__name__}; an agent acts in Discrete, MultiDiscrete, "
            "MultiBinary or Box",
            hint="wrap the environment in a gymnasium.ActionWrapper that takes one of these",
        )


def allocate(space: spaces.Space, *lead: int) -> Observation:
    """Zeros for `lead` observations of `space`, in the space's own dtypes."""
    if isinstance(space, spaces.Dict):
        return {name: np.zeros((*lead, *(part.shape or ())), part.dtype) for name, part in space.items()}
    return np.zeros((*lead, *(space.shape or ())), space.dtype)


def copied(observation: Observation) -> Observation:
    """A contiguous copy that nobody else writes to."""
    if isinstance(observation, dict):
        return {name: np.array(part, order="C") for name, part in observation.items()}
    return np.array(observation, order="C")


def row(observation: Observation, one: int) -> Observation:
    """A copy of one environment's observation, without the leading axis (0-d for a Discrete space)."""
    if isinstance(observation, dict):
        return {name: np.array(part[one]) for name, part in observation.items()}
    return np.array(observation[one])


def write_row(out: Observation, one: int, single: Any) -> None:
    """Store one environment's observation, as it returned it, in row `one` of `out`."""
    if isinstance(out, dict):
        for name, part in out.items():
            part[one] = single[name]
    else:
        out[one] = single


def same_bits(left: Any, right: Any) -> bool:
    """Equal to the last bit: dtype, shape and bytes of every array (so NaN equals NaN), values elsewhere."""
    if isinstance(left, dict) or isinstance(right, dict):
        alike = isinstance(left, dict) and isinstance(right, dict) and left.keys() == right.keys()
        return alike and all(same_bits(part, right[name]) for name, part in left.items())
    left, right = np.asarray(left), np.asarray(right)
    if left.dtype == object or right.dtype == object:  # integers beyond 64 bits, as in a generator's state
        return bool(np.array_equal(left, right))
    return left.dtype == right.dtype and left.shape == right.shape and left.tobytes() == right.tobytes()
