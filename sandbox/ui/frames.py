"""What a video shows of a moment: the picture and, beneath it, the actor's memory."""

from __future__ import annotations

import numpy as np

from sandbox.ui.memory import NOTHING, Trail


class Frames:
    """Pictures of a video with the strip beneath, all of the first one's form, whatever happens on the way.

    Args:
        memory: whether there is a strip at all.
    """

    def __init__(self, memory: bool) -> None:
        self._strip_px = None if memory else 0

    def frame(self, picture: np.ndarray, trail: Trail | None) -> np.ndarray:
        """A picture (height, width, 3) uint8 with the strip; the picture itself without one."""
        if self._strip_px == 0:
            return picture
        # It draws text with pygame, which videos of training have no need of.
        from sandbox.ui.strip import room_beneath, strip_of, strip_px

        height, width = picture.shape[:2]
        if self._strip_px is None:
            tall = 0 if trail is None else strip_px(trail.units, room_beneath(height))
            self._strip_px = tall + height % 2 if tall else 0  # videos like even numbers of lines
        if not self._strip_px:
            return picture
        return np.concatenate([picture, strip_of(trail or NOTHING, (width, self._strip_px))])
