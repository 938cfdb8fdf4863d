"""Photos of handwriting for tests: digits of a data set, written with dark ink on unevenly lit paper."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Bytes = NDArray[np.uint8]


def photo(digit: Bytes, seed: int, side: int = 200) -> Bytes:
    """A digit (height, width), bright on black, as dark ink somewhere on paper: (side, side)."""
    rng = np.random.default_rng(seed)
    size = int(rng.uniform(0.4, 0.75) * side)
    large = Image.fromarray(digit).resize((size, size), Image.Resampling.BICUBIC)
    ink = np.zeros((side, side))
    top, left = rng.integers(5, side - size - 4, 2)
    ink[top : top + size, left : left + size] = np.asarray(large) / 255
    down, across = np.meshgrid(np.linspace(-1, 1, side), np.linspace(-1, 1, side), indexing="ij")
    angle = rng.uniform(0, 2 * np.pi)
    light = 205 + 35 * (np.cos(angle) * across + np.sin(angle) * down)
    levels = light * (1 - 0.75 * ink) + rng.normal(0, 4, ink.shape)
    return levels.clip(0, 255).astype(np.uint8)


def ring(side: int = 28, thickness: int = 3) -> Bytes:
    """An O in the middle of a black page, bright: (side, side)."""
    down, across = np.mgrid[:side, :side] - (side - 1) / 2
    radius = np.hypot(down, across)
    return np.where(np.abs(radius - side / 3.2) < thickness / 2, 255, 0).astype(np.uint8)
