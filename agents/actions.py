"""From what a policy says to what an environment takes."""

from __future__ import annotations

import numpy as np
from gymnasium import spaces
from torch import Tensor

from sandbox.core.errors import Diverged


def for_env(actions: Tensor, space: spaces.Space) -> np.ndarray:
    """`(envs, *action shape)` actions as NumPy arrays, inside of the bounds.

    Raises:
        Diverged: continuous actions that are no numbers; a simulator may hang or crash on them.
    """
    array = actions.cpu().numpy()
    if isinstance(space, spaces.Box):
        if not np.isfinite(array).all():
            raise Diverged(
                "the policy's actions stopped being finite numbers",
                hint="lower the learning rate, or look for NaN in the environment's observations",
            )
        # Sampled from an unbounded Gaussian; learning sees the action as it was drawn.
        return np.clip(array, space.low, space.high)
    return array.astype(space.dtype, copy=False)
