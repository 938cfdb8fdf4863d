"""One cheap check of a whole batch of actions."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import Space
from gymnasium.error import InvalidAction
from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete
from numpy.typing import NDArray


class ActionCheck:
    """Checks shape, dtype and range of the actions of `num_envs` episodes.

    Raises:
        TypeError: the space is none of Discrete, MultiDiscrete, MultiBinary and Box.
    """

    def __init__(self, name: str, space: Space[Any], num_envs: int) -> None:
        self.name = name
        self.space = space
        self.low, self.high = _bounds(name, space)
        self.shape = (num_envs, *(space.shape or ()))
        self.kinds = "iu"
        if isinstance(space, Box) and np.issubdtype(space.low.dtype, np.floating):
            self.kinds = "fiu"
        elif isinstance(space, MultiBinary):
            self.kinds = "iub"

    def __call__(self, actions: Any) -> NDArray[Any]:
        """`actions` as an array (num_envs, *action shape) of the caller's dtype.

        Raises:
            gymnasium.error.InvalidAction: naming the first action that is outside the space, and its episode.
        """
        actions = np.asarray(actions)
        if actions.shape != self.shape or actions.dtype.kind not in self.kinds:
            raise InvalidAction(
                f"{self.name}: actions must be of shape {self.shape} and belong to {self.space}, "
                f"got {actions.dtype} {actions.shape}"
            )
        inside = (actions >= self.low) & (actions <= self.high)  # false for NaN
        if np.count_nonzero(inside) != inside.size:  # far quicker than inside.all()
            row = int(np.argwhere(~inside)[0, 0])
            raise InvalidAction(
                f"{self.name}: action {actions[row].tolist()} of episode {row} is outside of {self.space}"
            )
        return actions


def _bounds(name: str, space: Space[Any]) -> tuple[Any, Any]:
    """The smallest and largest action, both included: ints, or arrays of the action's shape."""
    if isinstance(space, Discrete):
        return int(space.start), int(space.start + space.n - 1)
    if isinstance(space, MultiDiscrete):
        return space.start, space.start + space.nvec - 1
    if isinstance(space, MultiBinary):
        return 0, 1
    if isinstance(space, Box):
        return space.low, space.high
    raise TypeError(f"{name}: {space} cannot be an action space here")
