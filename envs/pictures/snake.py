"""The picture for people of Snake."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from envs.palette import (
    AMBER,
    GREEN,
    GREEN_DARK,
    GREEN_LIGHT,
    GROUND,
    RED,
    SKY_BOTTOM,
    SKY_TOP,
    TYRE,
    UPRIGHT,
    WHITE,
    scoreboard,
)

if TYPE_CHECKING:
    from envs.canvas import Canvas, Point

LEFT, TOP, BOARD_PX = 20, 100, 440
"""Where the board lies in a picture of 480 × 560 pixels."""

Cell = tuple[int, int]
"""Row and column on the board, from 0."""


def draw_snake(
    canvas: Canvas,
    size: int,
    snake: Sequence[Cell],
    apple: Cell | None,
    heading: Cell,
    dead: bool,
    score: int,
) -> None:
    """A board of `size` × `size` cells with a snake, given from tail to head, that looks where it heads."""
    cell = BOARD_PX / size
    canvas.fill(SKY_TOP, SKY_BOTTOM)
    canvas.rectangle(LEFT - 8, TOP - 8, BOARD_PX + 16, BOARD_PX + 16, UPRIGHT, radius=12)
    canvas.rectangle(LEFT, TOP, BOARD_PX, BOARD_PX, GROUND)
    for row in range(size):
        for column in range(row % 2, size, 2):
            canvas.rectangle(LEFT + column * cell, TOP + row * cell, cell, cell, SKY_TOP)
    if apple is not None:
        _apple(canvas, _middle(apple, cell), cell)
    middles = [_middle(part, cell) for part in snake]
    for width, color in ((0.8, GREEN_DARK), (0.62, GREEN)):
        for start, end in pairwise(middles):
            canvas.line(start, end, width * cell, color)
    _head(canvas, middles[-1], heading, cell, dead)
    scoreboard(canvas, score)
    scoreboard(canvas, f"{len(snake)} of {size * size}", "LENGTH", right=True)


def _middle(place: Cell, cell: float) -> Point:
    return LEFT + (place[1] + 0.5) * cell, TOP + (place[0] + 0.5) * cell


def _apple(canvas: Canvas, middle: Point, cell: float) -> None:
    x, y = middle
    canvas.circle((x, y + 0.05 * cell), 0.36 * cell, RED)
    canvas.circle((x - 0.13 * cell, y - 0.08 * cell), 0.07 * cell, AMBER)
    canvas.line((x, y - 0.28 * cell), (x + 0.08 * cell, y - 0.42 * cell), 0.07 * cell, GREEN)


def _head(canvas: Canvas, middle: Point, heading: Cell, cell: float, dead: bool) -> None:
    x, y = middle
    down, right = heading
    canvas.circle(middle, 0.46 * cell, GREEN_DARK)
    canvas.circle(middle, 0.41 * cell, RED if dead else GREEN_LIGHT)
    for side in (-0.2, 0.2):
        eye = (x + (0.14 * right + side * down) * cell, y + (0.14 * down + side * right) * cell)
        canvas.circle(eye, 0.12 * cell, WHITE)
        canvas.circle((eye[0] + 0.04 * right * cell, eye[1] + 0.04 * down * cell), 0.07 * cell, TYRE)
