"""When the next step is due: an environment's own speed, faster or slower, and never a burst to catch up."""

from __future__ import annotations

import math

SPEEDS = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
PICTURES_PER_S = 60
"""more are not drawn: fast environments take several steps for one picture"""

REPEAT_AFTER_S, REPEAT_EVERY_S = 0.35, 0.125
"""a key that is held counts again after so long, and then so often"""


class Pace:
    """A clock without a thread and without waiting: the caller says what time it is.

    Args:
        fps: steps a second at speed 1.
        speed: how many times faster.
    """

    def __init__(self, fps: float, speed: float = 1.0) -> None:
        self.fps, self.speed = fps, speed
        self._due_s = 0.0

    @property
    def steps_per_picture(self) -> int:
        """How many steps to take at once."""
        return max(1, math.ceil(self.fps * self.speed / PICTURES_PER_S - 1e-9))

    @property
    def period_s(self) -> float:
        """Seconds between two pictures."""
        return self.steps_per_picture / (self.fps * self.speed)

    def faster(self) -> None:
        """The next speed of `SPEEDS`."""
        self.speed = next((speed for speed in SPEEDS if speed > self.speed), max(SPEEDS[-1], self.speed))

    def slower(self) -> None:
        """The speed of `SPEEDS` before."""
        self.speed = next((s for s in reversed(SPEEDS) if s < self.speed), min(SPEEDS[0], self.speed))

    def left_s(self, now_s: float) -> float:
        """Seconds until the next step, 0 when it is due."""
        return max(0.0, self._due_s - now_s)

    def took_step(self, now_s: float) -> None:
        """A step begins: the next one is due a period after this one was, or after now if it came late."""
        late = now_s - self._due_s > self.period_s
        self._due_s = (now_s if late else self._due_s) + self.period_s

    def hold(self, now_s: float, seconds: float) -> None:
        """Nothing is due for some seconds: people want to see how an episode ended."""
        self._due_s = now_s + seconds


class Repeat:
    """When a held key counts again. A clock as `Pace` is."""

    def __init__(self) -> None:
        self._due_s = 0.0

    def pressed(self, now_s: float) -> None:
        """It, or another one, went down."""
        self._due_s = now_s + REPEAT_AFTER_S

    def repeated(self, now_s: float) -> None:
        """It counted again."""
        self._due_s = now_s + REPEAT_EVERY_S

    def left_s(self, now_s: float) -> float:
        """Seconds until it counts again, 0 when it is due."""
        return max(0.0, self._due_s - now_s)


def speed_text(speed: float) -> str:
    """``1×``, ``½×``, ``16×``."""
    fractions = {0.5: "½", 0.25: "¼", 0.125: "⅛"}
    return f"{fractions.get(speed, f'{speed:g}')}×"
