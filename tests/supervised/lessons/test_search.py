"""The lesson about searching: only one setting matters, so that nine values of it beat three."""

from __future__ import annotations

import numpy as np
import pytest

from sandbox.data.catalog import load
from sandbox.supervised.lessons.search import DECAYS, RATES, Map, grid, read, replayed, scattered, surveyed


def test_the_rate_matters_the_decay_does_not_and_chance_finds_more() -> None:
    ground = surveyed(load("digits"), columns=12, rows=2, seed=0)
    assert np.ptp(ground.scores.mean(axis=0)) > 60
    assert np.ptp(ground.scores, axis=0).mean() < 6
    by_grid, at_random = replayed(ground, 3, 500, np.random.default_rng(0)).mean(axis=0)
    assert at_random > by_grid + 3


def test_both_searches_have_as_many_trials_and_stay_in_the_space() -> None:
    draw = np.random.default_rng(0)
    for places in (grid(3), grid(3, (0.0, 1.0)), scattered(9, draw)):
        assert places.shape == (9, 2)
        assert (places >= [RATES[0], DECAYS[0]]).all()
        assert (places <= [RATES[1], DECAYS[1]]).all()
    assert len(np.unique(grid(3)[:, 0])) == 3
    assert len(np.unique(scattered(9, draw)[:, 0])) == 9


def test_the_map_is_read_straight_between_its_points() -> None:
    ground = Map(np.array([-4.0, 1.0]), np.array([-6.0, -2.0]), np.array([[0.0, 10.0], [20.0, 30.0]]))
    assert read(ground, np.array([[-4.0, -6.0], [1.0, -2.0], [-1.5, -4.0]])) == pytest.approx([0, 30, 15])
