"""What an agent sees of Maze3D: 40 × 40 pixels, put together from columns that were drawn beforehand."""

from __future__ import annotations

import numpy as np

from envs.pictures.raycast import EYE, FORWARD, Raycaster
from envs.task import Array

PX = 40
FOCAL = PX / 2  # pixels: a view of 90°
NEARNESS = 8 * FOCAL * EYE
"""A column of a wall at distance z is drawn for `NEARNESS / z`, rounded: 1/8 pixel of half its height."""
CLOSEST = 0.75
"""Nearer walls look the same: they fill the column."""
HALF_WIDTH = 0.7
"""Of all things; what they look like is drawn for `SLICES` distances from their middle."""
SLICES = 8
GOAL_HEIGHT, BALL_MIDDLE, SPIKE_HEIGHT = 1.8, 0.75, 1.5

MATERIALS = np.array(
    [(204, 184, 140), (188, 122, 98), (170, 112, 186), (84, 156, 156), (160, 160, 166), (146, 142, 84)]
)
LIGHT = np.array([1.0, 0.7, 0.85, 0.55])  # of the sides: a compass for who remembers
PILLAR = 0.6  # the ends of walls are darker
GOAL, GOOD, BAD = (255, 214, 50), (50, 235, 90), (245, 40, 50)
SKY, FLOOR = ((196, 220, 250), (92, 148, 240)), ((44, 40, 38), (112, 102, 92))  # at the horizon, near

_levels = round(NEARNESS / CLOSEST) + 1
_distances = NEARNESS / np.maximum(np.arange(_levels), 0.5)  # of the levels
_rows = np.arange(PX) + 0.5


def fog(distance: Array) -> Array:
    """The share of light that comes through."""
    return 0.45 + 0.55 * np.exp(-distance / 12)


def _background() -> Array:
    """Sky and floor, (3, rows)."""
    depth = np.abs(_rows - FOCAL) / FOCAL
    (far_up, near_up), (far_down, near_down) = np.array(SKY)[..., None], np.array(FLOOR)[..., None]
    up, down = far_up + depth * (near_up - far_up), far_down + depth * (near_down - far_down)
    return np.where(_rows < FOCAL, up, down)


def _wall_columns() -> Array:
    """For each material, side, part (wall, pillar) and level: a column (…, 3 · rows) uint8."""
    half = FOCAL * EYE / _distances  # pixels above the horizon
    cover = np.clip(half[:, None] + 0.5 - np.abs(_rows - FOCAL), 0, 1)[:, None]  # (levels, 1, rows)
    shades = LIGHT[:, None, None] * np.array([1.0, PILLAR])[:, None] * fog(_distances)  # (4, 2, levels)
    colors = MATERIALS[:, None, None, None] * shades[..., None]  # (materials, 4, 2, levels, 3)
    columns = colors[..., None] * cover + _background() * (1 - cover)
    return np.rint(columns).astype(np.uint8).reshape(-1, 3 * PX)


def _thing_columns() -> tuple[Array, Array]:
    """For each kind, slice and level: the colours of a column and where they cover it, (…, 3 · rows)."""
    u = ((np.arange(SLICES) + 0.5) / SLICES)[:, None, None]
    y = EYE + (FOCAL - _rows) * _distances[:, None] / FOCAL  # (levels, rows): heights above the floor
    goal = (y > 0) & (y < GOAL_HEIGHT) & (u < 2)
    ball = u**2 + ((y - BALL_MIDDLE) / HALF_WIDTH) ** 2 < 1
    spike = (y > 0) & (y < SPIKE_HEIGHT * (1 - u))
    cover = np.stack([goal, ball, spike])  # (kinds, slices, levels, rows)
    shade = np.stack([0.75 + 0.25 * (u < 0.5) + 0 * y, 0.7 + 0.3 * (u < 0.5) + 0 * y, 1 - 0.4 * u + 0 * y])
    colors = np.array([GOAL, GOOD, BAD])[:, None, None, :, None] * shade[..., None, :]
    whole = np.broadcast_to(cover[..., None, :], colors.shape)
    return np.rint(colors).astype(np.uint8).reshape(-1, 3 * PX), whole.reshape(-1, 3 * PX).copy()


_WALLS = _wall_columns()
_THINGS, _COVER = _thing_columns()


def level(distance: Array) -> Array:
    """The number of the column that is drawn for what is at this distance, int64."""
    nearness = NEARNESS / np.maximum(distance, np.float32(CLOSEST))
    nearness += np.float32(0.5)
    return nearness.astype(np.int64)


class View:
    """Draws what is seen in mazes of `size` cells; `kinds` (things,) are 0: goal, 1: good, 2: bad."""

    def __init__(self, size: int, kinds: Array) -> None:
        self._rays, self._kinds = Raycaster(size, PX), kinds

    def draw(self, spot: Array, heading: Array, maps: Array, things: Array) -> Array:
        """The pictures (some, 3, 40, 40) uint8, a view of other memory order.

        Args:
            spot, heading, maps: as for `Raycaster.cast`.
            things: where they are, (2, some, things) float32.
        """
        distance, surface, along = self._rays.cast(spot, heading, maps)
        pillar = (along.astype(np.int32) & 3) == 0  # blocks 0, 4, 8, … of a wall
        surface *= 2
        surface += pillar
        surface *= _levels
        surface += level(distance)
        columns = _WALLS.take(surface.reshape(-1), 0)  # (some · 40, 3 · 40)
        self._add_things(columns, spot, heading, things, distance)
        return columns.reshape(-1, PX, 3, PX).transpose(0, 2, 3, 1)

    def _add_things(
        self, columns: Array, spot: Array, heading: Array, things: Array, distance: Array
    ) -> None:
        x, y = things - spot[..., None]  # (some, things) each
        cos, sin = FORWARD.take(heading, 1)[..., None]
        ahead, aside = x * cos + y * sin, y * cos - x * sin
        inside = (ahead > 0.1) & (np.abs(aside) < ahead + HALF_WIDTH) & (ahead < distance.max(1)[:, None])
        row, thing = np.nonzero(inside)
        if not len(row):
            return
        far_first = np.argsort(-ahead[row, thing], kind="stable")
        row, thing = row[far_first], thing[far_first]
        z, x = ahead[row, thing], aside[row, thing]  # (in sight,)
        off = np.abs(self._rays.slants * z[:, None] - x[:, None])  # (in sight, 40): from their middles
        seen, column = np.nonzero((off < HALF_WIDTH) & (z[:, None] < distance[row]))
        part = (off[seen, column] * (SLICES / HALF_WIDTH)).astype(np.int64)
        picture = ((self._kinds[thing] * SLICES)[seen] + part) * _levels + level(z)[seen]
        self._lay(columns, row[seen] * PX + column, picture)

    def _lay(self, columns: Array, where: Array, picture: Array) -> None:
        """Lay pictures of things over columns, in order; several may lie over the same column."""
        first = np.empty(len(columns), np.int64)
        while len(where):
            number = np.arange(len(where))
            first[where[::-1]] = number[::-1]  # of those over the same column the first one stays
            now = first[where] == number
            there, what = where[now], picture[now]
            columns[there] = np.where(_COVER[what], _THINGS[what], columns[there])
            where, picture = where[~now], picture[~now]
