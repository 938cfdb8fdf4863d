"""The area under the ROC curve, by hand and against slower ways to it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from generative.anomalies.separation import roc, separation

Scores = st.lists(st.integers(0, 12).map(float), min_size=1, max_size=15)


def test_by_hand() -> None:
    # Of 2 · 3 pairs, four are in order and one is a tie.
    found = separation(np.array([1.0, 4.0]), np.array([2.0, 4.0, 9.0]))
    assert found.auroc == pytest.approx((1 + 0 + 1 + 0.5 + 1 + 1) / 6)
    assert (found.normal, found.others) == (2, 3)


@given(Scores, Scores)
def test_it_is_the_part_of_pairs_in_order(normal: list[float], others: list[float]) -> None:
    pairs = [(b > a) + (a == b) / 2 for a in normal for b in others]
    found = separation(np.array(normal), np.array(others))
    assert found.auroc == pytest.approx(np.mean(pairs))
    assert -1e-9 <= found.low <= found.auroc + 1e-9
    assert found.auroc - 1e-9 <= found.high <= 1 + 1e-9


@given(Scores, Scores)
def test_the_curve_encloses_the_same_area(normal: list[float], others: list[float]) -> None:
    alarms, found = roc(np.array(normal), np.array(others))
    assert (alarms[0], found[0], alarms[-1], found[-1]) == (0, 0, 1, 1)
    truth = [0] * len(normal) + [1] * len(others)
    assert np.trapezoid(found, alarms) == pytest.approx(roc_auc_score(truth, [*normal, *others]))


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    truth = 0.9213504  # of two normal distributions, two standard deviations apart: Φ(√2)
    held = 0
    for _ in range(400):
        found = separation(rng.normal(0, 1, 40), rng.normal(2, 1, 120))
        held += found.low <= truth <= found.high
    assert 0.91 <= held / 400 <= 0.985


def test_perfect_order_of_a_few_promises_little() -> None:
    few = separation(np.arange(4.0), np.arange(4.0) + 10)
    many = separation(np.arange(400.0), np.arange(400.0) + 1000)
    assert few.auroc == many.auroc == 1
    assert few.low < 0.6
    assert many.low > 0.98
