"""Pictures of what a network sees: each pixel drawn is one of the kernels, maps, frames or heats given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from sandbox.core.theme import DARK, rgb
from sandbox.ui.explain_plots import (
    LIGHTEST,
    STRONGEST,
    Found,
    Look,
    draw_channel,
    draw_exciting,
    draw_features,
    draw_kernels,
    draw_looks,
    draw_named,
    newest,
    signed,
)

PINK = rgb(DARK.look)
TEXT = 60
"""pixels of smooth letters that may happen to have a colour"""


def drawn(path: Path) -> np.ndarray:
    """The picture in ``path``: (height, width, 3) uint8."""
    return (imread(path)[..., :3] * 255).round().astype(np.uint8)


def count(image: np.ndarray, colour: tuple[int, int, int]) -> int:
    """How many pixels have a colour."""
    return int((image == colour).all(2).sum())


def test_a_kernel_is_drawn_in_the_colours_it_adds_and_subtracts(tmp_path: Path) -> None:
    kernels = np.zeros((2, 3, 3, 3), np.float32)
    kernels[0, 0, 1, 1] = 2.0  # adds red in the middle
    kernels[1, :, 0, 0] = -0.5  # subtracts all colours in a corner
    image = drawn(draw_kernels(tmp_path / "k.png", kernels, 3, "it"))
    square = 26**2
    assert count(image, (255, 128, 128)) == square
    assert count(image, (0, 0, 0)) == square
    assert count(image, (128, 128, 128)) == pytest.approx(16 * square, abs=TEXT)


@pytest.mark.parametrize(("channels", "colours"), [(12, 3), (4, 1), (1, 1), (5, 1)])
def test_each_frame_of_a_stack_has_its_own_row(tmp_path: Path, channels: int, colours: int) -> None:
    kernels = np.ones((20, channels, 3, 3), np.float32)  # drawn white, which the page is, too
    kernels[:, :, 1, 1] = -1
    image = drawn(draw_kernels(tmp_path / "k.png", kernels, colours, "it"))
    assert count(image, (0, 0, 0)) == 20 * channels // colours * 26**2


def test_feature_maps_keep_their_squares_and_the_most_telling_channels(tmp_path: Path) -> None:
    frame = np.zeros((40, 40, 3), np.uint8)
    maps = np.zeros((30, 5, 5), np.float32)
    maps[7, 2, 3] = 3.0
    image = drawn(draw_features(tmp_path / "f.png", frame, [("stage 1", maps)], "it", "left"))
    one, tile = 16**2, 80**2  # a square of a map of 5 × 5, all of them
    assert count(image, (LIGHTEST,) * 3) == pytest.approx(one, abs=TEXT)
    assert count(image, (128, 128, 128)) == pytest.approx(15 * tile, abs=TEXT)  # those that are flat


def test_boxes_are_whole_wherever_they_are(tmp_path: Path) -> None:
    frames = np.zeros((3, 40, 40, 3), np.uint8)
    boxes = [(0.0, 0.0, 8.0, 8.0), (32.0, 32.0, 40.0, 40.0), (16.0, 8.0, 24.0, 16.0)]
    image = drawn(
        draw_exciting(tmp_path / "e.png", [Found("stage 1, channel 3", frames, boxes)], "it", "this")
    )
    pink = (image == PINK).all(2)
    tiles = [pink[:, start : start + 120] for start in _tile_starts(image)]
    assert len(tiles) == 3
    for tile, (left, top, right, bottom) in zip(tiles, boxes, strict=True):
        rows, columns = np.argwhere(tile).T
        assert np.ptp(columns) == pytest.approx(3 * (right - left), abs=6)
        assert np.ptp(rows) == pytest.approx(3 * (bottom - top), abs=6)
        for side in (rows.min(), rows.max()):
            assert tile[side].sum() == np.ptp(columns) + 1
        assert columns.min() == pytest.approx(3 * left, abs=4)


def _tile_starts(image: np.ndarray) -> list[int]:
    """Columns in which black tiles begin, in a row of pixels through the middle of them."""
    bottom = np.argwhere((image == 0).all(2).sum(1) > 100)[-20, 0]
    black = (image[bottom] < 60).all(1) | (image[bottom] == PINK).all(1)
    edges = np.flatnonzero(np.diff(black.astype(int)) == 1) + 1
    return [int(edge) for edge in edges if black[edge : edge + 100].all()]


def test_heat_is_drawn_below_its_frame(tmp_path: Path) -> None:
    frames = np.full((2, 40, 40, 3), (0, 200, 0), np.uint8)
    heats = [np.zeros((40, 40)), np.ones((40, 40))]
    looks = [Look("looks at", "", heats)]
    image = drawn(draw_looks(tmp_path / "s.png", frames, ["left", "$x$"], looks, "it", "this"))
    assert count(image, (0, 200, 0)) == 2 * 160**2
    assert count(image, (0, 110, 0)) == 160**2  # dimmed


def test_long_answers_do_not_run_into_each_other(tmp_path: Path) -> None:
    frames, heats = np.zeros((2, 40, 40, 3), np.uint8), [np.zeros((40, 40))] * 2
    answers, looks = ["+0.5, −0.25, +1.0, +0.1"] * 2, [Look("looks at", "", heats)]
    image = drawn(draw_looks(tmp_path / "s.png", frames, answers, looks, "it", ""))
    top = int(np.argwhere((image == 0).all(2).sum(1) > 300)[0, 0])
    left, right = (np.flatnonzero((image[top + 5] == 0).all(1))[place] for place in (0, -1))
    ink = (image[top - 27 : top - 4, left : right + 1] < 200).any((0, 2))
    assert ink[:160].any()
    assert ink[-160:].any()
    assert not ink[155:171].any()  # around the gap between both


def test_a_single_picture_is_drawn_large_and_from_left_to_right(tmp_path: Path) -> None:
    frames = np.full((1, 40, 40, 3), (0, 200, 0), np.uint8)
    looks = [
        Look("answer", "by blurring", [np.zeros((40, 40))]),
        Look("other", "so", [np.zeros((5, 5))], ["b, 2 %"]),
    ]
    image = drawn(draw_looks(tmp_path / "s.png", frames, ["a, 98 %"], looks, "it", "this"))
    assert count(image, (0, 200, 0)) == 240**2
    assert count(image, (0, 110, 0)) == 2 * 240**2  # dimmed
    assert len(np.unique(np.argwhere((image == (0, 200, 0)).all(2))[:, 0])) == 240
    assert np.ptp(np.argwhere((image[..., 0] == 0) & (image[..., 1] >= 110))[:, 0]) == 239  # one row


def test_of_many_kernels_the_strongest_are_drawn(tmp_path: Path) -> None:
    kernels = np.full((200, 1, 8, 8), 0.1, np.float32)
    kernels[5::3] = -0.2  # 65 of them; what is weak is drawn white
    image = drawn(draw_kernels(tmp_path / "k.png", kernels, 1, "it"))
    assert count(image, (0, 0, 0)) == pytest.approx(STRONGEST * 80**2, rel=0.01)


def test_named_pictures_come_in_even_rows(tmp_path: Path) -> None:
    pictures = np.zeros((24, 1, 20, 20), np.uint8)
    image = drawn(draw_named(tmp_path / "n.png", pictures, [f"${n}" for n in range(24)], 160, "it", "this"))
    black = (image == 0).all(2)
    assert black.sum() == pytest.approx(24 * 160**2, abs=24 * TEXT)
    assert (black.sum(1) > 11 * 160).sum() == 2 * 160  # two rows of twelve


def test_weights_are_drawn_around_grey_each_to_its_own_strongest() -> None:
    weights = np.array([[0.0, 1.0, -2.0], [0.0, 0.1, -0.1], [0.0, 0.0, 0.0]])[:, None, None]
    assert signed(weights)[:, 0, 0].tolist() == [[128, 191, 0], [128, 255, 0], [128, 128, 128]]


def test_what_is_made_is_drawn_above_what_is_found(tmp_path: Path) -> None:
    made = np.full((4, 1, 40, 40), 200, np.uint8)
    found = Found("found", np.zeros((3, 40, 40, 3), np.uint8), [(8.0, 8.0, 16.0, 16.0)] * 3)
    image = drawn(draw_channel(tmp_path / "c.png", made, made[:2], found, "it", "these"))
    light = (image == 200).all(2)
    assert light.sum() == pytest.approx(6 * 120**2, abs=TEXT)
    assert np.argwhere(light.sum(1) > 200).max() < np.argwhere((image == PINK).all(2))[:, 0].min()
    alone = drawn(draw_channel(tmp_path / "c.png", made, made, None, "it", "these"))
    assert len(alone) < len(image)


def test_the_newest_frame_of_a_stack_is_shown() -> None:
    stack = np.arange(12, dtype=np.uint8)[None, :, None, None] * np.ones((1, 12, 4, 5), np.uint8)
    assert newest(stack, 3)[0, 0, 0].tolist() == [9, 10, 11]
    assert newest(stack, 1)[0, 0, 0].tolist() == [11, 11, 11]
    assert newest(stack, 1).shape == (1, 4, 5, 3)
