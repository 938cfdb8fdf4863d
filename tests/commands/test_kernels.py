"""`kernels`: the classic kernels, or one's own numbers, on any picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sandbox.__main__ import main
from sandbox.commands.kernels import read_reduced
from sandbox.core.errors import SandboxError, UnknownName, UsageError
from sandbox.data.kernels import DIAGONALS, DIRECTIONS, KERNELS, Kernel, correlate, read_kernel, shown

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A picture in colour, twice as wide as high."""
    pixels = np.random.default_rng(0).integers(0, 256, (30, 60, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def answer(capsys: Captured, *words: str) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["kernels", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def plain_correlation(picture: np.ndarray, kernel: Kernel) -> np.ndarray:
    """The definition, pixel by pixel."""
    reach = kernel.side // 2
    padded = np.pad(picture.astype(float), ((0, 0), (reach, reach), (reach, reach)), mode="edge")
    grid = np.reshape(kernel.numbers, (kernel.side, kernel.side))
    result = np.zeros(picture.shape)
    for row in range(picture.shape[1]):
        for column in range(picture.shape[2]):
            window = padded[:, row : row + kernel.side, column : column + kernel.side]
            result[:, row, column] = (window * grid).sum((1, 2))
    return result


@pytest.mark.parametrize("name", KERNELS)
def test_each_kernel_is_laid_on_as_it_is_written(name: str) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (3, 6, 5), np.uint8)
    np.testing.assert_allclose(correlate(picture, KERNELS[name]), plain_correlation(picture, KERNELS[name]))


@given(st.lists(st.integers(-9, 9), min_size=25, max_size=25), st.integers(0, 2**31))
def test_own_numbers_may_be_25(numbers: list[int], seed: int) -> None:
    picture = np.random.default_rng(seed).integers(0, 256, (1, 4, 7), np.uint8)
    kernel = read_kernel([str(number) for number in numbers])
    np.testing.assert_allclose(correlate(picture, kernel), plain_correlation(picture, kernel), atol=1e-9)


@pytest.mark.parametrize("family", ["sobel", "prewitt"])
@pytest.mark.parametrize("direction", [*DIRECTIONS, *DIAGONALS])
def test_an_edge_is_named_after_the_side_where_it_gets_brighter(family: str, direction: str) -> None:
    if f"{family}-{direction}" not in KERNELS:
        assert (family, direction in DIAGONALS) == ("prewitt", True)
        return
    row, column = np.indices((9, 9)) * 10
    slopes = {"right": column, "left": -column, "down": row, "up": -row}
    ramp = np.sum([slopes[part] for part in direction.split("-")], axis=0)
    picture = (120 + ramp / 2).astype(np.uint8)[None]
    middle = {
        name: correlate(picture, KERNELS[f"{family}-{name}"])[0, 4, 4]
        for name in (*DIRECTIONS, *DIAGONALS)
        if f"{family}-{name}" in KERNELS
    }
    assert max(middle, key=lambda name: middle[name]) == direction


@pytest.mark.parametrize("name", KERNELS)
def test_even_areas_stay_or_become_grey(name: str) -> None:
    even = np.full((3, 5, 5), 90, np.uint8)
    picture, _ = shown(even, KERNELS[name])
    assert np.unique(picture).tolist() == ([128] if KERNELS[name].finds_edges else [90])


def test_what_was_cut_off_is_said() -> None:
    half = np.zeros((1, 10, 10), np.uint8)
    half[:, :, 5:] = 255
    _, note = shown(half, KERNELS["sharpen"])
    assert note == "20% cut off"  # both sides of the edge
    assert shown(half, KERNELS["box-blur"])[1] == ""


def test_edges_are_signed_around_grey() -> None:
    half = np.zeros((1, 10, 10), np.uint8)
    half[:, :, 5:] = 255
    right, note = shown(half, KERNELS["sobel-right"])
    left, _ = shown(half, KERNELS["sobel-left"])
    assert set(np.unique(right)) == {128, 255}
    assert set(np.unique(left)) == {128, 0}
    assert note == "white ≥ 1,020"


@pytest.mark.parametrize(
    ("kernel", "texts", "divisor"),
    [
        (KERNELS["gaussian-blur"], "1 2 1 2 4 2 1 2 1", "÷ 16"),
        (KERNELS["sobel-left"], "1 0 −1 2 0 −2 1 0 −1", ""),
        (read_kernel(["1/9"] * 9), "1 1 1 1 1 1 1 1 1", "÷ 9"),
        (read_kernel(["0.5", *["0"] * 8]), "1 0 0 0 0 0 0 0 0", "÷ 2"),
        (read_kernel(["3.14159265", *["0"] * 8]), "3.14 0 0 0 0 0 0 0 0", ""),
    ],
)
def test_numbers_are_written_as_people_do(kernel: Kernel, texts: str, divisor: str) -> None:
    assert kernel.written == (texts.split(), divisor)


@pytest.mark.parametrize(
    ("words", "error", "says"),
    [
        ("1 2 3", UsageError, "a name, 9 numbers or 25, not 3"),
        ("sobl-left", UnknownName, "did you mean 'sobel-left'?"),
        ("1 2 3 4 5 6 7 8 x", UsageError, "'x' is not a number"),
        ("1 2 3 4 5 6 7 8 1/0", UsageError, "'1/0' is not a number"),
        ("1 2 3 4 5 6 7 8 nan", UsageError, "'nan' is not a number"),
    ],
)
def test_bad_numbers_are_one_line(words: str, error: type[SandboxError], says: str) -> None:
    with pytest.raises(error) as caught:
        read_kernel(words.split())
    assert says in caught.value.message


def test_all_kernels_unless_some_are_given(photo: Path, capsys: Captured) -> None:
    result = answer(capsys, str(photo))
    assert [kernel["name"] for kernel in result["kernels"]] == list(KERNELS)
    assert result["file"] == "kernels-photo.png"
    sharpen = ["0", "-1", "0", "-1", "5", "-1", "0", "-1", "0"]
    chosen = answer(capsys, str(photo), "--kernel", *sharpen, "--kernel", "emboss", "-o", "a.png")
    assert [kernel["name"] for kernel in chosen["kernels"]] == ["identity", "kernel 1", "emboss"]
    assert chosen["kernels"][1]["numbers"] == [0, -1, 0, -1, 5, -1, 0, -1, 0]
    with Image.open("a.png") as drawn, Image.open("kernels-photo.png") as all_of_them:
        assert drawn.format == "PNG"
        assert all_of_them.size[1] > 3 * drawn.size[1]


def test_pictures_of_a_data_set_need_no_file(capsys: Captured) -> None:
    assert answer(capsys, "digits")["shape"] == [1, 8, 8]
    assert answer(capsys, "digits:3")["file"] == "kernels-digits-3.png"


def test_brightness_is_that_of_grey_pictures() -> None:
    colours = np.random.default_rng(0).integers(0, 256, (3, 100, 100), np.uint8)
    grey = np.asarray(Image.fromarray(colours.transpose(1, 2, 0)).convert("L"))[None]
    assert np.array_equal(shown(colours, KERNELS["outline"])[0], shown(grey, KERNELS["outline"])[0])


def test_large_pictures_are_reduced_and_keep_their_aspect(photo: Path, tmp_path: Path) -> None:
    assert read_reduced(photo, 30).shape == (3, 15, 30)
    assert read_reduced(photo, 500).shape == (3, 30, 60)
    with Image.open(photo) as image:
        image.convert("L").save(tmp_path / "grey.png")
        exif = image.getexif()
        exif[0x0112] = 6
        image.convert("RGB").save(tmp_path / "turned.jpg", exif=exif)
    assert read_reduced(tmp_path / "grey.png", 30).shape == (1, 15, 30)
    assert read_reduced(tmp_path / "turned.jpg", 30).shape == (3, 30, 15)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ("nowhere.png", 4, "there is no picture nowhere.png"),
        ("digist", 2, "unknown picture 'digist': did you mean 'digits'?"),
        ("digits:x", 2, "unknown class of digits 'x'"),
        ("text.png", 4, "it is no picture"),
        ("digits --size 3", 2, "--size must be 8 to 2,000 pixels, not 3"),
        ("digits -o a.jpg", 2, "-o must end in .png"),
        ("digits -o text.png/a.png", 2, "text.png is a file, not a folder"),
    ],
)
def test_bad_input_is_one_line(words: str, code: int, says: str, capsys: Captured, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    assert main(["kernels", *words.split()]) == code
    shown_text = capsys.readouterr()
    assert shown_text.out == ""
    assert says in shown_text.err
    assert "Traceback" not in shown_text.err
