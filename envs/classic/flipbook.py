"""Small pictures that follow from one number: all of them are drawn once and then only looked up."""

from __future__ import annotations

import numpy as np

from envs.base import BatchedEnv
from envs.task import Array, Mask

# The middles of the 40 × 40 pixels, that broadcast to (rows, columns).
ROWS = (np.arange(40, dtype=np.float32) + 0.5)[:, None]
COLUMNS = (np.arange(40, dtype=np.float32) + 0.5)[None, :]

Point = tuple[Array | float, Array | float]
"""Row and column, in pixels."""


class Flipbook(BatchedEnv):
    """An environment whose small picture is page number `page_numbers()` of `pages`."""

    pages: Array
    """All pictures that there are, (pages, 3, 40, 40) uint8; set where `obs="pixels"`."""

    def page_numbers(self) -> Array:
        """Which page each episode shows, (num_envs,) int."""
        raise NotImplementedError(f"{self.name} does not implement page_numbers")

    def paint(self, pixels: Array) -> None:
        # mode: the default would have `take` write into a copy first, to leave `out` whole after an error.
        np.take(self.pages, self.page_numbers(), axis=0, out=pixels, mode="clip")

    def repaint(self, pixels: Array, who: Mask) -> None:
        pixels[who] = self.pages[self.page_numbers()[who]]


def rod(rows: Array, columns: Array, start: Point, end: Point, radius: float) -> Array:
    """How much of each pixel a rod with round ends covers, 0 to 1; all arguments broadcast.

    Args:
        rows, columns: the middles of the pixels.
        start, end: the ends of the rod's axis.
        radius: half of its thickness, in pixels.
    """
    along = end[0] - start[0], end[1] - start[1]
    length = np.maximum(along[0] ** 2 + along[1] ** 2, 1e-9)
    away = rows - start[0], columns - start[1]
    part = np.clip(
        (away[0] * along[0] + away[1] * along[1]) / length, 0, 1
    )  # where on the axis it is nearest
    distance = np.hypot(away[0] - part * along[0], away[1] - part * along[1])
    return np.clip(radius + 0.5 - distance, 0, 1)


def disc(rows: Array, columns: Array, middle: Point, radius: float) -> Array:
    """How much of each pixel a disc covers, 0 to 1; all arguments broadcast."""
    return np.clip(radius + 0.5 - np.hypot(rows - middle[0], columns - middle[1]), 0, 1)


def lay(picture: Array, cover: Array, color: tuple[int, int, int]) -> Array:
    """`picture` (..., 3, 40, 40) with a colour laid over it where `cover` (..., 40, 40) says, float32."""
    inks = np.array(color, np.float32)[:, None, None]
    return picture + cover[..., None, :, :].astype(np.float32) * (inks - picture)
