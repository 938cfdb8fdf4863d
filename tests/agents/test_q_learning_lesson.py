"""The lesson about Q-learning: the table becomes the true values, and DQN the same table."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from agents.lessons.grid_world import CELLS, FREE, GridWorld, exact, move
from agents.lessons.q_learning import DISCOUNT, EARLY, STEPS, best_in, deep_q_learning, q_learning, worst


@pytest.mark.parametrize("seed", range(5))
def test_the_table_becomes_the_true_values(seed: int) -> None:
    truth = exact(DISCOUNT)
    learning = enumerate(q_learning(np.random.default_rng(seed)), start=1)
    early, last = (table.copy() for step, table in islice(learning, STEPS) if step in (EARLY, STEPS))
    assert best_in(early, truth) < best_in(last, truth) == len(FREE)
    assert worst(last, truth) < 0.01 < worst(early, truth)


def test_dqn_learns_the_same_table() -> None:
    truth = exact(DISCOUNT)
    deep = deep_q_learning(seed=0, steps=4_000)
    assert best_in(deep, truth) >= len(FREE) - 1
    assert worst(deep, truth) < 0.1


def test_the_world_is_worth_less_with_every_step_from_the_goal() -> None:
    truth = exact(DISCOUNT)
    assert truth[0, 5].max() == pytest.approx(1.0)
    assert truth[0, 0].max() == pytest.approx(DISCOUNT**5)


def test_walls_and_borders_stop_and_ends_end() -> None:
    assert move((0, 0), 0) == ((0, 0), 0.0, False)
    assert move((0, 1), 2) == ((0, 1), 0.0, False)
    assert move((0, 5), 1) == ((0, 6), 1.0, True)
    assert move((1, 5), 1) == ((1, 6), -1.0, True)


def test_the_grid_world_is_an_environment() -> None:
    world = GridWorld()
    check_env(world, skip_render_check=True)
    observation, _ = world.reset(seed=1)
    assert observation.sum() == 1
    assert observation.shape == (CELLS.size,)
