"""The lesson about a line: all ways lead to the best line; fewer points a step are quicker, and not calm."""

from __future__ import annotations

import numpy as np
import pytest

from sandbox.supervised.lessons.line import BATCHES, NEAR, above, descend, first_below, loss, points


@pytest.mark.parametrize("seed", range(5))
def test_small_batches_are_sooner_there_and_never_at_rest(seed: int) -> None:
    draw = np.random.default_rng(seed)
    x, y = points(draw)
    least = float(loss(np.polyfit(x, y, 1), x, y))
    full, few, one = (descend(x, y, batch, 45, draw) for batch in BATCHES.values())
    curves = [above(walk, least) for walk in (full, few, one)]
    needed = [first_below(*curve, NEAR) or np.inf for curve in curves]
    assert np.inf > needed[0] > 5 * needed[1]
    assert needed[1] > 3 * needed[2]
    ends = [heights[-1] for _, heights in curves]
    assert ends[0] < ends[1] / 5 < ends[2] / 25


def test_full_batch_ends_at_the_least_squares_line() -> None:
    draw = np.random.default_rng(0)
    x, y = points(draw)
    assert descend(x, y, len(x), 400, draw).path[-1] == pytest.approx(np.polyfit(x, y, 1), abs=1e-6)


def test_a_goal_is_met_where_the_curve_first_falls_below_it_or_never() -> None:
    looks, heights = np.array([1.0, 6.0, 12.0, 18.0]), np.array([3.0, 1.0, 2.0, 0.5])
    assert first_below(looks, heights, 1.5) == 6
    assert first_below(looks, heights, 0.5) is None
