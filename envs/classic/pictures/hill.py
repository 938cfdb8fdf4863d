"""The car between the hills as people see it."""

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
    GREEN,
    GREEN_DARK,
    HUB,
    PALE,
    RED,
    SKY_BOTTOM,
    SKY_TOP,
    TYRE,
    WHITE,
    scoreboard,
)

if TYPE_CHECKING:
    from envs.canvas import Canvas, Point

PX_PER_UNIT = 265
LEFT, BOTTOM = 379.5, 398  # the column of x = 0, the row of height 0
CAR_SCALE = 1.3


def draw_hill(canvas: Canvas, x: float, velocity: float, goal: float, throttle: float, score: int) -> None:
    """Hill, flag and car on 600 × 400 pixels.

    Args:
        x, velocity: of the car, from -1.2 to 0.6 and in units a step.
        goal: where the flag stands.
        throttle: how hard the engine pushes, from -1 (left) to 1.
        score: what the scoreboard shows.
    """
    canvas.fill(SKY_TOP, SKY_BOTTOM)
    _hill(canvas)
    _flag(canvas, goal)
    _Car(canvas, x).draw(throttle)
    scoreboard(canvas, score, "STEPS")
    canvas.text("v " + signed(velocity, 3), (576, 22), 24, AMBER_LIGHT, anchor="topright")
    canvas.text("x " + signed(x, 2), (576, 46), 24, BLUE_LIGHT, anchor="topright")


def _place(x: float) -> Point:
    return LEFT + PX_PER_UNIT * x, BOTTOM - PX_PER_UNIT * (0.45 * math.sin(3 * x) + 0.55)


def _hill(canvas: Canvas) -> None:
    ridge = [_place((column - LEFT) / PX_PER_UNIT) for column in range(-4, 605, 4)]
    canvas.polygon([*ridge, (604, 404), (-4, 404)], GREEN)
    turf = [(column, row + 7) for column, row in ridge]
    canvas.polygon([*turf, (604, 404), (-4, 404)], GREEN_DARK)


def _flag(canvas: Canvas, goal: float) -> None:
    column, row = _place(goal)
    canvas.line((column, row), (column, row - 64), 4, PALE)
    canvas.polygon([(column + 2, row - 64), (column + 36, row - 53), (column + 2, row - 42)], RED)
    canvas.circle((column, row - 65), 4, WHITE)


class _Car:
    """The car at `x`, drawn in coordinates along and across the slope."""

    def __init__(self, canvas: Canvas, x: float) -> None:
        self.canvas = canvas
        self.foot = _place(x)
        slope = math.atan(3 * 0.45 * math.cos(3 * x))
        self.cos, self.sin = math.cos(slope), math.sin(slope)

    def draw(self, throttle: float) -> None:
        if throttle:
            self._flame(throttle)
        cabin = [(-15, 26), (-9, 40), (8, 40), (16, 26)]
        self.canvas.polygon(self._points(cabin), BLUE_LIGHT)
        self.canvas.polygon(self._points([(-2, 26), (-2, 40), (1, 40), (1, 26)]), BLUE_DARK)
        self.canvas.line(self._at(-22, 15), self._at(22, 15), 10 * CAR_SCALE, BLUE_DARK)
        self.canvas.line(self._at(-24, 21), self._at(24, 21), 13 * CAR_SCALE, BLUE)
        for wheel in (-16, 16):
            self.canvas.circle(self._at(wheel, 9), 9.5 * CAR_SCALE, TYRE)
            self.canvas.circle(self._at(wheel, 9), 4 * CAR_SCALE, HUB)

    def _flame(self, throttle: float) -> None:
        """Behind the car, as long as the engine pushes hard."""
        side, length = -math.copysign(1, throttle), 10 + 26 * abs(throttle)
        for width, reach, color in ((7, length, AMBER), (4, 0.6 * length, AMBER_LIGHT)):
            base, tip = side * 28, side * (30 + reach)
            self.canvas.polygon(self._points([(base, 20 - width), (tip, 20), (base, 20 + width)]), color)

    def _at(self, along: float, above: float) -> Point:
        x, y = self.foot
        along, above = CAR_SCALE * along, CAR_SCALE * above
        return x + along * self.cos - above * self.sin, y - along * self.sin - above * self.cos

    def _points(self, points: list[tuple[int, int]] | list[Point]) -> list[Point]:
        return [self._at(along, above) for along, above in points]
