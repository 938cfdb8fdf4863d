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
    needed = [first_below(walk, least + NEAR) or np.inf for walk in (full, few, one)]
    assert np.inf > needed[0] > 5 * needed[1] > 5 * needed[2]
    ends = [above(walk, least)[1][-1] for walk in (full, few, one)]
    assert ends[0] < ends[1] / 5 < ends[2] / 25


def test_full_batch_ends_at_the_least_squares_line() -> None:
    draw = np.random.default_rng(0)
    x, y = points(draw)
    assert descend(x, y, len(x), 400, draw).path[-1] == pytest.approx(np.polyfit(x, y, 1), abs=1e-6)


def test_a_loss_never_reached_is_never() -> None:
    draw = np.random.default_rng(0)
    assert first_below(descend(*points(draw), 6, 1, draw), -1.0) is None
