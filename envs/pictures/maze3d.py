"""What people see of Maze3D: the same view with bricks, tiles, light and shadow, and a map in the corner."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from envs.palette import AMBER, PALE, WHITE
from envs.pictures.maze3d_view import (
    BAD,
    BALL_MIDDLE,
    GOAL,
    GOAL_HEIGHT,
    GOOD,
    HALF_WIDTH,
    LIGHT,
    MATERIALS,
    SPIKE_HEIGHT,
)
from envs.pictures.raycast import EYE, FORWARD, FREE, HEADINGS, PITCH, RIGHT, Raycaster
from envs.task import Array

if TYPE_CHECKING:
    from envs.canvas import Canvas

WIDTH, HEIGHT = 320, 200
FOCAL = WIDTH / 2  # as for the agent, a view of 90° from left to right
SKY_ZENITH, SKY_HORIZON = np.array([38, 74, 160.0]), np.array([206, 222, 244.0])
TILES = np.array([[126, 116, 104], [108, 99, 90]], np.float32)
HAZE = np.array([150, 158, 176], np.float32)
STONES, SHADES = MATERIALS.astype(np.float32), (0.8 * LIGHT + 0.2).astype(np.float32)
SHADOW = (20, 30, 60)
MAP_PX = 116

_down = (np.arange(HEIGHT) + 0.5 - HEIGHT / 2).astype(np.float32)[:, None]  # (rows, 1) from the horizon


def _haze(distance: Array) -> Array:
    """The share of light that comes through the air."""
    return np.exp(-distance / 26)[..., None]


def _noise(x: Array, y: Array) -> Array:
    """A fixed number in [0, 1) for each pair of whole numbers."""
    return np.modf(np.abs(np.sin(x * 12.99 + y * 78.23) * 43.75))[0]


class Scene:
    """Draws the view in mazes of `size` cells, and the map."""

    def __init__(self, size: int, kinds: Array) -> None:
        self._rays, self._kinds, self._size = Raycaster(size, WIDTH), kinds, size

    def picture(self, spot: Array, heading: int, maps: Array, things: Array, time: int) -> Array:
        """The view from `spot` (2,) over `maps` (2, blocks²) with `things` (things, 2): uint8 pixels."""
        seen = self._rays.cast(spot[:, None], np.array([heading]), maps[None])
        distance, surface, along = (part[0] for part in seen)  # (columns,) each
        scene = self._ground(spot, heading)
        half = FOCAL * EYE / distance
        rows, columns = np.nonzero(np.abs(_down) < half + 0.5)
        wall = _bricks(
            EYE - _down[rows, 0] * distance[columns] / FOCAL,
            along[columns],
            surface[columns],
            distance[columns],
        )
        cover = (half[columns] + 0.5 - np.abs(_down[rows, 0])).clip(0, 1)[:, None]
        scene[rows, columns] += (wall - scene[rows, columns]) * cover
        away = things - spot
        ahead, aside = away @ FORWARD[:, heading], away @ RIGHT[:, heading]
        for thing in np.argsort(-ahead):
            if 0.2 < ahead[thing] < distance.max():
                self._stand(
                    scene, int(self._kinds[thing]), float(ahead[thing]), float(aside[thing]), distance, time
                )
        return scene.clip(0, 255).astype(np.uint8)

    def _ground(self, spot: Array, heading: int) -> Array:
        """Sky above, tiles below: (rows, columns, 3) float32."""
        scene = np.empty((HEIGHT, WIDTH, 3), np.float32)
        middle = HEIGHT // 2
        up = (-_down[:middle, :, None] / middle) ** 0.7
        sky = SKY_HORIZON + up * (SKY_ZENITH - SKY_HORIZON)
        angle = heading * 2 * math.pi / HEADINGS + np.arctan(self._rays.slants)  # (columns,)
        waves = np.sin(3 * angle) + np.sin(7 * angle + 1) / 2 + np.sin(17 * angle + 2) / 4
        clouds = (waves - np.abs(up[..., 0] - 0.45) * 6).clip(0, 1) * 0.5
        scene[:middle] = sky + clouds[..., None] * (255 - sky)
        distance = FOCAL * EYE / _down[middle:]  # (rows, 1)
        x, y = (
            spot[axis] + distance * (FORWARD[axis, heading] + RIGHT[axis, heading] * self._rays.slants)
            for axis in (0, 1)
        )
        tile = (np.floor(x) + np.floor(y)).astype(np.int64) & 1
        light = 0.9 + 0.2 * _noise(np.floor(x), np.floor(y))
        gap = np.minimum(np.abs(x - np.rint(x)), np.abs(y - np.rint(y)))
        light *= 1 - 0.35 * (1 - gap / (0.03 + distance / 300)).clip(0, 1) * np.exp(-distance / 6)
        scene[middle:] = HAZE + (TILES[tile] * light[..., None] - HAZE) * _haze(distance)
        return scene

    def _stand(self, scene: Array, kind: int, ahead: float, aside: float, distance: Array, time: int) -> None:
        """Draw a thing and its shadow where no wall is nearer."""
        reach = 2.2 * HALF_WIDTH
        left, right = ((FOCAL * (aside + side) / ahead + WIDTH / 2) for side in (-reach, reach))
        columns = np.arange(max(0, int(left)), min(WIDTH, int(right) + 1))
        columns = columns[distance[columns] > ahead]
        if not len(columns):
            return
        u = self._rays.slants[columns] * ahead - aside  # (columns,) from its middle line
        y = EYE - _down * ahead / FOCAL  # (rows, 1) above the floor
        shadow = (1.2 - np.hypot(u / HALF_WIDTH, y / 0.16)).clip(0, 1) * 0.55
        part = scene[:, columns]
        part *= 1 - shadow[..., None]
        color, cover = (_gate, _ball, _spike)[kind](u, y, FOCAL / ahead, time)
        part += (color - part) * cover[..., None]
        scene[:, columns] = part

    def map(self, maps: Array, visited: Array) -> Array:
        """The maze from above, dark where nobody has been: (blocks, blocks, 3) uint8, north up."""
        blocks = PITCH * self._size + 1
        plan = maps[0].reshape(blocks, blocks)
        known = np.zeros((blocks, blocks), np.bool_)
        for x, y in np.argwhere(visited).tolist():
            known[PITCH * x : PITCH * (x + 1) + 1, PITCH * y : PITCH * (y + 1) + 1] = True
        wall = plan != FREE
        colors = np.where(wall[..., None], MATERIALS[plan * wall], (226, 222, 214))
        return np.where(known[..., None], colors, (44, 48, 66)).astype(np.uint8).swapaxes(0, 1)


def _bricks(y: Array, along: Array, surface: Array, distance: Array) -> Array:
    """The colours of points on walls, (points, 3): rows of bricks, and smooth pillars between them."""
    row = np.floor(y / 0.25)
    u = along / 0.5 + row * 0.5
    brick = np.floor(u)
    edge = np.minimum(np.abs(u - np.rint(u)) * 0.5, np.abs(y / 0.25 - np.rint(y / 0.25)) * 0.25)
    sharp = np.exp(-distance / 7)
    mortar = (1 - edge / (0.012 + distance / 500)).clip(0, 1) * sharp
    pillar = along % PITCH < 1
    grain = (_noise(brick, row + (surface & 3).astype(np.float32)) - 0.5) * 0.3 * sharp
    light = np.where(pillar, 0.72 + 0.25 * np.sin(along % PITCH * math.pi), 1 + grain - 0.45 * mortar)
    light *= 0.7 + 0.3 * (y / 0.5).clip(0, 1)  # it is darker at the foot of a wall
    light *= SHADES[surface & 3]
    color = STONES[surface >> 2] * light[:, None]
    return HAZE + (color - HAZE) * _haze(distance)


def _gate(u: Array, y: Array, px: float, time: int) -> tuple[Array, Array]:
    """A golden gate full of light; `px` pixels are one unit."""
    top = GOAL_HEIGHT - 0.35 * (u / HALF_WIDTH) ** 2
    inside = np.minimum(np.minimum(HALF_WIDTH - np.abs(u), top - y), y + 0 * u)  # from its outline
    glow = 0.93 + 0.07 * np.sin(time * 0.6 + y * 5 + u * 3)
    frame = (1 - (inside - 0.16) * px).clip(0, 1)[..., None]
    light = np.array([255, 250, 214]) * glow[..., None]
    cover = (inside * px + 0.5).clip(0, 1)
    halo = (1 + inside / 0.6).clip(0, 1) ** 2 * 0.45
    return light + (np.array(GOAL) * 0.85 - light) * frame, np.maximum(cover, halo)


def _ball(u: Array, y: Array, px: float, time: int) -> tuple[Array, Array]:
    """A shining green ball, hovering."""
    up = (y - BALL_MIDDLE - 0.05 * math.sin(time * 0.8)) / HALF_WIDTH
    off = np.hypot(u / HALF_WIDTH, up)
    depth = np.sqrt((1 - off**2).clip(0))
    light = (-0.45 * u / HALF_WIDTH + 0.65 * up + 0.6 * depth).clip(0, 1)
    shine = light[..., None] ** 14 * 200
    color = np.array(GOOD) * (0.3 + 0.75 * light[..., None]) + shine
    return color, ((1 - off) * HALF_WIDTH * px + 0.5).clip(0, 1)


def _spike(u: Array, y: Array, px: float, time: int) -> tuple[Array, Array]:
    """A red thorn."""
    half = HALF_WIDTH * (1 - y / SPIKE_HEIGHT)
    inside = np.minimum(half - np.abs(u), y + 0 * u)
    round_ = u / np.maximum(half, 0.05)
    light = (0.75 - 0.45 * round_ - 0.25 * round_**2).clip(0.15, 1) + 0.25 * (np.sin(y * 22) > 0.4)
    return np.array(BAD) * light[..., None], (inside * px + 0.5).clip(0, 1)


def draw_map(canvas: Canvas, plan: Array, spot: Array, heading: int, marks: list[tuple[Array, int]]) -> None:
    """Draw the map in the lower right corner, with the person and `marks`: things (2,) and their kinds."""
    left, top = canvas.width - MAP_PX - 12, canvas.height - MAP_PX - 12
    canvas.rectangle(left - 5, top - 5, MAP_PX + 10, MAP_PX + 10, (16, 18, 28), 6)
    canvas.image(plan, left, top, MAP_PX, MAP_PX)
    scale = MAP_PX / len(plan)
    for place, kind in marks:
        canvas.circle((left + place[0] * scale, top + place[1] * scale), 4, (GOAL, GOOD, BAD)[kind])
    ahead, right = FORWARD[:, heading] * 8, RIGHT[:, heading] * 5
    here = np.array([left, top]) + spot * scale
    tip, tails = here + ahead, (here - ahead * 0.7 + right, here - ahead * 0.7 - right)
    for grow, color in ((1.35, (16, 18, 28)), (1.0, AMBER)):
        canvas.polygon([tuple((here + (p - here) * grow).tolist()) for p in (tip, *tails)], color)


def draw_numbers(canvas: Canvas, score: float, time: int) -> None:
    """The score in the upper left corner, the steps taken in the upper right one."""
    shown = f"{score:.1f}".replace("-", "−")
    for anchor, x, label, number in (
        ("topleft", 20, "SCORE", shown),
        ("topright", canvas.width - 20, "TIME", str(time)),
    ):
        for shift, ink in ((1, SHADOW), (0, None)):
            canvas.text(label, (x + shift, 18 + shift), 18, ink or PALE, anchor, bold=True)
            canvas.text(number, (x + shift, 34 + shift), 44, ink or WHITE, anchor, bold=True)
