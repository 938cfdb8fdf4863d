"""Mazes are connected, random, and built of whole walls."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.levels.mazes import blocks, carve, spread


def flood(free: np.ndarray, start: tuple[int, int]) -> np.ndarray:
    """All that can be reached from `start` over true neighbours."""
    reached, todo = np.zeros_like(free), [start]
    while todo:
        x, y = todo.pop()
        if free[x, y] and not reached[x, y]:
            reached[x, y] = True
            todo += [(x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)]
    return reached


@given(seed=st.integers(0, 2**31), size=st.integers(2, 9), loops=st.sampled_from([0.0, 0.15, 1.0]))
def test_every_cell_can_be_reached(seed: int, size: int, loops: float) -> None:
    for walls in blocks(*carve(np.random.default_rng(seed), 3, size, loops), 4):
        np.testing.assert_array_equal(flood(~walls, (2, 2)), ~walls)


def test_without_loops_there_is_one_way_and_with_all_there_are_no_walls() -> None:
    rng = np.random.default_rng(0)
    for loops, passages in ((0.0, 24), (1.0, 40)):
        east, south = carve(rng, 50, 5, loops)
        assert (east.sum((1, 2)) + south.sum((1, 2))).tolist() == [passages] * 50


def test_mazes_differ_and_use_every_passage() -> None:
    east, south = carve(np.random.default_rng(0), 500, 4)
    flat = np.concatenate([east.reshape(500, -1), south.reshape(500, -1)], 1)
    assert len(np.unique(flat, axis=0)) > 450
    assert flat.mean(0) == pytest.approx(np.full(24, 15 / 24), abs=0.15)


def test_walls_stand_where_there_is_no_passage() -> None:
    east, south = np.zeros((1, 1, 2), np.bool_), np.zeros((1, 2, 1), np.bool_)
    east[0, 0, 1] = south[0, 1, 0] = True  # from (0, 1) to (1, 1), from (1, 0) to (1, 1)
    rows = ["#######", "#  #  #", "#  #  #", "####  #", "#     #", "#     #", "#######"]
    expected = np.array([[block == "#" for block in row] for row in rows])  # [y, x]
    np.testing.assert_array_equal(blocks(east, south, 3)[0].T, expected)


def test_spreading_takes_one_passage_a_time() -> None:
    east, south = np.ones((1, 2, 3), np.bool_), np.ones((1, 3, 2), np.bool_)
    east[0, 0, 0] = False  # from the corner one can only go south
    reached = np.zeros((1, 3, 3), np.bool_)
    reached[0, 0, 0] = True
    sizes = []
    for _ in range(5):
        reached = spread(reached, east, south)
        sizes.append(int(reached.sum()))
    assert sizes == [2, 4, 7, 9, 9]
