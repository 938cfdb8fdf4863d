"""The lesson about early stopping: losses part ways, and the best weights are better."""

from __future__ import annotations

import pytest

from sandbox.data.catalog import load
from sandbox.supervised.lessons.early_stopping import WRONG, mislabelled, overfit, stopped


@pytest.mark.parametrize("seed", range(2))
def test_the_losses_part_ways_and_the_best_weights_beat_the_last(seed: int) -> None:
    story = overfit(load("digits"), pictures=300, looks=30, every=30, seed=seed)
    training, validation = story.losses["training"], story.losses["validation"]
    assert training[-1] < training[story.best] / 3, "training goes on getting better"
    assert validation[-1] > 1.2 * validation[story.best], "while validation gets worse"
    assert story.best < story.stop < len(validation) - 1, "patience ends before the training does"
    best, last = story.test
    assert best > last + 0.03


def test_as_many_labels_are_wrong_as_is_said() -> None:
    pictures = load("digits").train
    wrong = mislabelled(pictures, WRONG, seed=0).labels != pictures.labels
    assert float(wrong.float().mean()) == pytest.approx(WRONG, abs=0.04)
    assert not (mislabelled(pictures, 0.0, seed=0).labels != pictures.labels).any()


def test_patience_counts_looks_since_the_best() -> None:
    assert stopped([3, 2, 1, 2, 2, 0], patience=2) == (2, 4)
    assert stopped([3, 2, 1, 2, 0, 1], patience=3) == (4, 5)
    assert stopped([1, 1, 1], patience=2) == (0, 2), "as good is not better"
