"""Smaller and simpler pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.spaces import Box
from gymnasium.vector import VectorEnv

from envs.arguments import whole
from envs.task import Array
from envs.wrappers.frame_stack import channels_last
from envs.wrappers.observation_wrapper import ObservationWrapper, box_of

LUMA = (19595, 38470, 7471)
"""How bright red, green and blue look (ITU-R BT.601), in 65536ths."""
LARGEST = 1024
"""Pixels along one side, at most."""
CHUNK = 32
"""Pictures that are redrawn at once."""


class PictureWrapper(ObservationWrapper):
    """Redraws pictures, a few at a time: what is calculated in between stays in the processor's cache."""

    def convert(self, seen: Array, out: Array) -> None:
        """All pictures, (rows, ...)."""
        for start in range(0, len(seen), CHUNK):
            self.redraw(seen[start : start + CHUNK], out[start : start + CHUNK])

    def redraw(self, seen: Array, out: Array) -> None:
        """Write the new pictures for `seen` (rows, ...) into `out` (rows, ...)."""
        raise NotImplementedError(f"{self.name} does not implement redraw")


class Grayscale(PictureWrapper):
    """Shows colour pictures in grey: (3, H, W) as (1, H, W), and (H, W, 3) as (H, W, 1), uint8.

    Raises:
        ValueError: observations are no colour pictures of uint8.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        shape = _picture("Grayscale", env).shape
        self._axis = 2 if channels_last(shape) else 0
        if len(shape) != 3 or shape[self._axis] != 3:
            raise ValueError(f"Grayscale: needs pictures of three colours, not observations of shape {shape}")
        grey = tuple(1 if axis == self._axis else size for axis, size in enumerate(shape))
        super().__init__(env, Box(0, 255, grey, np.uint8))

    def redraw(self, seen: Array, out: Array) -> None:
        """A weighted sum of the colours, rounded."""
        red, green, blue = np.moveaxis(seen, 1 + self._axis, 0)
        total = np.multiply(red, LUMA[0], dtype=np.uint32)
        total += np.multiply(green, LUMA[1], dtype=np.uint32)
        total += np.multiply(blue, LUMA[2], dtype=np.uint32)
        total += 1 << 15
        total >>= 16
        out.reshape(total.shape)[...] = total


class Resize(PictureWrapper):
    """Shows pictures of another size: (C, H, W) as (C, size, size); (H, W, C) and (H, W) alike; uint8.

    A size may also be a pair, rows and columns.

    Shrinking takes the mean of the area under each new pixel, growing goes linearly from one pixel to the
    next. Both weigh in 256ths, so that float32 sums are exact: one picture is the same in every batch.

    Raises:
        ValueError: a side is no whole number from 1 to 1024; observations are no pictures of uint8.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any], size: int | tuple[int, int]) -> None:
        self.size = size if isinstance(size, tuple) else (size, size)
        for side in self.size:
            if whole("Resize", "size", side) > LARGEST:
                raise ValueError(f"Resize: size must be at most {LARGEST}, got {side!r}")
        shape = _picture("Resize", env).shape
        self._last = channels_last(shape)
        rows, columns = shape[:2] if self._last else shape[-2:]
        self._down, self._across = resampling(rows, self.size[0]), resampling(columns, self.size[1])
        small = (*self.size, *shape[2:]) if self._last else (*shape[:-2], *self.size)
        super().__init__(env, Box(0, 255, small, np.uint8))

    def redraw(self, seen: Array, out: Array) -> None:
        """One small matrix for the rows, one for the columns."""
        pictures = np.moveaxis(seen, -1, 1) if self._last else seen  # (rows, ..., H, W)
        across = pictures.astype(np.float32).reshape(-1, pictures.shape[-1]) @ self._across.T
        resized = self._down @ across.reshape(-1, pictures.shape[-2], self.size[1])
        resized *= np.float32(1 / 256**2)
        resized += np.float32(0.5)  # cut off to whole numbers next, this rounds
        resized = resized.reshape(*pictures.shape[:-2], *self.size)
        out[...] = np.moveaxis(resized, 1, -1) if self._last else resized


class ChannelsFirst(ObservationWrapper):
    """Shows pictures (H, W, C) as (C, H, W), uint8.

    Raises:
        ValueError: observations are no such pictures.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        shape = _picture("ChannelsFirst", env).shape
        if not channels_last(shape):
            raise ValueError(f"ChannelsFirst: needs pictures (H, W, C), not observations of shape {shape}")
        super().__init__(env, Box(0, 255, (shape[2], *shape[:2]), np.uint8))

    def convert(self, seen: Array, out: Array) -> None:
        """All pictures, (rows, ...)."""
        out[...] = np.moveaxis(seen, -1, 1)


def resampling(old: int, new: int) -> Array:
    """The matrix (new, old) float32 that resamples a line of pixels, of whole numbers that sum to 256."""
    if new <= old:
        edges = np.arange(new + 1) * (old / new)
        left = np.maximum(edges[:-1, None], np.arange(old))
        right = np.minimum(edges[1:, None], np.arange(1, old + 1))
        weights = np.maximum(right - left, 0.0) * (new / old)  # how much of each new pixel lies in an old one
    else:
        centres = np.clip((np.arange(new) + 0.5) * (old / new) - 0.5, 0, old - 1)
        weights = np.maximum(1 - np.abs(centres[:, None] - np.arange(old)), 0.0)
    # Rounding the running sums instead of the weights keeps the total.
    sums = np.rint(np.cumsum(weights, 1) / weights.sum(1, keepdims=True) * 256)
    return np.diff(sums, axis=1, prepend=0.0).astype(np.float32)


def _picture(name: str, env: VectorEnv[Any, Any, Any]) -> Box:
    space = box_of(name, env)
    if space.dtype != np.uint8 or len(space.shape) not in (2, 3):
        raise ValueError(f"{name}: needs pictures of uint8, not {space.dtype} of shape {space.shape}")
    return space
