"""Many pictures in one: every pixel of each is where it belongs, and files are the same each time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageSequence

from sandbox.core.theme import LIGHT, rgb
from sandbox.ui.mosaic import GAP_PX, HEAD_PX, Picture, headed, mosaic, save_gif, save_png


def pictures(count: int, channels: int = 1, height: int = 3, width: int = 2, seed: int = 0) -> Picture:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, channels, height, width), dtype=np.uint8)


@given(
    st.integers(1, 7),
    st.sampled_from([1, 3]),
    st.integers(1, 4),
    st.integers(1, 4),
    st.integers(1, 5),
    st.integers(1, 3),
    st.integers(0, 2),
)
def test_every_pixel_is_where_it_belongs(
    count: int, channels: int, height: int, width: int, columns: int, scale: int, gap: int
) -> None:
    given_ = pictures(count, channels, height, width)
    whole = mosaic(given_, columns, scale=scale, gap=gap)
    wanted = np.empty_like(whole)
    wanted[:] = rgb(LIGHT.background)
    for number in range(count):
        top = gap + (number // columns) * (scale * height + gap)
        left = gap + (number % columns) * (scale * width + gap)
        for y in range(scale * height):
            for x in range(scale * width):
                for colour in range(3):
                    channel = colour if channels == 3 else 0
                    pixel = given_[number, channel, y // scale, x // scale]
                    wanted[top + y, left + x, colour] = pixel
    assert np.array_equal(whole, wanted)
    rows = -(-count // columns)
    assert whole.shape == (gap + rows * (scale * height + gap), gap + columns * (scale * width + gap), 3)


@pytest.mark.parametrize(("count", "size"), [(64, (28, 28)), (9, (8, 8)), (10, (20, 60)), (5, (33, 7))])
def test_the_whole_is_about_square_and_easily_seen(count: int, size: tuple[int, int]) -> None:
    height, width, _ = mosaic(pictures(count, 1, *size)).shape
    assert 0.4 < height / width < 2.5
    assert min(height, width) > 80


def test_large_pictures_stay_as_they_are() -> None:
    assert mosaic(pictures(1, 3, 200, 300), gap=0).shape == (200, 300, 3)


def test_a_png_keeps_every_pixel_and_makes_its_folder(tmp_path: Path) -> None:
    whole = mosaic(pictures(4, 3))
    path = save_png(tmp_path / "some" / "where" / "grid.png", whole)
    assert np.array_equal(np.asarray(Image.open(path)), whole)
    assert [file.name for file in path.parent.iterdir()] == ["grid.png"]


def frames(count: int) -> list[Picture]:
    """Grey pictures that grow brighter."""
    return [np.full((20, 30, 3), 20 * number, np.uint8) for number in range(count)]


def test_a_gif_has_all_frames_and_plays_for_ever(tmp_path: Path) -> None:
    path = save_gif(tmp_path / "film.gif", frames(5), 0.25, last_seconds=2)
    with Image.open(path) as film:
        shown = [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(film)]
        durations = [frame.info["duration"] for frame in ImageSequence.Iterator(film)]
        assert film.info["loop"] == 0
    assert durations == [250, 250, 250, 250, 2000]
    for one, wanted in zip(shown, frames(5), strict=True):
        assert np.abs(one.astype(int) - wanted).max() <= 3


def test_the_last_frame_is_never_shorter_than_the_others(tmp_path: Path) -> None:
    path = save_gif(tmp_path / "film.gif", frames(2), 0.5)
    with Image.open(path) as film:
        assert [frame.info["duration"] for frame in ImageSequence.Iterator(film)] == [500, 500]


def test_one_frame_is_a_film_too(tmp_path: Path) -> None:
    with Image.open(save_gif(tmp_path / "film.gif", frames(1), 0.25)) as film:
        assert film.size == (30, 20)


def test_still_parts_do_not_flicker(tmp_path: Path) -> None:
    """All frames share their colours: what two frames have in common looks the same in both."""
    rng = np.random.default_rng(0)
    first, second = (rng.integers(0, 256, (40, 40, 3), dtype=np.uint8) for _ in range(2))
    second[:20] = first[:20]
    with Image.open(save_gif(tmp_path / "film.gif", [first, second], 0.25)) as film:
        shown = [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(film)]
    assert np.array_equal(shown[0][:20], shown[1][:20])
    assert not np.array_equal(shown[0][20:], shown[1][20:])


def test_the_same_pictures_are_the_same_bytes(tmp_path: Path) -> None:
    whole = mosaic(pictures(4, 3))
    for save in (
        lambda path: save_png(path, whole),
        lambda path: save_gif(path, [whole, whole[::-1]], 0.25),
    ):
        one, other = (save(tmp_path / name).read_bytes() for name in ("one", "other"))
        assert one == other


def test_names_stand_over_columns_where_all_of_them_have_room() -> None:
    grid = mosaic(np.zeros((6, 1, 8, 8), np.uint8), 3)
    shown = headed(grid, ["a", "b", "c"])
    assert shown.shape == (grid.shape[0] + HEAD_PX, *grid.shape[1:])
    assert np.array_equal(shown[HEAD_PX:], grid)
    inked = (shown[:HEAD_PX] != shown[0, 0]).any((0, 2))  # columns of pixels
    middles = [GAP_PX + 82 * column + 40 for column in range(3)]
    assert all(inked[middle - 6 : middle + 6].any() for middle in middles)
    assert not any(inked[middle + 12 : middle + 70].any() for middle in middles)
    assert headed(grid, ["a", "b", "very " * 9]) is grid
