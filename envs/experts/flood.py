"""Distances on many small boards at once, by flooding them from the goal: for the experts of grid worlds."""

from __future__ import annotations

import numpy as np

from envs.task import Array

FAR = int(np.iinfo(np.int16).max)
"""The distance of what cannot be reached."""


def distances(free: Array, goal: Array, width: int) -> Array:
    """Steps from each cell to the nearest goal through free cells, four neighbours each; FAR without a way.

    Args:
        free, goal: (boards, cells) bool, cells row by row. The cells at the edge of a board must not be free,
            so that neighbours by number are neighbours on the board.
        width: cells in a row.

    Returns:
        (boards, cells) int16; a goal need not be free.
    """
    distance = np.where(goal, 0, FAR).astype(np.int16)
    front, unseen, steps = goal, free & ~goal, 0
    near = np.zeros_like(free)
    while front.any():
        steps += 1
        near[:, width:] = front[:, :-width]
        near[:, :width] = False
        near[:, :-width] |= front[:, width:]
        near[:, 1:] |= front[:, :-1]
        near[:, :-1] |= front[:, 1:]
        front = near & unseen
        unseen &= ~front
        distance[front] = steps
    return distance
