"""The scripted player of Maze3D: it draws a map from what it sees, and walks through the middles of cells."""

from __future__ import annotations

from typing import Any

import numpy as np

from envs.experts.episodes import begins
from envs.pictures.maze3d_view import FOCAL, GOAL_HEIGHT, HALF_WIDTH, PX, SKY
from envs.pictures.raycast import EYE, FORWARD, HEADINGS, PITCH, RIGHT
from envs.task import Array

OPEN, CLOSED = 1, 2  # of edges between cells; 0: unknown
FAR_OFF = 14.0  # what is farther is not measured well enough
HALF_CORRIDOR = (PITCH - 1) / 2
_QUARTER = HEADINGS // 4
_SLANTS = (np.arange(PX) + 0.5) / FOCAL - 1
_TURN_LEFT, _TURN_RIGHT, _AHEAD = 1, 2, 3
_HERE = np.array([[1, 0], [0, 1], [-1, 0], [0, -1]])  # the way in each quarter


def distances(pictures: Array) -> Array:
    """How far the walls are in each column of (some, 3, 40, 40) pixels: (some, 40); 0: something hides them.

    The share of the upper half that the wall covers tells; its lowest row is always wall.
    """
    upper = pictures[:, :, : PX // 2].astype(np.float32)
    far, near = np.array(SKY, np.float32)[..., None]
    height = 1 - (np.arange(PX // 2) + 0.5) / FOCAL
    sky = (far + height * (near - far))[..., None]  # (3, 20, 1)
    span = upper[:, :, -1:] - sky
    cover = ((upper - sky) * span).sum(1) / (span * span).sum(1)
    half = cover.clip(0, 1).sum(1)  # (some, 40) pixels
    goal, good, bad = things(pictures)
    thing: Array = goal | good | bad
    return np.where(thing[:, : PX // 2].any(1), 0, FOCAL * EYE / half)


def things(pictures: Array) -> tuple[Array, Array, Array]:
    """Which pixels show the goal, something good, something bad: (some, 40, 40) bool each."""
    red, green, blue = pictures.astype(np.int32).swapaxes(0, 1)
    goal = (5 * red > 14 * blue) & (2 * green > 5 * blue) & (5 * green > 3 * red)
    good = (5 * green > 8 * red) & (2 * green > 3 * blue)
    return goal, good, (red > 3 * green) & (red > 3 * blue)


class Mapper:
    """Maps of `some` mazes, with the start in the middle and the first view to the east."""

    def __init__(self, some: int, size: int) -> None:
        self.middle, self.rows = size, np.arange(some)
        wide = 2 * size + 1
        self.edges = np.zeros((some, 2, wide, wide), np.int8)  # from [x, y] to the east, to the south
        self.been = np.zeros((some, wide, wide), np.bool_)
        self.goal, self.good = self.been.copy(), self.been.copy()
        self.spot, self.heading = np.zeros((2, some)), np.zeros(some, np.int64)
        self.action = np.zeros(some, np.int64)

    def forget(self, who: Array) -> None:
        """Begin anew where `who` is true."""
        for part in (self.edges, self.been, self.goal, self.good, self.heading, self.action):
            part[who] = 0
        self.spot[:, who] = 0

    def look(self, pictures: Array) -> None:
        """Follow the last action, and note what is seen now."""
        self.heading += (self.action == _TURN_RIGHT).astype(int) - (self.action == _TURN_LEFT)
        self.heading %= HEADINGS
        self.spot += np.rint(FORWARD[:, self.heading]) * 2 * (self.action == _AHEAD)
        depth = distances(pictures)
        self._see_walls(depth)
        for there, seen, height in zip(
            (self.goal, self.good), things(pictures)[:2], (GOAL_HEIGHT, 2 * HALF_WIDTH), strict=True
        ):
            self._see_things(there, seen, height, depth)
        x, y = self.cells()
        self.been[self.rows, x, y] = True
        self.goal[self.been] = self.good[self.been] = False

    def cells(self) -> Array:
        """Where in the maps the players are, (2, some)."""
        return np.rint(self.spot / PITCH).astype(np.int64) + self.middle

    def _rays(self) -> Array:
        return FORWARD[:, self.heading, None] + RIGHT[:, self.heading, None] * _SLANTS  # (2, some, 40)

    def _see_walls(self, depth: Array) -> None:
        rays = self._rays()
        rays = np.where(np.abs(rays) < 1e-3, 1e-3, rays)
        sign = np.sign(rays)
        place = self.spot[..., None] * sign
        first = np.ceil((place - HALF_CORRIDOR) / PITCH)  # cells, along the ray
        number = first + np.arange(4)[:, None, None, None]  # (4, 2, some, 40): crossings
        at = (number * PITCH + HALF_CORRIDOR - place) / np.abs(rays)
        across = self.spot[::-1, :, None] + at * rays[::-1]
        lane = np.rint(across / PITCH)
        error = 0.05 + 0.004 * depth**2
        clear = np.abs(across - PITCH * lane) < HALF_CORRIDOR - 0.15
        passed = clear & (at < np.minimum(depth - error, FAR_OFF))
        off: Array = np.abs(at - depth)
        hit = clear & (off < error) & (depth < FAR_OFF)
        near_other = (off.min(0) < 2 * error + 0.3)[::-1]  # it might be the other axis's wall
        edge = np.where(sign > 0, number, -number - 1)
        for mark, which in ((OPEN, passed), (CLOSED, hit & ~near_other)):
            _, axis, row, _ = index = np.nonzero(which)
            along, aside = (part[index].astype(np.int64) + self.middle for part in (edge, lane))
            x, y = np.where(axis == 0, along, aside), np.where(axis == 0, aside, along)
            limit = 2 * self.middle
            self.edges[row, axis, x.clip(0, limit), y.clip(0, limit)] = mark

    def _see_things(self, there: Array, seen: Array, height: float, depth: Array) -> None:
        """Note the cells of things that the pixels `seen` (some, 40, 40) show."""
        tall = seen.sum(1)  # (some, 40) pixels
        wide = np.maximum(tall[:, 1:-1], np.maximum(tall[:, :-2], tall[:, 2:]))
        row, column = np.nonzero((tall[:, 1:-1] > 1) & (tall[:, 1:-1] == wide) & (tall[:, 1:-1] < 15))
        away = FOCAL * height / wide[row, column]
        x, y = self.spot[:, row] + self._rays()[:, row, column + 1] * away
        cell = np.rint(np.stack([x, y]) / PITCH).astype(np.int64) + self.middle
        there[row, *cell.clip(0, 2 * self.middle)] = True

    def act(self) -> Array:
        """Go to what is near and wanted; where nothing is known, where it is not known what comes."""
        search = np.where(self.goal.any((1, 2)), 12.0, 4.0)  # rather go where the goal was seen
        costs = self._costs(search)
        x, y = self.cells()
        wishes = np.full((4, len(self.rows)), np.inf)
        for quarter, (dx, dy) in enumerate(_HERE):
            edge = self.edges[self.rows, quarter % 2, x - (dx < 0), y - (dy < 0)]
            turns = np.abs((quarter * _QUARTER - self.heading + 6) % HEADINGS - 6)
            there = costs[self.rows, (x + dx).clip(0, 2 * self.middle), (y + dy).clip(0, 2 * self.middle)]
            cost = np.select([edge == OPEN, (edge == 0) & (turns > 0)], [there, search], 1e6)
            wishes[quarter] = cost + turns / 2
        turn = (wishes.argmin(0) * _QUARTER - self.heading + 6) % HEADINGS - 6
        turn[wishes.min(0) > 1e5] = 1  # look around
        between = (np.rint(self.spot) % PITCH != 0).any(0)
        turned = np.where(turn > 0, _TURN_RIGHT, _TURN_LEFT)
        self.action = np.where(between | (turn == 0), _AHEAD, turned)
        return self.action.copy()

    def _costs(self, search: Array) -> Array:
        """Steps from each cell to something wanted, over known ways, (some, x, y)."""
        east, south = self.edges[:, 0], self.edges[:, 1]
        unknown = (east == 0) | (south == 0)
        unknown[:, 1:] |= east[:, :-1] == 0
        unknown[:, :, 1:] |= south[:, :, :-1] == 0
        cost = np.where(unknown, search[:, None, None], np.where(self.been, 1e6, 30.0))
        cost[self.goal] = 4.0
        cost[self.good] = 0.0
        before = None
        while before is None or not np.array_equal(before, cost):
            before = cost.copy()
            for axis, passage in ((1, east), (2, south)):
                one, other = np.moveaxis(cost, axis, 0)[:-1], np.moveaxis(cost, axis, 0)[1:]
                gate = np.where(np.moveaxis(passage, axis, 0)[:-1] == OPEN, 2.0, 1e6)
                np.minimum(one, other + gate, out=one)
                np.minimum(other, one + gate, out=other)
        return cost


def play(pictures: Array, memory: dict[str, Any], size: int) -> Array:
    """The actions (some,) for pictures (some, 3, 40, 40); `memory` as in `Task.expert`."""
    mapper = memory.setdefault("mapper", Mapper(len(pictures), size))
    mapper.forget(begins(memory, len(pictures)))
    mapper.look(pictures)
    return mapper.act()
