"""The field of Breakout: its measures and colours, what lies where, and its picture for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from envs import palette
from envs.task import Array

if TYPE_CHECKING:
    from envs.canvas import Canvas

# Lengths are pixels of the small picture, from its upper left corner; y down. The ball is 2 × 2.
MIDDLE, SIDE = 20.0, 19.0  # the middle of the ball is within SIDE of the MIDDLE
CEILING, FRONT, LOST = 4.0, 36.0, 39.0  # y of the ball at the upper wall, at the paddle, and behind it
SPEED = 1.9  # along y, always; less than a brick's height, so that none is ever passed
REACH = 5.0  # the ball is hit up to so far from the middle of the paddle, of 8 pixels
PADDLE_SPEED, PADDLE_LIMIT = 2.0, 16.0

COLUMNS, MAX_ROWS, MAX_LIVES = 10, 6, 10
BRICK_WIDTH, BRICK_HEIGHT = 4, 2
CELL_ROWS, FIRST_ROW, CELLS_Y = 12, 2, 3  # the grid of cells, with empty ones above and below the bricks
BRICKS_Y = CELLS_Y + BRICK_HEIGHT * FIRST_ROW

COLORS = ((230, 60, 60), (240, 140, 40), (220, 210, 60), (70, 190, 90), (60, 130, 240), (170, 90, 230))
PADDLE, LIFE, GREY = (80, 200, 200), (240, 80, 120), (90, 90, 100)

# What is written into the small pictures. "Pixels" count through the flat one from the upper left corner.
_columns = np.arange(40)
_paddles = np.abs(_columns - 19.5 - np.arange(-16, 17, 2)[:, None]) < 4
_lives = (_columns % 4 < 2) & (np.arange(MAX_LIVES + 1)[:, None] > _columns // 4)
PADDLE_ROWS = (_paddles[:, None] * np.array(PADDLE)[:, None]).astype(np.uint8)  # (places, 3, 40)
LIFE_ROWS = (_lives[:, None] * np.array(LIFE)[:, None]).astype(np.uint8)  # (lives, 3, 40)
BALL_PIXELS = np.array([c * 1600 + r * 40 + d for c in range(3) for r in (0, 1) for d in (0, 1)])
BRICK_PIXELS = np.array([c * 1600 + r * 40 + d for c in range(3) for r in (0, 1) for d in range(4)])

_TOUCH = 1e-6  # sides that touch do not overlap, whatever is lost by rounding
_ACROSS = np.array([[0], [_TOUCH - 1], [1 - _TOUCH]])  # the middle of the ball's side and its ends
_PX = 12.0
_DOWN = 84.0 - CELLS_Y * _PX  # the field begins below the score
FIELD_AREA = (0.0, _DOWN, 40 * _PX, 40 * _PX)  # where the small picture lies in that for people


def between_walls(x: Array, vx: Array) -> tuple[Array, Array]:
    """Positions and velocities after at most one reflection at a side wall."""
    off = x - MIDDLE
    beyond = np.abs(off) >= SIDE
    return np.where(beyond, MIDDLE + np.copysign(2 * SIDE, off) - off, x), np.where(beyond, -vx, vx)


def ahead(position: Array, velocity: Array, start: int, size: int) -> tuple[Array, Array]:
    """The line of cells at the leading side of the ball, and where that is: -1 or 1."""
    heading = np.copysign(1.0, velocity)
    return ((position + heading * (1 - _TOUCH) - start) * (1 / size)).astype(np.intp), heading


def beside(position: Array, start: int, size: int) -> Array:
    """The two cells across which the ball's leading side lies, (2, some), first the one with its middle."""
    cells = ((position + _ACROSS - start) * (1 / size)).astype(np.intp)
    cells[1] += cells[2] - cells[0]
    return cells[:2]


def draw_field(canvas: Canvas, flight: list[float], paddle: float, bricks: Array, lives: int) -> None:
    """Draw for people; `flight` is x, y, vx, vy of the ball, `bricks` (rows, columns) bool."""
    x, y, vx, vy = (value * _PX for value in flight)
    canvas.fill(palette.SKY_TOP, palette.SKY_BOTTOM)
    canvas.rectangle(0, 76, 480, 8, palette.TRACK)
    palette.scoreboard(canvas, int(bricks.size - bricks.sum()), "BRICKS")
    for life in range(lives):
        canvas.circle((456 - 26 * life, 40), 9, palette.RED)
    for row, column in np.argwhere(bricks).tolist():
        top = (BRICKS_Y + BRICK_HEIGHT * row) * _PX + _DOWN
        canvas.rectangle(column * BRICK_WIDTH * _PX + 1.5, top + 1.5, 45, 21, COLORS[row], radius=4)
    canvas.rectangle((paddle - 4) * _PX, 37 * _PX + _DOWN, 96, 24, palette.BLUE, radius=10)
    for back, opacity in ((0.7, 40), (0.35, 80)):
        canvas.circle((x - vx * back, y - vy * back + _DOWN), 11, (*palette.WHITE, opacity))
    canvas.circle((x, y + _DOWN), 12, palette.WHITE)
