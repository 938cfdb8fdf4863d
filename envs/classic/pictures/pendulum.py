"""The pendulum as people see it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from envs.classic.pictures import signed
from envs.classic.pictures.torque import torque_arrow
from envs.palette import (
    AMBER,
    AMBER_LIGHT,
    BLUE_DARK,
    BLUE_LIGHT,
    PALE,
    RED,
    SKY_BOTTOM,
    SKY_TOP,
    UPRIGHT,
    scoreboard,
)

if TYPE_CHECKING:
    from envs.canvas import Canvas

MIDDLE, ROD_PX = (240, 252), 150


def draw_pendulum(canvas: Canvas, angle: float, torque: float, score: int) -> None:
    """The pendulum on 480 × 480 pixels.

    Args:
        angle: in rad, 0 upright, counter-clockwise.
        torque: as a part of the largest one, from -1 to 1, counter-clockwise.
        score: what the scoreboard shows.
    """
    canvas.fill(SKY_TOP, SKY_BOTTOM)
    _dial(canvas)
    end = (MIDDLE[0] - ROD_PX * math.sin(angle), MIDDLE[1] - ROD_PX * math.cos(angle))
    canvas.line(MIDDLE, end, 15, AMBER)
    canvas.circle(end, 25, RED)
    canvas.circle((end[0] - 8, end[1] - 8), 6, (255, 176, 170))
    torque_arrow(canvas, MIDDLE, 52, torque, BLUE_LIGHT)
    canvas.circle(MIDDLE, 15, BLUE_LIGHT)
    canvas.circle(MIDDLE, 7, BLUE_DARK)
    scoreboard(canvas, score, "STEPS")
    degrees = math.degrees(math.remainder(angle, 2 * math.pi))
    canvas.text(signed(degrees, 0) + "°", (456, 22), 24, AMBER_LIGHT, anchor="topright")
    canvas.text(signed(2 * torque, 1) + " N m", (456, 46), 24, BLUE_LIGHT, anchor="topright")


def _dial(canvas: Canvas) -> None:
    """A ring with a mark every 30°, and the upright that is to be reached."""
    canvas.circle(MIDDLE, ROD_PX + 40, UPRIGHT, width=2)
    for number in range(12):
        turn = number * math.pi / 6
        x, y = math.sin(turn), math.cos(turn)
        ends = [(MIDDLE[0] + reach * x, MIDDLE[1] - reach * y) for reach in (ROD_PX + 34, ROD_PX + 46)]
        canvas.line(ends[0], ends[1], 3 if number else 6, PALE if number else AMBER_LIGHT)
    canvas.line(MIDDLE, (MIDDLE[0], MIDDLE[1] - ROD_PX - 30), 1.5, UPRIGHT)
