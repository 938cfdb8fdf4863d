"""The pictures of `Rooms`: small tiles for agents, the whole map for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from envs import palette
from envs.levels.dungeon import AGENT, CODES, DOOR, GOAL, KEY, MAX_KEYS, WALL
from envs.task import Array

if TYPE_CHECKING:
    from envs.canvas import Canvas, Point

COLORS = ((255, 180, 40), (50, 120, 255), (235, 70, 225), (255, 70, 60))  # of the keys and doors
FLOOR_COLOR, WALL_COLOR, AGENT_COLOR = (16, 18, 28), (96, 104, 132), (255, 255, 255)
GOAL_COLOR, GOAL_LIGHT = (50, 200, 90), (190, 255, 200)
INKS = (palette.AMBER, palette.BLUE, (235, 110, 225), palette.RED)
HEADER = 80  # of the picture for people: the map is the square below


def tiles_of(px: int) -> Array:
    """The pictures of all codes, (CODES, 3, px, px) uint8."""
    tiles = np.zeros((CODES, px, px, 3), np.uint8)
    tiles[...] = FLOOR_COLOR
    edge, hole = slice(px // 4, px - px // 4), slice((px - 1) * 3 // 7, px - (px - 1) * 3 // 7)
    tiles[WALL], tiles[GOAL] = WALL_COLOR, GOAL_COLOR
    tiles[GOAL, edge, edge] = GOAL_LIGHT
    for number, color in enumerate(COLORS):
        tiles[KEY + number, edge, edge] = color
        tiles[DOOR + number] = color
        tiles[DOOR + number, hole, hole] = FLOOR_COLOR
    rim, half = px // 8, (px - 2 * (px // 8)) // 2
    tiles[AGENT:, rim : px - rim, rim : px - rim] = AGENT_COLOR
    quarters = (slice(rim, rim + half), slice(px - rim - half, px - rim))
    for hand in range(2**MAX_KEYS):
        for number, color in enumerate(COLORS):
            if hand >> number & 1:
                tiles[AGENT + hand, quarters[number // 2], quarters[number % 2]] = color
    return np.ascontiguousarray(tiles.transpose(0, 3, 1, 2))


def draw_level(canvas: Canvas, level: Array, place: Array, window: int) -> None:
    """The whole map, dimmed where it is out of sight."""
    canvas.fill(palette.SKY_TOP)
    border = window // 2
    size = canvas.width / (len(level) - 2 * border)  # of a cell
    for row, column in np.ndindex(*(np.array(level.shape) - 2 * border)):
        far = np.abs((row + border, column + border) - place).max() > border
        code = int(level[row + border, column + border])
        _draw_cell(canvas, code, column * size, HEADER + row * size, size, far)
    x, y = (place[1] - border + 0.5) * size, HEADER + (place[0] - border + 0.5) * size
    canvas.circle((x, y), 0.36 * size, palette.GROUND)
    canvas.circle((x, y), 0.31 * size, palette.WHITE)
    reach = (border + 0.5) * size
    corners = [(x - reach, y - reach), (x + reach, y - reach), (x + reach, y + reach), (x - reach, y + reach)]
    for start, end in zip(corners, corners[1:] + corners[:1], strict=True):
        canvas.line(start, end, 2, palette.WHITE)
    canvas.rectangle(0, 0, canvas.width, HEADER, palette.SKY_TOP)  # the frame may reach beyond the map


def _draw_cell(canvas: Canvas, code: int, x: float, y: float, size: float, far: bool) -> None:
    def shade(color: tuple[int, int, int]) -> tuple[int, int, int]:
        red, green, blue = (
            round(0.4 * part + 0.6 * dark) if far else part
            for part, dark in zip(color, palette.SKY_TOP, strict=True)
        )
        return red, green, blue

    middle = (x + size / 2, y + size / 2)
    if code == WALL:
        canvas.rectangle(x, y, size + 1, size + 1, shade(palette.UPRIGHT))
        return
    canvas.rectangle(x, y, size + 1, size + 1, shade(palette.GROUND))
    if code == GOAL:
        canvas.circle(middle, 0.47 * size, shade(palette.GREEN_DARK))
        canvas.circle(middle, 0.34 * size, shade(palette.GREEN))
        canvas.circle(middle, 0.18 * size, shade(palette.GREEN_LIGHT))
    elif code >= DOOR:
        canvas.rectangle(x + 1, y + 1, size - 2, size - 2, shade(INKS[code - DOOR]), size / 6)
        canvas.circle((middle[0], middle[1] - 0.08 * size), 0.13 * size, shade(palette.TYRE))
        canvas.rectangle(middle[0] - 0.06 * size, middle[1], 0.12 * size, 0.24 * size, shade(palette.TYRE))
    elif code >= KEY:
        draw_key(canvas, middle, size, shade(INKS[code - KEY]))


def draw_key(canvas: Canvas, middle: Point, size: float, color: tuple[int, int, int]) -> None:
    x, y = middle
    canvas.circle((x - 0.17 * size, y), 0.17 * size, color, width=0.08 * size)
    canvas.line((x, y), (x + 0.34 * size, y), 0.09 * size, color)
    for bit in (0.2, 0.33):
        canvas.line((x + bit * size, y), (x + bit * size, y + 0.14 * size), 0.08 * size, color)
