"""Noise turning into pictures: a grid of them after each step, as an animation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from generative.passes import as_bytes
from sandbox.core.errors import UsageError
from sandbox.ui.mosaic import mosaic, save_gif

MOST_FRAMES = 60
LONGEST_PX, MOST_PX = 640, 2_000
"""longer side of a frame: about, where pictures are enlarged, and at most"""
SECONDS, FIRST_SECONDS, LAST_SECONDS = 4.0, 0.4, 2.5
"""that the way takes, about, and that its ends are seen"""
LONGEST_FRAME_S = 0.1


class Film:
    """Keeps what noisy pictures look like at evenly spread steps, for a grid of them all.

    Args:
        steps: that the sampler takes.
    """

    def __init__(self, steps: int) -> None:
        self._kept = set(np.linspace(0, steps, min(steps + 1, MOST_FRAMES)).round().astype(int).tolist())
        self._frames: dict[int, list[Tensor]] = {}

    def watch(self, step: int, noisy: Tensor) -> None:
        """Keep pictures (n, channels, height, width) after a step, where it is one of those."""
        if step in self._kept:
            self._frames.setdefault(step, []).append(as_bytes(noisy).cpu())

    def frames(self) -> list[NDArray[np.uint8]]:
        """From noise to pictures: (n, channels, height, width) each."""
        return [torch.cat(self._frames[step]).numpy() for step in sorted(self._frames)]

    def save(self, path: Path, columns: int) -> Path:
        """Write the GIF. Raises OSError."""
        frames = self.frames()
        scale = _scale(len(frames[0]), columns, frames[0].shape[1:])
        grids = [mosaic(frame, columns, scale=scale) for frame in frames]
        seconds = min(LONGEST_FRAME_S, SECONDS / len(grids))
        first = [grids[0]] * round(FIRST_SECONDS / seconds)
        return save_gif(path, first + grids[1:], seconds, last_seconds=LAST_SECONDS)


def check_film(count: int, columns: int, shape: tuple[int, int, int]) -> None:
    """Refuse an animation that no viewer plays. Raises UsageError."""
    if _side(count, columns, shape) > MOST_PX:
        raise UsageError(
            f"an animation of {count:,} pictures of {shape[2]}×{shape[1]} would be too large",
            hint="-n draws fewer",
        )


def _scale(count: int, columns: int, shape: tuple[int, ...]) -> int:
    return max(1, LONGEST_PX // _side(count, columns, shape))


def _side(count: int, columns: int, shape: tuple[int, ...]) -> int:
    """Longer side of a grid in pixels of the pictures."""
    return max(shape[2] * columns, shape[1] * -(-count // columns))
