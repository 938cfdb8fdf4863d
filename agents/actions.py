"""From what a policy says to what an environment takes."""

from __future__ import annotations

import numpy as np
from gymnasium import spaces
from torch import Tensor


def for_env(actions: Tensor, space: spaces.Space) -> np.ndarray:
    """`(envs, *action shape)` actions as NumPy arrays, inside of the bounds."""
    array = actions.cpu().numpy()
    if isinstance(space, spaces.Box):
        # Sampled from an unbounded Gaussian; learning sees the action as it was drawn.
        return np.clip(array, space.low, space.high)
    return array.astype(space.dtype, copy=False)
