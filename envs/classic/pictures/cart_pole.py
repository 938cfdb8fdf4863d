"""CartPole as people see it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from envs.classic.pictures import signed
from envs.palette import (
    AMBER,
    AMBER_LIGHT,
    BLUE,
    BLUE_DARK,
    BLUE_LIGHT,
    GROUND,
    HUB,
    PALE,
    RED,
    SKY_BOTTOM,
    SKY_TOP,
    TRACK,
    TYRE,
    UPRIGHT,
    scoreboard,
)

if TYPE_CHECKING:
    from envs.canvas import Canvas

PX_PER_M = 92
TRACK_Y, POLE_PX = 326, 180
MIDDLE_X, JOINT_Y = 300, TRACK_Y - 50  # of x = 0, of where the pole begins


def draw_cart_pole(canvas: Canvas, x: float, angle: float, score: int) -> None:
    """Cart and pole on 600 × 400 pixels: `x` in m from the middle, `angle` in rad, clockwise.

    The pole is drawn longer than to scale (it would measure 92 pixels).
    """
    canvas.fill(SKY_TOP, SKY_BOTTOM)
    _track(canvas)
    _pole_and_cart(canvas, MIDDLE_X + PX_PER_M * x, angle)
    scoreboard(canvas, score)
    canvas.text(signed(math.degrees(angle), 1) + "°", (576, 22), 24, AMBER_LIGHT, anchor="topright")
    canvas.text(signed(x, 2) + " m", (576, 46), 24, BLUE_LIGHT, anchor="topright")


def _track(canvas: Canvas) -> None:
    canvas.rectangle(0, TRACK_Y, 600, 400 - TRACK_Y, GROUND)
    canvas.rectangle(0, TRACK_Y, 600, 3, TRACK)
    for metre in (-2, -1, 0, 1, 2):
        at = MIDDLE_X + PX_PER_M * metre
        canvas.rectangle(at - 1, TRACK_Y + 3, 2, 8, TRACK)
        canvas.text(signed(metre, 0) if metre else "0", (at, TRACK_Y + 16), 20, PALE, anchor="midtop")
    for limit in (-2.4, 2.4):
        at = MIDDLE_X + PX_PER_M * limit
        canvas.line((at, TRACK_Y - 62), (at, TRACK_Y), 4, RED)


def _pole_and_cart(canvas: Canvas, middle: float, angle: float) -> None:
    joint = (middle, JOINT_Y)
    tip = (joint[0] + POLE_PX * math.sin(angle), joint[1] - POLE_PX * math.cos(angle))
    canvas.line(
        (middle, joint[1] - POLE_PX), (middle, joint[1]), 1.5, UPRIGHT
    )  # the upright, to judge the angle by
    canvas.rectangle(middle - 46, TRACK_Y - 50, 92, 38, BLUE_DARK, radius=10)
    canvas.rectangle(middle - 46, TRACK_Y - 50, 92, 32, BLUE, radius=10)
    for side in (-27, 27):
        canvas.circle((middle + side, TRACK_Y - 12), 12, TYRE)
        canvas.circle((middle + side, TRACK_Y - 12), 5, HUB)
    canvas.line(joint, tip, 13, AMBER)
    canvas.circle(joint, 11, BLUE_LIGHT)
    canvas.circle(joint, 5, BLUE_DARK)
