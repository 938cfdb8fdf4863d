"""Heat over a picture: where something matters glows, the rest is dimmed."""

from __future__ import annotations

import numpy as np

from envs.sight import Area
from sandbox.core.theme import DARK, rgb

GLOW = rgb(DARK.look)
DIMMED = 0.55
"""how bright the picture stays where there is no heat"""
THICKEST = 0.62
"""how much of the glow covers the picture where the heat is 1"""


def lay_over(picture: np.ndarray, heat: np.ndarray, area: Area | None = None) -> np.ndarray:
    """A picture (height, width, 3) uint8 with heat on it, as a new array.

    Args:
        picture: (height, width, 3) uint8.
        heat: (rows, columns) float, 0 to 1, of what lies in `area`.
        area: a part of the picture, which may reach beyond it; None: all of it. Outside, nothing changes.
    """
    height, width = picture.shape[:2]
    left, top, wide, high = area or (0, 0, width, height)
    rows, columns = _within(top, high, height), _within(left, wide, width)
    down = _weights((rows + 0.5 - top) / high, heat.shape[0])  # (pixels down, rows of the heat)
    across = _weights((columns + 0.5 - left) / wide, heat.shape[1])
    cover = (down @ heat.clip(0, 1).astype(np.float32) @ across.T)[..., None]  # (down, across, 1)
    result = picture.copy()
    if not cover.size:
        return result
    part = result[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    glow = THICKEST * cover
    dimmed = part * (DIMMED + (1 - DIMMED) * cover)
    part[...] = np.rint(dimmed * (1 - glow) + glow * np.array(GLOW, np.float32))
    return result


def _within(start: float, length: float, size: int) -> np.ndarray:
    """Numbers of the pixels of `size` whose middles lie in a stretch."""
    first, last = max(0, int(np.ceil(start - 0.5))), min(size, int(np.ceil(start + length - 0.5)))
    return np.arange(first, last)


def _weights(places: np.ndarray, count: int) -> np.ndarray:
    """Linear interpolation between `count` values, (places, count) float32; places are from 0 to 1."""
    at = np.clip(places * count - 0.5, 0, count - 1)
    return np.maximum(0, 1 - np.abs(at[:, None] - np.arange(count))).astype(np.float32)
