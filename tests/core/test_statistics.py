"""The interquartile mean and its interval, against slow and obvious versions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from sandbox.core.statistics import (
    bootstrap_interval,
    bootstrap_intervals,
    interquartile_mean,
    interquartile_means,
    returns_text,
    student_interval,
)

returns = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30)


@given(returns)
def test_the_outer_quarters_are_dropped_and_the_rest_is_averaged(values: list[float]) -> None:
    kept = sorted(values)
    for _ in range(math.floor(len(values) / 4)):
        kept = kept[1:-1]
    assert interquartile_mean(values) == pytest.approx(sum(kept) / len(kept), abs=1e-6)


@given(returns)
def test_it_is_the_trimmed_mean_of_the_paper_and_of_scipy(values: list[float]) -> None:
    assert interquartile_mean(values) == pytest.approx(stats.trim_mean(values, 0.25), abs=1e-6)


def test_one_failed_seed_of_five_does_not_count_and_two_do() -> None:
    assert interquartile_mean([500, 500, 500, 500, 9]) == 500
    assert interquartile_mean([500, 500, 500, 9, 9]) == pytest.approx((500 + 500 + 9) / 3)


def test_a_diverged_seed_is_not_trimmed_away() -> None:
    assert math.isnan(interquartile_mean([1, 2, 3, 4, math.nan]))


def test_without_values_there_is_no_mean_and_no_interval() -> None:
    with pytest.raises(ValueError, match="no values"):
        interquartile_mean([])
    assert bootstrap_interval([]) is None
    assert bootstrap_interval([3.0]) is None


@pytest.mark.parametrize("level", [0.5, 0.95])
@pytest.mark.parametrize("values", [[1.0, 4.0], [9.0, 487.0, 500.0, 480.0, 500.0, 311.0]])
def test_the_interval_is_that_of_resampling_one_by_one(values: list[float], level: float) -> None:
    rng = np.random.default_rng(7)
    means = sorted(interquartile_mean(list(rng.choice(values, len(values)))) for _ in range(4000))
    expected = [np.quantile(means, 0.5 - level / 2), np.quantile(means, 0.5 + level / 2)]
    assert bootstrap_interval(values, level) == pytest.approx(expected, abs=0.04 * np.ptp(values))


def test_the_interval_is_that_of_scipy() -> None:
    values = np.random.default_rng(3).normal(100, 15, 20)
    expected = stats.bootstrap(
        (values,), lambda one, axis: stats.trim_mean(one, 0.25, axis), method="percentile", rng=1
    ).confidence_interval
    assert bootstrap_interval(list(values)) == pytest.approx(tuple(expected), abs=0.3)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=8), st.randoms(use_true_random=False))
def test_the_order_of_the_runs_does_not_matter(values: list[float], random: object) -> None:
    shuffled = list(values)
    random.shuffle(shuffled)  # pyright: ignore[reportAttributeAccessIssue]
    assert bootstrap_interval(shuffled) == bootstrap_interval(values)


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=8))
def test_an_interval_lies_within_the_values_and_a_wider_one_around_it(values: list[float]) -> None:
    narrow, wide = bootstrap_interval(values, 0.5), bootstrap_interval(values, 0.99)
    assert narrow is not None
    assert wide is not None
    low, high = min(values) - 1e-9, max(values) + 1e-9
    assert low <= wide[0] <= narrow[0] <= narrow[1] <= wide[1] <= high


def test_it_holds_the_true_value_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    intervals = [bootstrap_interval(list(rng.normal(0, 1, 12))) for _ in range(200)]
    held = sum(lower <= 0 <= upper for lower, upper in (one for one in intervals if one))
    assert 0.82 <= held / 200 <= 0.99  # a percentile bootstrap over few values is somewhat too narrow


def test_equal_values_have_an_interval_of_no_width() -> None:
    assert bootstrap_interval([500.0] * 5) == (500, 500)


@given(hnp.arrays(np.float64, st.tuples(st.integers(1, 6), st.integers(1, 5)), elements=st.floats(-9, 9)))
def test_each_column_of_a_table_is_treated_by_itself(table: np.ndarray) -> None:
    expected = [interquartile_mean(list(column)) for column in table.T]
    assert interquartile_means(table) == pytest.approx(np.array(expected))


def test_large_tables_are_resampled_in_blocks_with_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    table = np.random.default_rng(0).normal(size=(6, 40))
    whole = bootstrap_intervals(table, resamples=500)
    monkeypatch.setattr("sandbox.core.statistics._NUMBERS_AT_ONCE", 6 * 40 * 7)
    assert np.array_equal(whole, bootstrap_intervals(table, resamples=500))


def test_students_interval_is_that_of_the_table() -> None:
    low, high = student_interval([1.0, 2.0, 3.0])  # t of 2 degrees of freedom at 97.5 %: 4.302 653
    assert (low, high) == pytest.approx((2 - 4.302653 / 3**0.5, 2 + 4.302653 / 3**0.5), abs=1e-5)
    assert student_interval([1.0]) is None


def test_few_seeds_have_no_interval_but_their_ends() -> None:
    assert returns_text([3.0]) == "3.0"
    assert returns_text([1.0, 2.0, 3.0]) == "2.0 ± 1.0 (1.0 – 3.0)"
    assert "IQM" in returns_text([1.0, 2.0, 3.0, 4.0, 5.0])
