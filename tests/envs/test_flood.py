"""Distances of the flood equal those of a search cell by cell."""

from __future__ import annotations

from collections import deque

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.experts.flood import FAR, distances


def slow_distances(free: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """Breadth first search on one board, (height, width) each."""
    found = np.where(goal, 0, FAR)
    queue = deque(zip(*np.nonzero(goal), strict=True))
    while queue:
        row, column = queue.popleft()
        for place in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
            inside = 0 <= place[0] < free.shape[0] and 0 <= place[1] < free.shape[1]
            if inside and free[place] and found[place] == FAR:
                found[place] = found[row, column] + 1
                queue.append(place)
    return found


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**31),
    height=st.integers(3, 9),
    width=st.integers(3, 9),
    open_share=st.floats(0.3, 1),
    goals=st.integers(0, 3),
)
def test_a_flood_finds_the_shortest_ways(
    seed: int, height: int, width: int, open_share: float, goals: int
) -> None:
    rng = np.random.default_rng(seed)
    free = np.zeros((5, height, width), np.bool_)
    free[:, 1:-1, 1:-1] = rng.random((5, height - 2, width - 2)) < open_share
    goal = np.zeros_like(free)
    for _ in range(goals):
        goal[np.arange(5), rng.integers(1, height - 1, 5), rng.integers(1, width - 1, 5)] = True
    found = distances(free.reshape(5, -1), goal.reshape(5, -1), width)
    expected = [slow_distances(*board) for board in zip(free, goal, strict=True)]
    np.testing.assert_array_equal(found.reshape(free.shape), expected)
