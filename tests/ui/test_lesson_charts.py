"""What lessons draw with: panels and labels that do not overlap, cells that show their numbers."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.axes import Axes

from sandbox.ui.chart import Label
from sandbox.ui.lesson_charts import (
    draw_curves,
    headed,
    joined,
    label_dots,
    label_ends,
    loss_map,
    picture_strip,
    sheet,
    smooth,
    value_map,
)


def texts(axes: Axes) -> dict[str, tuple[float, float]]:
    return {text.get_text(): text.get_position() for text in axes.texts}


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 3), (2, 2), (3, 4)])
def test_panels_stay_on_the_page_and_apart(rows: int, columns: int) -> None:
    figure, panels = sheet("T", "what was done", rows=rows, columns=columns, width_inches=14)
    assert [len(row) for row in panels] == [columns] * rows
    boxes = [axes.get_position() for row in panels for axes in row]
    for number, box in enumerate(boxes):
        assert 0 < box.x0 < box.x1 < 1
        assert 0 < box.y0 < box.y1 < 1
        assert not any(box.overlaps(other) for other in boxes[number + 1 :])
    assert [text.get_text() for text in figure.texts] == ["T", "what was done"]


def test_shares_divide_the_width() -> None:
    _, ((narrow, wide),) = sheet("T", "", shares=(1, 3), label_inches=(0, 1))
    assert wide.get_position().width == pytest.approx(3 * narrow.get_position().width)


def test_joined_panels_fill_the_place_of_both() -> None:
    figure, panels = sheet("T", "", rows=2, columns=1)
    upper, lower = panels[0][0].get_position(), panels[1][0].get_position()
    place = joined(panels[0][0], panels[1][0]).get_position()
    assert (place.y0, place.y1) == (lower.y0, upper.y1)
    assert len(figure.axes) == 1


@pytest.mark.parametrize("log", [False, True])
def test_curves_are_labelled_where_they_end(log: bool) -> None:
    _, ((axes,),) = sheet("T", "", columns=1)
    curves = {"low": ([0, 1], [0.5, 0.001]), "high": ([0, 1], [0.5, 9.0])}
    draw_curves(headed(axes, "loss", "steps"), curves, log=log)
    heights = {name: place[1] for name, place in texts(axes).items()}
    for name, height in heights.items():
        end = axes.transAxes.inverted().transform(axes.transData.transform((1, curves[name][1][1])))[1]
        assert height == pytest.approx(end, abs=0.01)


def test_labels_never_lie_on_each_other_nor_outside() -> None:
    _, ((axes,),) = sheet("T", "", columns=1, panel_inches=2)
    label_ends(axes, [Label(0.5, name, "#000000") for name in "abcd"] + [Label(float("nan"), "e", "#000000")])
    heights = sorted(place[1] for place in texts(axes).values())
    assert len(heights) == 5
    assert np.diff(heights).min() * 2 > 0.15  # inches
    assert 0 <= heights[0] < heights[-1] <= 1


def test_a_map_of_values_writes_them_into_its_cells() -> None:
    _, ((axes,),) = sheet("T", "", columns=1)
    values = np.array([[0.5, np.nan], [-1.0, 1.0]])
    arrows = np.zeros((2, 2, 2))
    arrows[0, 0] = (0, -1)
    value_map(axes, values, arrows, {(1, 1): "goal"})
    places = texts(axes)
    assert set(places) == {"0.50", "−1.00", "goal", ""}  # the arrow is a text without letters
    assert places["goal"] == (1, 1)


def test_texts_beside_dots_keep_apart_and_on_the_panel() -> None:
    figure, ((axes,),) = sheet("T", "", columns=1, width_inches=6)
    axes.set(xlim=(0, 10), ylim=(0, 10))
    places = np.array([(5, 5), (5.1, 4.9), (9.9, 5), (2, 0.1), (2.2, 0.1)])
    label_dots(axes, places, ["13", "14", "94", "9", "10"])
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in axes.texts]
    panel = axes.get_window_extent()
    for number, box in enumerate(boxes):
        assert panel.x0 <= box.x0 < box.x1 <= panel.x1
        assert not any(box.overlaps(other) for other in boxes[:number])
        assert not any(box.contains(*dot) for dot in axes.transData.transform(places))


def test_smoothed_numbers_are_means_of_neighbours() -> None:
    assert smooth([1, 2, 3, 8], 2).tolist() == [1.5, 2.5, 5.5]


def test_a_loss_map_has_lines_at_equal_ratios() -> None:
    _, ((axes,),) = sheet("T", "", columns=1)
    x = np.linspace(-1, 1, 20)
    loss_map(axes, x, x, 0.1 + x**2 + x[:, None] ** 2, levels=5)
    assert len(axes.collections) == 2


def test_small_pictures_stand_in_a_row() -> None:
    figure, _ = sheet("T", "", columns=1)
    before = len(figure.axes)
    tiles = [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3), np.uint8)]
    picture_strip(figure, tiles, ["one", "two"], left=1, top=1, side=0.5)
    first, second = figure.axes[before:]
    assert first.get_position().y0 == second.get_position().y0
    assert first.get_position().x1 < second.get_position().x0
    assert {"one", "two"} <= {text.get_text() for text in figure.texts}
