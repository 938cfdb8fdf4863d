"""The last frames together, for agents without memory."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv

from envs.arguments import whole
from envs.task import Array
from envs.wrappers.observation_wrapper import ObservationWrapper, box_of, with_zeros

DEEPEST = 256


class FrameStack(ObservationWrapper):
    """Shows the last `depth` observations together, the oldest first.

    | of one episode | stacked |
    |---|---|
    | vector (n,) | (depth·n,) |
    | picture, channels first (C, H, W) | (depth·C, H, W) |
    | picture, channels last (H, W, C) | (H, W, depth·C) |
    | grey picture (H, W) | (depth, H, W) |

    Where an episode is younger than the stack, the missing frames are zeros. So a replay buffer that keeps
    single frames, and where episodes begin, can rebuild every stack.

    Raises:
        ValueError: `depth` is no whole number from 1 to 256; observations are no arrays of 1 to 3 dimensions.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any], depth: int) -> None:
        depth = whole("FrameStack", "depth", depth)
        if depth > DEEPEST:
            raise ValueError(f"FrameStack: depth must be at most {DEEPEST}, got {depth!r}")
        space = box_of("FrameStack", env)
        shape = tuple(space.shape)
        if len(shape) > 3:
            raise ValueError(f"FrameStack: cannot stack observations of {len(shape)} dimensions")
        axis = 2 if channels_last(shape) else 0
        # Seen as (rows, outer, frames times inner), stacking is the same for all of them.
        self._inner = math.prod(shape[axis:]) if axis else math.prod(shape)
        self._outer = math.prod(shape) // self._inner
        low, high = ([part] if part.ndim == 2 else part for part in (space.low, space.high))
        low, high = (np.concatenate([part] * depth, axis) for part in (low, high))
        super().__init__(env, with_zeros(low, high, space.dtype))
        self.stack_depth = depth

    def follow(self, seen: Array, last: Array, out: Array) -> None:
        """All frames move up by one place, and the new one comes to the end."""
        new, old = self._frames(out), self._frames(last)
        new[..., : -self._inner] = old[..., self._inner :]
        new[..., -self._inner :] = np.reshape(seen, (len(seen), self._outer, self._inner))

    def begin(self, seen: Array, out: Array) -> None:
        """Zeros before the first frame."""
        new = self._frames(out)
        new[..., : -self._inner] = 0
        new[..., -self._inner :] = np.reshape(seen, (len(seen), self._outer, self._inner))

    def _frames(self, stacks: Array) -> Array:
        return stacks.reshape(len(stacks), self._outer, -1)


def channels_last(shape: tuple[int, ...]) -> bool:
    """Whether pictures of this shape are (H, W, C): there are fewer channels than rows or columns."""
    return len(shape) == 3 and shape[2] < shape[0]
