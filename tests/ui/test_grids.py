"""Grids of pictures: every pixel a square of one size, nothing smoothed, short rows left open."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from sandbox.core.theme import LIGHT, rgb
from sandbox.ui.grids import GAP_PX, HEADERS_PX, MARGIN_PX, WIDE_GAP_PX, Row, picture_grid

RED, WHITE = (255, 0, 0), rgb(LIGHT.background)


def drawn(path: Path) -> np.ndarray:
    """The picture in ``path``: (height, width, 3) uint8."""
    return (imread(path)[..., :3] * 255).round().astype(np.uint8)


def red(count: int, height: int = 8, width: int = 8) -> np.ndarray:
    pictures = np.zeros((count, 3, height, width), np.uint8)
    pictures[:, 0] = 255
    return pictures


def draw(path: Path, *rows: Row, **options: object) -> np.ndarray:
    return drawn(picture_grid(path, rows, title="A title", subtitle="and more", **options))  # pyright: ignore


def test_pixels_become_equal_squares(tmp_path: Path) -> None:
    picture = np.indices((7, 7)).sum(0) % 2 * 255  # a chess board
    rows = [Row("a", "1", picture[None, None].astype(np.uint8))]
    image = draw(tmp_path / "grid.png", *rows)
    top, left = np.argwhere((image == 0).all(2))[0]
    side = 11  # about 78 pixels by 7
    board = image[top : top + 7 * side, left : left + 7 * side, 0]
    assert np.array_equal(board, picture.repeat(side, 0).repeat(side, 1))


def test_colours_stay_and_short_rows_are_left_open(tmp_path: Path) -> None:
    image = draw(tmp_path / "grid.png", Row("a", "3", red(3)), Row("b", "1", red(1)), Row("c", "0", red(0)))
    is_red = (image == RED).all(2)
    assert is_red.sum() == 4 * (8 * 10) ** 2
    assert (image[-5:] == WHITE).all()


@pytest.mark.parametrize("size", [(8, 8), (28, 28), (100, 100), (20, 60)])
def test_pictures_of_any_size_are_whole(tmp_path: Path, size: tuple[int, int]) -> None:
    image = draw(tmp_path / "grid.png", Row("a", "1,000", red(4, *size)), columns=["one", "", "two"], block=2)
    count = (image == RED).all(2).sum()
    scale = max(1, round(78 / size[1]))
    assert count == 4 * size[0] * size[1] * scale**2


def test_long_names_make_room_for_themselves(tmp_path: Path) -> None:
    name = "a rather long name of a class"
    image = draw(tmp_path / "grid.png", Row(name, "1,234", red(1)), Row("$x$", "", red(1)))
    is_red = (image == RED).all(2)
    left = np.flatnonzero(is_red.any(0))[0]
    rows = np.flatnonzero(is_red.any(1))
    beside = (image[rows[0] : rows[0] + 80] != WHITE).any(2).any(0)
    assert not beside[:40].any()
    assert beside[45:left].any()
    assert not beside[left - 17 : left].any()


def test_captions_stand_over_their_own_row_and_cost_room_only_there(tmp_path: Path) -> None:
    plain = draw(tmp_path / "grid.png", Row("a", "", red(2)), Row("b", "", red(2)))
    image = draw(tmp_path / "grid.png", Row("a", "", red(2)), Row("b", "", red(2), ["one", "$two"]))
    assert len(image) == len(plain) + HEADERS_PX
    rows = np.flatnonzero((image == RED).all(2).any(1))
    upper, lower = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)
    between = image[upper[-1] + 1 : lower[0]]
    assert (between < 200).any()


def test_captions_stand_under_their_own_row_too_and_at_the_foot(tmp_path: Path) -> None:
    plain = draw(tmp_path / "grid.png", Row("a", "", red(2)), Row("b", "", red(2)))
    below = ["one", "$two"]
    image = draw(tmp_path / "grid.png", Row("a", "", red(2), below=below), Row("b", "", red(2), below=below))
    assert len(image) == len(plain) + 2 * HEADERS_PX + WIDE_GAP_PX - GAP_PX
    rows = np.flatnonzero((image == RED).all(2).any(1))
    upper, lower = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)
    for first in (upper[-1] + 1, lower[-1] + 1):
        assert (image[first : first + HEADERS_PX] < 200).any()
    assert (image[-MARGIN_PX + 8 :] == WHITE).all()


def test_pictures_without_labels_begin_where_the_title_does(tmp_path: Path) -> None:
    image = draw(tmp_path / "grid.png", Row("", "", red(2)))
    assert np.argwhere((image == RED).all(2))[0, 1] == MARGIN_PX
