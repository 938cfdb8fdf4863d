"""The picture of a search: what a logarithmic axis has no place for stands at its left edge."""

from __future__ import annotations

import pytest

from sandbox.ui.search_plots import Axis, Dot, _zero


def dots(*values: float) -> list[Dot]:
    return [Dot({"weight_decay": value}, 1.0, "complete") for value in values]


@pytest.mark.parametrize("values", [(0.0, 1e-6, 1e-2), (0.0, 0.0, 0.5), (1e-9, 0.0)])
def test_zero_stands_left_of_all_else_on_a_logarithmic_axis(values: tuple[float, ...]) -> None:
    place = _zero(Axis("weight_decay", None, None, logarithmic=True), dots(*values))
    assert 0 < place <= min(value for value in values if value) / 2


def test_without_a_zero_or_on_a_straight_axis_nothing_moves() -> None:
    assert _zero(Axis("weight_decay", None, None, logarithmic=True), dots(1e-6, 1e-2)) == 0
    assert _zero(Axis("weight_decay", None, None, logarithmic=False), dots(0.0, 1.0)) == 0
