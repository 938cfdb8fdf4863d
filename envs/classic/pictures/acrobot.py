"""The acrobot as people see it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from envs.classic.pictures.torque import torque_arrow
from envs.palette import (
    AMBER,
    BLUE,
    BLUE_DARK,
    BLUE_LIGHT,
    GREEN,
    GREEN_LIGHT,
    HUB,
    SKY_BOTTOM,
    SKY_TOP,
    TRACK,
    UPRIGHT,
    scoreboard,
)

if TYPE_CHECKING:
    from envs.canvas import Canvas, Point

MIDDLE, LINK_PX = (240, 248), 98


def draw_acrobot(canvas: Canvas, upper: float, lower: float, torque: float, score: int) -> None:
    """Two links and the line to reach on 480 × 480 pixels.

    Args:
        upper, lower: directions of the links in rad, 0 downwards, counter-clockwise.
        torque: on the joint, from -1 to 1, counter-clockwise.
        score: what the scoreboard shows.
    """
    canvas.fill(SKY_TOP, SKY_BOTTOM)
    _line_to_reach(canvas)
    canvas.rectangle(MIDDLE[0] - 34, MIDDLE[1] - 4, 68, 8, UPRIGHT, radius=4)
    joint = _end_of(MIDDLE, upper)
    end = _end_of(joint, lower)
    canvas.line(MIDDLE, joint, 20, BLUE)
    canvas.line(joint, end, 15, AMBER)
    torque_arrow(canvas, joint, 34, torque, BLUE_LIGHT)
    canvas.circle(MIDDLE, 13, HUB)
    canvas.circle(MIDDLE, 6, BLUE_DARK)
    canvas.circle(joint, 13, BLUE_LIGHT)
    canvas.circle(joint, 6, BLUE_DARK)
    canvas.circle(end, 10, GREEN if end[1] < MIDDLE[1] - LINK_PX else HUB)
    scoreboard(canvas, score, "STEPS")


def _line_to_reach(canvas: Canvas) -> None:
    row = MIDDLE[1] - LINK_PX
    canvas.rectangle(0, 0, 480, row, (*GREEN, 22))
    for column in range(8, 480, 24):
        canvas.line((column, row), (column + 10, row), 3, GREEN_LIGHT)
    canvas.text("reach", (456, row - 24), 22, TRACK, anchor="topright")


def _end_of(start: Point, direction: float) -> Point:
    return start[0] + LINK_PX * math.sin(direction), start[1] + LINK_PX * math.cos(direction)
