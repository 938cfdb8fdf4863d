"""A bent arrow that shows a torque."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envs.canvas import Canvas, Color, Point


def torque_arrow(canvas: Canvas, middle: Point, radius: float, strength: float, color: Color) -> None:
    """An arrow around `middle`, from its top, counter-clockwise where `strength` (-1 to 1) is positive."""
    if abs(strength) < 0.05:
        return
    side, reach = math.copysign(1, strength), 0.25 + 1.6 * abs(strength)  # in rad
    width = 3 + 3 * abs(strength)

    def at(angle: float, distance: float) -> Point:
        return middle[0] - side * distance * math.sin(angle), middle[1] - distance * math.cos(angle)

    turns = [reach * number / 16 for number in range(17)]
    outer = [at(angle, radius + width / 2) for angle in turns]
    inner = [at(angle, radius - width / 2) for angle in reversed(turns)]
    canvas.polygon([*outer, *inner], color)
    tip = reach + 2.4 * width / radius
    canvas.polygon([at(reach, radius + 1.5 * width), at(tip, radius), at(reach, radius - 1.5 * width)], color)
