"""`--mask`: words and files that say what is drawn anew."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from generative.generate.masks import find_mask
from sandbox.core.errors import SandboxError

SHAPE = (1, 5, 4)


@pytest.mark.parametrize(
    ("word", "rows"),
    [
        ("left", ["##..", "##..", "##..", "##..", "##.."]),
        ("Right", ["..##", "..##", "..##", "..##", "..##"]),
        ("top", ["####", "####", "....", "....", "...."]),
        ("bottom", ["....", "....", "....", "####", "####"]),
        ("centre", ["....", ".##.", ".##.", ".##.", "...."]),
        ("center", ["....", ".##.", ".##.", ".##.", "...."]),
    ],
)
def test_words_name_halves_and_the_middle(word: str, rows: list[str]) -> None:
    assert ["".join(".#"[on] for on in row) for row in find_mask(word, SHAPE).int().tolist()] == rows


def test_white_of_a_file_is_drawn_anew(tmp_path: Path) -> None:
    levels = np.zeros((10, 8), np.uint8)
    levels[:4, 2:] = 255
    Image.fromarray(levels).save(tmp_path / "mask.png")
    found = find_mask(str(tmp_path / "mask.png"), SHAPE)
    assert found.tolist() == (levels[::2, ::2] > 0).tolist()


def test_what_is_transparent_stays(tmp_path: Path) -> None:
    pixels = np.full((5, 4, 4), 255, np.uint8)
    pixels[2:, :, 3] = 0
    Image.fromarray(pixels).save(tmp_path / "mask.png")
    assert find_mask(str(tmp_path / "mask.png"), SHAPE).tolist() == (pixels[..., 3] > 0).tolist()


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("lft", "--mask: 'lft' is no file: did you mean 'left'?"),
        ("folder", "--mask: folder is a folder"),
        ("nowhere.png", "there is no file nowhere.png"),
        ("white.png", "--mask white.png leaves nothing of the picture"),
        ("black.png", "--mask black.png has no white: nothing is drawn anew"),
    ],
)
def test_what_is_no_mask_is_named(
    word: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    for name, level in (("white", 255), ("black", 0)):
        Image.fromarray(np.full((5, 4), level, np.uint8)).save(f"{name}.png")
    with pytest.raises(SandboxError) as caught:
        find_mask(word, SHAPE)
    assert caught.value.message == message
