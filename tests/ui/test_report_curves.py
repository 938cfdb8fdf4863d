"""Curves in a page: where their points lie, what they say in words, and how many there are."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from markupsafe import Markup

from sandbox.ui.comparison import Curve
from sandbox.ui.report.curves import MOST_POINTS, Axis, look_of, panel


def drawn(groups: dict[str, list[Curve]], **changes: object) -> ElementTree.Element:
    words = {"over": "steps", "horizontal": "steps", "alt": "a chart"} | changes
    return ElementTree.fromstring(panel(groups, **words))  # type: ignore[arg-type]


def curve(values: list[float], seed: int = 0, every: float = 100.0) -> Curve:
    steps = [every * (index + 1) for index in range(len(values))]
    return Curve(steps, [step / 10 for step in steps], values, seed)


def points_of(svg: ElementTree.Element, look: str) -> list[tuple[float, float]]:
    found = next(one for one in svg.iter() if set(look.split()) <= set(one.get("class", "").split()))
    return [tuple(map(float, pair.split(","))) for pair in found.get("points", "").split()]  # type: ignore[misc]


def test_higher_values_lie_higher_and_later_ones_further_right() -> None:
    points = points_of(drawn({"one": [curve([1, 5, 3])]}), "line c0")
    xs, ys = zip(*points, strict=True)
    assert list(xs) == sorted(xs)
    assert ys[1] < ys[2] < ys[0]


def test_several_runs_have_a_band_from_the_lowest_to_the_highest() -> None:
    svg = drawn({"one": [curve([0, 0], 0), curve([10, 10], 1)], "other": [curve([20, 20])]})
    band = {y for _, y in points_of(svg, "band c0")}
    runs = [{y for _, y in points_of(svg, "run c0")}]
    middle = {y for _, y in points_of(svg, "line c0")}
    assert len(band) == 2
    assert runs[0] <= band
    assert min(band) < min(middle) == max(middle) < max(band)
    assert points_of(svg, "line c1")


def test_seconds_that_nobody_logged_leave_a_message() -> None:
    silent = Curve([1, 2], [math.nan, math.nan], [1, 2])
    text = "".join(drawn({"one": [silent]}, over="seconds").itertext())
    assert "nothing was logged" in text


def test_very_different_lengths_are_shown_on_a_logarithmic_axis() -> None:
    text = "".join(drawn({"one": [curve([1, 2])], "two": [curve([1, 2], every=5000.0)]}).itertext())
    assert "steps (logarithmic)" in text


def test_long_curves_keep_their_extremes() -> None:
    values = np.zeros(20_000)
    values[12_345], values[17_000] = 9, -9
    points = points_of(drawn({"one": [curve(values.tolist())]}), "line c0")
    assert len(points) <= MOST_POINTS + 2
    assert len({round(y) for _, y in points}) == 3


def test_the_axis_ends_where_values_end() -> None:
    values = {"one": [curve([0.5, 1.0])]}
    (_, top) = points_of(drawn(values, most=1.0), "line c0")[-1]
    assert top == 12  # the upper end of the axis
    assert points_of(drawn(values), "line c0")[-1][1] > 12


def test_words_are_escaped() -> None:
    svg = panel({"one": [curve([1, 2])]}, over="steps", horizontal="<b>", alt='"><script>', threshold=1.5)
    assert isinstance(svg, Markup)
    assert "<b>" not in svg
    assert "<script>" not in svg
    assert "threshold 1.5" in svg


@pytest.mark.parametrize("values", [[3.0], [2.0, 2.0], [1e-9, 2e-9], [-1e12, 1e12], [-1e100, 1e100]])
def test_any_numbers_can_be_drawn(values: list[float]) -> None:
    svg = drawn({"one": [curve(values)]})
    assert not re.search("nan|inf", ElementTree.tostring(svg, encoding="unicode"))


def test_groups_beyond_the_colours_have_other_dashes() -> None:
    assert (look_of(0), look_of(5), look_of(6)) == ("c0 d0", "c5 d0", "c0 d1")


def test_a_logarithmic_axis_places_equal_factors_equally_far() -> None:
    axis = Axis(1, 100, 0, 10, (), logarithmic=True)
    assert axis.place(np.array([1.0, 10.0, 100.0])).tolist() == pytest.approx([0, 5, 10])
