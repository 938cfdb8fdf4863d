"""First-person views of mazes, cast for all episodes at once.

**Geometry.** The unit of length is the thickness of a wall. A maze of `size` × `size` cells has walls on
lines that are `PITCH` units apart, so each corridor is `PITCH - 1` wide, and a map in blocks of one unit has
`PITCH · size + 1` rows and columns. x grows to the east, y to the south, headings clockwise from the east.

**Rays.** A free area can only be left through a side of a wall, and those lie `PITCH` apart too. So instead
of walking from block to block, a ray is two sequences of evenly spaced crossings, with the sides that face
west or east and with those that face north or south; which block stands at each is looked up for all
crossings of all rays in one go, and the first solid one of each sequence is found by a minimum.
"""

from __future__ import annotations

import math

import numpy as np

from envs.task import Array

PITCH = 4
HEADINGS = 12
WALL_HEIGHT = 2.0
EYE = WALL_HEIGHT / 2
FREE = 255
"""What stands in a map where there is no wall; walls are the numbers of their materials, 0 to 14."""
MAX_SIZE = 14
"""Cells: the number of a crossing is kept in four bits, and the highest one means "none"."""

_ANGLES = np.arange(HEADINGS) * (2 * math.pi / HEADINGS)
FORWARD = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)]).astype(np.float32)  # (2, headings)
RIGHT = np.stack([-np.sin(_ANGLES), np.cos(_ANGLES)]).astype(np.float32)
_LEAST = 1e-4  # a ray that is parallel to the walls: nearly so, to have a finite slope


def next_side(place: Array) -> Array:
    """The first multiple of `PITCH` at or beyond `place`: where the next wall in this direction begins."""
    return np.ceil(place / PITCH) * PITCH


class Raycaster:
    """Rays through `columns` evenly spaced columns of a view of 90°, for mazes of one size."""

    def __init__(self, size: int, columns: int) -> None:
        self.blocks = PITCH * size + 1
        self.slants = ((np.arange(columns) + 0.5) * 2 / columns - 1).astype(np.float32)  # -1 left, 1 right
        rays = FORWARD[..., None] + RIGHT[..., None] * self.slants  # (2, headings, columns)
        rays = np.where(np.abs(rays) < _LEAST, np.float32(_LEAST), rays)
        self._back = rays < 0  # towards lower x (y)
        self._inverse = 1 / np.abs(rays)
        self._slope = rays[::-1] * self._inverse  # along the sides for each unit towards them
        self._leap = np.where(self._back, -PITCH * self.blocks, PITCH * self.blocks).astype(np.int32)
        number = np.arange(size)[:, None, None, None]
        self._number, self._order = number.astype(np.int32), (number << 4).astype(np.uint8)
        self._away = (number * PITCH).astype(np.float32)
        self._scratch = [np.empty(0, kind) for kind in (np.float32, np.int32, np.int32, np.uint8)]

    def cast(self, spot: Array, heading: Array, maps: Array) -> tuple[Array, Array, Array]:
        """What the rays from `spot` (2, some) meet at `heading` (some,) in `maps` (some, 2, blocks²) uint8.

        Maps stand [x, y] in the first of each pair, [y, x] in the second.

        Returns:
            distances (some, columns) float32, at right angles to the view, so that flat walls look flat;
            surfaces (some, columns) int64: material · 4 + the side's number (met by who goes east 0,
            west 1, south 2, north 3); and where along the side, (some, columns) float32.
        """
        back, inverse, slope = (
            table.take(heading, 1) for table in (self._back, self._inverse, self._slope)
        )  # (2, some, columns) each
        sides, gap = self._first_sides(spot, back)
        along = gap * slope
        along += spot[::-1, :, None]
        found = self._first_walls(sides, along, slope, self._leap.take(heading, 1), maps)
        ahead = (found >> 4) * np.float32(PITCH)
        distance = (gap + ahead) * inverse
        along += ahead * slope
        surface = (found & 15) * np.int64(4) + back
        surface[1] += 2
        nearer = distance[1] < distance[0]
        return distance.min(0), np.where(nearer, *surface[::-1]), np.where(nearer, *along[::-1])

    def _first_sides(self, spot: Array, back: Array) -> tuple[Array, Array]:
        """Where in the maps the rows of the nearest sides begin, int32, and how far off they are.

        (2 axes, some, columns) each.
        """
        places = np.stack([spot, self.blocks - spot])  # (2 directions, 2 axes, some): back is mirrored
        sides = next_side(places)
        gaps = (sides - places)[..., None]
        rows = sides.astype(np.int32)
        np.subtract(self.blocks - 1, rows[1], out=rows[1])
        rows *= self.blocks
        pairs = np.arange(2 * spot.shape[1], dtype=np.int32).reshape(-1, 2).T  # (2, some)
        rows = (rows + pairs * self.blocks**2)[..., None]
        return np.where(back, rows[1], rows[0]), np.where(back, gaps[1], gaps[0])

    def _first_walls(self, sides: Array, along: Array, slope: Array, leap: Array, maps: Array) -> Array:
        """The number of the first crossing with a wall · 16 + its material: (2, some, columns) uint8.

        Crossings outside of the maze read what stands elsewhere. They don't count, as they lie behind the
        other axis's crossing with the wall around the maze.
        """
        places, blocks, rows, met = self._room((len(self._number), *sides.shape))
        np.multiply(self._away, slope, out=places)
        places += along
        np.copyto(blocks, places, casting="unsafe")
        np.multiply(self._number, leap, out=rows)
        rows += sides
        blocks += rows
        np.take(maps, blocks, out=met, mode="clip")
        met |= self._order
        return met.min(0)

    def _room(self, shape: tuple[int, ...]) -> list[Array]:
        """Arrays to compute in, parts of those for the largest number of episodes so far."""
        count = math.prod(shape)
        if self._scratch[0].size < count:
            self._scratch = [np.empty(count, part.dtype) for part in self._scratch]
        return [part[:count].reshape(shape) for part in self._scratch]
