"""Mazes on a square grid of cells, many at once: carved at random, always connected."""

from __future__ import annotations

import numpy as np

from envs.task import Array


def carve(rng: np.random.Generator, count: int, size: int, loops: float = 0.0) -> tuple[Array, Array]:
    """`count` mazes of `size` × `size` cells: random spanning trees and, of the rest, a share `loops`.

    Each tree grows from one cell by the lightest edge that leads out of it (Prim's algorithm), the weights
    being random. All trees grow in lockstep, one cell at a time.

    Returns:
        Whether one can go from cell [x, y] to [x + 1, y], (count, size - 1, size) bool, and from [x, y] to
        [x, y + 1], (count, size, size - 1) bool.
    """
    cells = np.arange(size * size).reshape(size, size)
    one = np.concatenate([cells[:-1].ravel(), cells[:, :-1].ravel()])  # (edges,): the ends of all edges
    other = np.concatenate([cells[1:].ravel(), cells[:, 1:].ravel()])
    weights = rng.random((count, len(one)))
    passages = rng.random((count, len(one))) < loops
    inside = np.zeros((count, size * size), np.bool_)
    inside[:, 0] = True
    mazes = np.arange(count)
    for _ in range(size * size - 1):
        leads_out = inside.take(one, 1) != inside.take(other, 1)
        edge = np.where(leads_out, weights, 2.0).argmin(1)
        passages[mazes, edge] = True
        inside[mazes, one[edge]] = True
        inside[mazes, other[edge]] = True
    east, south = np.split(passages, 2, axis=1)
    return east.reshape(count, size - 1, size), south.reshape(count, size, size - 1)


def spread(reached: Array, east: Array, south: Array) -> Array:
    """The cells `reached` (count, size, size) bool and those that are one passage away from them."""
    wider = reached.copy()
    wider[:, 1:] |= reached[:, :-1] & east
    wider[:, :-1] |= reached[:, 1:] & east
    wider[:, :, 1:] |= reached[:, :, :-1] & south
    wider[:, :, :-1] |= reached[:, :, 1:] & south
    return wider


def blocks(east: Array, south: Array, pitch: int) -> Array:
    """Where walls stand, one block thick, with a cell's corner every `pitch` blocks: (count, n, n) bool.

    n is `pitch` · size + 1; blocks are counted as [x, y].
    """
    count, size = len(east), east.shape[2]
    lines = np.ones((count, 2 * size + 1, 2 * size + 1), np.bool_)  # even: the lines of walls; odd: cells
    lines[:, 1::2, 1::2] = False
    lines[:, 2:-1:2, 1::2] = ~east
    lines[:, 1::2, 2:-1:2] = ~south
    wide = np.arange(pitch * size + 1)
    line = 2 * (wide // pitch) + (wide % pitch > 0)
    return lines[:, line[:, None], line]
