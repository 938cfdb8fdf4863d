"""Heat on pictures: it glows where it is hot, dims where it is not, and leaves the rest alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.core.theme import DARK, LIGHT, contrast, rgb
from sandbox.ui.overlay import DIMMED, THICKEST, lay_over

GREY = np.full((60, 80, 3), 120, np.uint8)


def hot(rows: int, columns: int, row: int, column: int) -> np.ndarray:
    heat = np.zeros((rows, columns), np.float32)
    heat[row, column] = 1
    return heat


def test_no_heat_dims_and_full_heat_glows() -> None:
    assert (lay_over(GREY, np.zeros((4, 4))) == round(120 * DIMMED)).all()
    glow = np.rint(120 * (1 - THICKEST) + THICKEST * np.array(rgb(DARK.look), np.float32))
    assert (lay_over(GREY, np.ones((4, 4))) == glow).all()


def test_the_picture_itself_is_not_changed() -> None:
    picture = GREY.copy()
    lay_over(picture, np.ones((4, 4)))
    assert (picture == GREY).all()


@settings(max_examples=60, deadline=None)
@given(
    st.integers(-70, 90), st.integers(-70, 70), st.integers(10, 90), st.integers(10, 90), st.integers(0, 24)
)
def test_the_hottest_place_is_where_the_area_has_it(
    left: int, top: int, width: int, height: int, place: int
) -> None:
    row, column = divmod(place, 5)
    shown = lay_over(GREY, hot(5, 5, row, column), (left, top, width, height)).astype(int)
    inside = np.zeros((60, 80), bool)
    inside[max(0, top) : max(0, top + height), max(0, left) : max(0, left + width)] = True
    assert (shown[~inside] == 120).all()
    y, x = top + (row + 0.5) * height / 5, left + (column + 0.5) * width / 5
    if 0 <= y < 59 and 0 <= x < 79:
        pinkness = shown[..., 0] - shown[..., 1]
        hottest = np.unravel_index(pinkness.argmax(), (60, 80))
        assert abs(hottest[0] + 0.5 - y) <= height / 10 + 1
        assert abs(hottest[1] + 0.5 - x) <= width / 10 + 1


def test_one_pixel_of_heat_for_each_of_the_picture_is_not_smoothed() -> None:
    shown = lay_over(GREY, hot(60, 80, 7, 70))
    dimmed = (shown == round(120 * DIMMED)).all(2)
    assert np.argwhere(~dimmed).tolist() == [[7, 70]]


@pytest.mark.parametrize("palette", [DARK, LIGHT])
def test_its_colour_is_read_on_panels(palette: object) -> None:
    assert contrast(palette.look, palette.panel) >= 4.5  # type: ignore[attr-defined]
