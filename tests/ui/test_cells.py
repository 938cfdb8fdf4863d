"""Matrices as cells: colours by sign, frames around what is named."""

from __future__ import annotations

import numpy as np
import pytest

from sandbox.core.theme import LIGHT, rgb
from sandbox.ui.cells import cells, frame, grey, numbered, signed
from sandbox.ui.chart import page


def test_colours_tell_the_sign_and_paleness_the_size() -> None:
    shown = signed(np.array([[2.0, -2.0, 0.0, 1.0]]))[0]
    blue, orange = (np.array(rgb(colour)) / 255 for colour in (LIGHT.series[0], LIGHT.series[1]))
    np.testing.assert_allclose(shown, [blue, orange, [1, 1, 1], (1 + blue) / 2])
    assert (signed(np.zeros((2, 2))) == 1).all()


def test_cells_have_the_sides_that_are_asked_for_where_they_are() -> None:
    figure = page("it")
    axes = cells(figure, grey(np.eye(3, 4)), 1.0, 0.5, (0.2, 0.1), "3×4")
    across, down = figure.get_size_inches()
    box = axes.get_position()
    assert (box.x0 * across, (1 - box.y1) * down) == pytest.approx((1.0, 0.5))
    assert (box.width * across, box.height * down) == pytest.approx((0.8, 0.3))
    assert figure.texts[-1].get_text() == "3×4"


def test_frames_and_numbers_belong_to_their_cells() -> None:
    axes = cells(page("it"), signed(np.array([[1.0, -3.0]])), 1, 1, 0.3, "")
    frame(axes, 1, 0)
    numbered(axes, np.array([[1.0, -3.0]]))
    (box,) = axes.patches
    assert box.get_extents().contains(*axes.transData.transform((1, 0)))
    assert [text.get_text() for text in axes.texts] == ["1", "−3"]
    assert [text.get_color() for text in axes.texts] == [LIGHT.ink, "white"]
