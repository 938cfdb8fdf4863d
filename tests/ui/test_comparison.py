"""Groups of runs are drawn over steps and over seconds, however many, long and different they are."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sandbox.core.statistics import bootstrap_interval, interquartile_mean
from sandbox.ui import chart, comparison
from sandbox.ui.comparison import Curve, count_of_seeds, learning_curves


def curve(seed: int = 0, length: int = 12, pace: float = 1000.0, *, ended: bool = True) -> Curve:
    """A run that learns, at so many steps a second."""
    steps = [1000.0 * index for index in range(1, length + 1)]
    values = [500.0 * index / length - seed for index in range(1, length + 1)]
    return Curve(steps, [step / pace for step in steps], values, seed, ended)


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        assert picture.size[0] == 1800
        return np.asarray(picture.convert("RGB"))


def share_of(path: Path, colour: str, half: str = "both") -> float:
    """The part of the picture (of its left or right half) that has exactly this colour."""
    seen = pixels(path)[:760]  # above the legend
    seen = {"left": seen[:, :860], "right": seen[:, 860:], "both": seen}[half]
    return float((seen == tuple(bytes.fromhex(colour.removeprefix("#")))).all(-1).mean())


def test_every_group_has_its_colour_in_both_panels(tmp_path: Path) -> None:
    groups = {"ours": [curve(seed) for seed in range(5)], "SB3": [curve(length=20, pace=200.0)]}
    path = learning_curves(tmp_path / "plots" / "curves.png", groups, title="CartPole", threshold=475)
    assert path == tmp_path / "plots" / "curves.png"
    for colour in chart.COLOURS[:2]:
        assert share_of(path, colour, "left") > 0
        assert share_of(path, colour, "right") > 0
    assert share_of(path, chart.COLOURS[2]) == 0


def test_without_times_the_panel_of_seconds_is_empty_and_says_so(tmp_path: Path) -> None:
    untimed = Curve([1.0, 2.0], [math.nan, math.nan], [3.0, 4.0])
    path = learning_curves(tmp_path / "curves.png", {"old": [untimed]}, title="CartPole", threshold=4)
    assert share_of(path, chart.COLOURS[0], "left") > 0
    assert share_of(path, chart.COLOURS[0], "right") == 0


@pytest.mark.parametrize(
    "groups",
    [
        {"one point": [Curve([0.0], [0.0], [1.0])]},
        {"constant": [Curve([1.0, 2.0], [0.1, 0.2], [21.0, 21.0], seed) for seed in range(2)]},
        {"never overlap": [curve(length=2, ended=False), Curve([1e6], [9.0], [3.0], 1)]},
        {"short": [curve(length=2)], "a thousand times longer": [curve(length=2000, pace=10.0)]},
        {f"group {index} " + "with a very long label " * index: [curve(index)] for index in range(14)},
        {"repeats": [curve(0), curve(0)]},
    ],
    ids=["one point", "constant", "never overlap", "lengths", "many", "repeats"],
)
def test_unusual_groups_are_drawn(tmp_path: Path, groups: dict[str, list[Curve]]) -> None:
    seen = pixels(learning_curves(tmp_path / "curves.png", groups, title="CartPole", threshold=475))
    colourful = np.ptp(seen[:760].astype(int), axis=-1) > 40  # text and axes are grey
    assert colourful[:, :860].any()
    assert colourful[:, 860:].any()


def test_a_row_of_the_legend_for_each_long_label(tmp_path: Path) -> None:
    few = learning_curves(tmp_path / "few.png", {"ours": [curve()]}, title="CartPole")
    labels = {f"{index} {'long ' * 20}": [curve()] for index in range(6)}
    many = learning_curves(tmp_path / "many.png", labels, title="CartPole")
    assert pixels(many).shape[0] > pixels(few).shape[0] + 150


def test_fewer_than_five_seeds_are_indicative() -> None:
    assert [count_of_seeds(seeds) for seeds in (1, 4, 5)] == [
        "1 seed, indicative",
        "4 seeds, indicative",
        "5 seeds",
    ]


@pytest.mark.parametrize("seeds", [5, 8])
def test_enough_seeds_show_the_interquartile_mean_and_its_interval(seeds: int) -> None:
    table = np.random.default_rng(seeds).normal(100, 20, (seeds, 6))
    middle, lower, upper = comparison.middle_and_band(table, enough=True)
    for point, *shown in zip(table.T, middle, lower, upper, strict=True):
        interval = bootstrap_interval(list(point))
        assert interval is not None
        assert shown == pytest.approx([interquartile_mean(list(point)), *interval], abs=0.1 * np.ptp(point))


def test_few_seeds_show_the_mean_from_the_lowest_to_the_highest() -> None:
    middle, lower, upper = comparison.middle_and_band(np.array([[1.0, 5.0], [3.0, 4.0]]), enough=False)
    assert [list(one) for one in (middle, lower, upper)] == [[2.0, 4.5], [1.0, 4.0], [3.0, 5.0]]


def test_a_run_that_ended_keeps_its_last_value_and_a_stopped_one_ends_the_mean() -> None:
    short, long = (np.array([1.0, 2.0]), np.array([0.0, 8.0])), (np.array([1.0, 4.0]), np.array([0.0, 3.0]))
    grid, table = comparison.on_one_grid([(*short, True), (*long, True)], logarithmic=False)
    assert (grid[0], grid[-1]) == (1, 4)
    assert list(table[:, -1]) == [8, 3]
    grid, table = comparison.on_one_grid([(*short, False), (*long, True)], logarithmic=False)
    assert (grid[0], grid[-1]) == (1, 2)
    assert list(table[:, -1]) == [8, 1]


def test_the_mean_begins_where_all_runs_have_begun() -> None:
    runs = [(np.array([first, 9.0]), np.array([0.0, 1.0]), True) for first in (1.0, 3.0)]
    assert comparison.on_one_grid(runs, logarithmic=True)[0][0] == pytest.approx(3)
