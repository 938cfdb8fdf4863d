"""Levels for `Rooms`: rooms on a grid with doorways, locked doors and keys, made for whole batches."""

from __future__ import annotations

import numpy as np

from envs.task import Array

FLOOR, WALL, GOAL = 0, 1, 2
KEY, DOOR = 3, 7  # and the MAX_KEYS - 1 that follow: key number i opens door number i
AGENT = 11  # plus a bit for each key in hand: not in levels, but where they are shown
MAX_KEYS = 4
CODES = AGENT + 2**MAX_KEYS

ROOM = 3  # cells along each side of a room
PITCH = ROOM + 1
EXTRA_DOORWAYS = 0.25  # the share of the walls, where nothing is locked out, that have a doorway too


class Dungeon:
    """A generator of levels, each of which can be solved, and only with all keys in turn.

    A random tree joins the rooms, growing from the one in which the episode starts. `keys` of its branches
    are locked, in the order in which they grew, which cuts it into zones: zone 0 with the start, and zone i
    behind door i. Key i lies in zone i - 1, the goal in the last one. Further doorways only join rooms of
    the same zone, so none leads around a locked door.

    Args:
        rooms: the number of rooms in each direction.
        keys: how many keys, and doors that they open, 0 to MAX_KEYS.
        border: cells of solid wall around the level.
    """

    def __init__(self, rooms: int, keys: int, border: int) -> None:
        self.rooms, self.keys, self.border = rooms * rooms, keys, border
        self.side = side = PITCH * rooms + 1 + 2 * border
        row, column = np.divmod(np.arange(self.rooms), rooms)
        self._corners = (border + 1 + PITCH * row) * side + border + 1 + PITCH * column
        down, right = np.flatnonzero(row < rooms - 1), np.flatnonzero(column < rooms - 1)
        # The pairs of neighbours, the first place for a door between them, and the way to the next place.
        self._a, self._b = np.concatenate([down, right]), np.concatenate([down + rooms, right + 1])
        self._doors = self._corners[self._a] + np.repeat([ROOM * side, ROOM], len(down))
        self._strides = np.repeat([1, side], len(down))
        self._places = (np.arange(ROOM)[:, None] * side + np.arange(ROOM)).ravel()  # of the cells of a room
        self._things = np.array([[*range(KEY, KEY + keys), GOAL]], np.uint8)
        self._empty = np.full(side * side, WALL, np.uint8)
        self._empty[self._corners[:, None] + self._places] = FLOOR

    def build(self, rng: np.random.Generator, count: int) -> tuple[Array, Array]:
        """Levels (count, side · side) uint8, and where episodes start in them (count,), as flat numbers."""
        start, zones, walls = self._grow(rng, count)
        spare = (zones[:, self._a] == zones[:, self._b]) & (rng.random(walls.shape) < EXTRA_DOORWAYS)
        walls[spare & (walls == WALL)] = FLOOR
        cells = np.tile(self._empty, (count, 1))
        doors = self._doors + self._strides * rng.integers(0, ROOM, walls.shape)
        np.put_along_axis(cells, doors, walls, 1)

        places = self._places[rng.random((count, ROOM * ROOM)).argsort(1)]  # no two things in one place
        chance = rng.random((count, self.keys + 1, self.rooms))
        np.put_along_axis(chance, start[:, None, None], 1e-6, 2)  # only where its zone has no other room
        chance *= zones[:, None] == np.arange(self.keys + 1)[:, None]
        things = self._corners[chance.argmax(2)] + places[:, : self.keys + 1]
        np.put_along_axis(cells, things, self._things, 1)
        return cells, self._corners[start] + places[:, -1]

    def _grow(self, rng: np.random.Generator, count: int) -> tuple[Array, Array, Array]:
        """A random tree of rooms.

        Returns:
            The room of the start (count,), the zone of each room (count, rooms), and the code of what stands
            between each pair of neighbours (count, pairs).
        """
        each = np.arange(count)
        start = rng.integers(0, self.rooms, count)
        joined = np.zeros((count, self.rooms), np.bool_)
        joined[each, start] = True
        zones, zone = np.zeros((count, self.rooms), np.uint8), np.zeros(count, np.uint8)
        walls = np.full((count, len(self._a)), WALL, np.uint8)
        locked = rng.random((self.rooms - 1, count)).argsort(0) < self.keys  # which branches
        weights = rng.random(walls.shape)
        for lock in locked:
            edge = (weights * (joined[:, self._a] ^ joined[:, self._b])).argmax(1)
            a, b = self._a[edge], self._b[edge]
            forth = joined[each, a]
            old, new = np.where(forth, a, b), np.where(forth, b, a)
            joined[each, new] = True
            zone += lock
            zones[each, new] = np.where(lock, zone, zones[each, old])
            walls[each, edge] = np.where(lock, DOOR - 1 + zone, FLOOR)
        return start, zones, walls
