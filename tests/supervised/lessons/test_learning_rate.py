"""The lesson about the learning rate: what the finder suggests learns; far below and far above do not."""

from __future__ import annotations

import numpy as np
import pytest

from sandbox.data.catalog import load
from sandbox.nn.lr_finder import find_learning_rate
from sandbox.supervised.lessons.learning_rate import FACTORS, losses, training


@pytest.mark.parametrize("seed", range(3))
def test_the_suggested_rate_learns_and_the_others_do_not(seed: int) -> None:
    pictures = load("digits").train
    found = find_learning_rate(training(pictures, seed))
    low, right, high = (
        np.nan_to_num(losses(pictures, seed, found.suggestion * factor)[-20:], nan=9).mean()
        for factor in FACTORS.values()
    )
    assert right < 0.5
    assert low > 2 * right
    assert high > 1  # guessing has 2.3
