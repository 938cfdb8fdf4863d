"""Where what an agent sees lies in the picture that people see.

An environment whose picture for people shows more than its observation (a score above the board, a map around
the window), or shows it stretched, says so in a method ``sight(one) -> Area``; for all others it is the whole
picture.
"""

from __future__ import annotations

from typing import Any

import gymnasium

Area = tuple[float, float, float, float]
"""Left, top, width and height, in pixels of the picture for people; it may reach beyond that."""


def sight_of(env: gymnasium.Env[Any, Any]) -> Area | None:
    """Where the observation lies in the picture at the moment; None: it is all of it."""
    return env.get_wrapper_attr("sight")() if env.has_wrapper_attr("sight") else None


def around(middle: tuple[float, float], scale: float) -> Area:
    """The area of an observation of 40 × 40 pixels, `scale` times as large, with its middle there."""
    return middle[0] - 20 * scale, middle[1] - 20 * scale, 40 * scale, 40 * scale
