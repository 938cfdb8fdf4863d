"""Tiles land where they should, whatever their size."""

from __future__ import annotations

import numpy as np
import pytest

from envs.pictures.tiles import Tiles, plain


def atlas(height: int, width: int) -> np.ndarray:
    """Three kinds of tiles without any symmetry."""
    return np.random.default_rng(0).integers(1, 255, (3, 3, height, width)).astype(np.uint8)


def slow_picture(looks: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """One picture (3, 40, 40) of the kinds (rows, columns), tile by tile."""
    height, width = looks.shape[2:]
    rows, columns = kinds.shape
    top, left = (40 - rows * height) // 2, (40 - columns * width) // 2
    picture = np.zeros((3, 40, 40), np.uint8)
    whole = (rows * height, columns * width) == (40, 40)
    picture[...] = 0 if whole else looks[0, :, :1, :1]
    for row in range(rows):
        for column in range(columns):
            y, x = top + row * height, left + column * width
            picture[:, y : y + height, x : x + width] = looks[kinds[row, column]]
    return picture


@pytest.mark.parametrize(
    ("rows", "columns", "height", "width"),
    [
        (10, 10, 4, 4),
        (5, 10, 8, 4),
        (20, 4, 2, 10),
        (8, 8, 5, 5),
        (9, 9, 4, 4),
        (13, 13, 3, 3),
        (2, 3, 7, 12),
    ],
)
def test_pictures_are_put_together_tile_by_tile(rows: int, columns: int, height: int, width: int) -> None:
    looks, rng = atlas(height, width), np.random.default_rng(1)
    tiles = Tiles(looks, rows, columns, num_envs=4)
    kinds = rng.integers(0, 3, (4, rows, columns))
    pixels = np.full((4, 3, 40, 40), 7, np.uint8)
    tiles.lay(pixels, np.array([True, False, True, True]), kinds[[0, 2, 3]].reshape(3, -1))
    for picture in (0, 2, 3):
        np.testing.assert_array_equal(pixels[picture], slow_picture(looks, kinds[picture]))
    assert (pixels[1] == 7).all()
    tiles.put(pixels, np.array([2, 3]) * rows * columns + columns + 1, np.array([1, 2]))
    kinds[[2, 3], 1, 1] = 1, 2
    for picture in (0, 2, 3):
        np.testing.assert_array_equal(pixels[picture], slow_picture(looks, kinds[picture]))


def test_of_equal_cells_the_last_one_counts() -> None:
    looks = np.stack([plain((shade, shade, shade), 4, 4) for shade in (0, 100, 200)])
    tiles = Tiles(looks, 10, 10, num_envs=2)
    pixels = np.zeros((2, 3, 40, 40), np.uint8)
    tiles.put(pixels, np.array([[11, 111], [11, 111]]), np.array([[1, 2], [2, 1]]))
    assert pixels[:, 0, 5, 5].tolist() == [200, 100]
