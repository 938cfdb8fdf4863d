"""New pictures: keyed by seed and number, whatever the batch; of classes in turn; each in a file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from generative.generate.grids import _where
from generative.generate.numbered import file_name, prepare_folder, write_pictures
from generative.generate.pictures import asked_for, check_grid, columns_for, drawn, scale_for
from generative.generate.source import Prior, keyed_noise
from generative.passes import pass_size
from sandbox.core.errors import SandboxError
from tests.generative.generate.linear import Linear, latents_of


def all_of(source: Prior, count: int, chosen: list[int]) -> torch.Tensor:
    return torch.cat([some for _, some in drawn(source, count, chosen)])


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 9))
def test_a_picture_does_not_depend_on_how_many_are_drawn(one: int, other: int, seed: int) -> None:
    source, both = Prior(Linear(), seed), min(one, other)
    assert torch.equal(all_of(source, one, [])[:both], all_of(source, other, [])[:both])


def test_thousands_of_pictures_are_drawn_in_batches() -> None:
    model = Linear()
    pictures = all_of(Prior(model, 0), 2_000, [])
    assert max(model.seen) <= pass_size(model.shape) < 2_000
    assert len(pictures) == 2_000
    alone = Prior(model, 0).draw([1_999], None)
    assert torch.equal(pictures[1_999:], alone)


def test_pictures_come_from_the_standard_normal_distribution() -> None:
    latents = keyed_noise(3, range(4_000), (5,))
    assert latents.mean(0).abs().max() < 0.06
    assert (torch.cov(latents.T) - torch.eye(5)).abs().max() < 0.08
    shown = latents_of(all_of(Prior(Linear(5), 3), 4_000, []))
    assert (shown - latents).abs().max() < 0.05


def test_another_seed_draws_others() -> None:
    assert not torch.equal(keyed_noise(0, range(3), (4,)), keyed_noise(1, range(3), (4,)))


def test_classes_come_in_turn() -> None:
    source = Prior(Linear(2, tuple("abc")), 0)
    chosen = asked_for(source.classes, source.classes, None, "c, a", "run")
    assert chosen == [2, 0]
    marks = all_of(source, 5, chosen)[:, 0, 0, -1].tolist()
    assert marks == [153, 128, 153, 128, 153]
    assert asked_for(source.classes, source.classes, "B", None, "run") == [1]
    assert asked_for(source.classes, ("a", "c"), None, None, "run") == [0, 2]  # what was learned


@pytest.mark.parametrize(
    ("classes", "one", "several", "message"),
    [
        ((), "7", None, "--class is for models that were told classes in training, and first was not"),
        ((), None, "7", "--classes is for models that were told classes"),
        (("left", "right"), "rihgt", None, "unknown class 'rihgt': did you mean 'right'?"),
        (("left", "right"), None, "left,up", "unknown class 'up'"),
        (("left", "right"), None, " , ", "--classes names no class"),
        (("left", "right"), None, "left,,right", "--classes left,,right has an empty name in it"),
    ],
)
def test_classes_that_cannot_be_drawn_are_named(
    classes: tuple[str, ...], one: str | None, several: str | None, message: str
) -> None:
    with pytest.raises(SandboxError) as caught:
        asked_for(classes, classes, one, several, "first")
    assert message in caught.value.message


def test_a_model_of_one_class_draws_nothing_else() -> None:
    with pytest.raises(SandboxError) as caught:
        asked_for((), ("3",), "3", None, "only3")
    assert caught.value.hint == "it learned from 3 alone: every picture is of it"


@pytest.mark.parametrize(
    ("count", "columns", "line"),
    [(2, 2, "columns   a, b"), (9, 3, "columns   a, b, c"), (12, 6, "columns   a, b, c, a, …"),
     (9, 2, "in turn   a, b, c")],
)  # fmt: skip
def test_columns_are_named_as_far_as_there_are_any(count: int, columns: int, line: str) -> None:
    assert _where(["a", "b", "c"], count, columns) == line


@given(st.integers(1, 500), st.integers(1, 40))
def test_columns_of_a_grid_have_one_class_each(count: int, classes: int) -> None:
    columns = columns_for(count, (1, 28, 28), classes)
    assert 1 <= columns <= count
    if classes <= min(count, 32) and columns < count:
        assert columns % classes == 0


@given(st.integers(1, 20_000), st.sampled_from([8, 28, 40, 128]))
def test_few_small_pictures_are_enlarged_and_many_are_not(count: int, side: int) -> None:
    shape = (1, side, side)
    columns = columns_for(count, shape, 0)
    scale = scale_for(count, columns, shape)
    assert scale == 1 or scale * side * columns <= 4_000
    if count <= 400:
        assert scale == {8: 10, 28: 3, 40: 2, 128: 1}[side]


def test_a_grid_no_viewer_opens_is_refused() -> None:
    check_grid(10_000, (1, 28, 28))
    with pytest.raises(SandboxError, match="--each DIR"):
        check_grid(1_000_000, (1, 28, 28))


@pytest.mark.parametrize("channels", [1, 3])
def test_files_hold_the_pictures_as_they_are(channels: int, tmp_path: Path) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (2, channels, 5, 7), np.uint8)
    write_pictures(tmp_path, ["a.png", "b.png"], pictures)
    for name, picture in zip(("a.png", "b.png"), pictures, strict=True):
        with Image.open(tmp_path / name) as found:
            assert found.mode == {1: "L", 3: "RGB"}[channels]
            shape = (5, 7) if channels == 1 else (5, 7, 3)
            expected = picture[0] if channels == 1 else picture.transpose(1, 2, 0)
            assert np.asarray(found).shape == shape
            np.testing.assert_array_equal(found, expected)


def test_files_are_called_by_number_and_class() -> None:
    assert file_name(7, None) == "00007.png"
    assert file_name(123_456, "a/b c") == "123456-a-b-c.png"
    assert file_name(1, "../..") == "00001.png"


ABOUT = {"run": "first", "steps": 100, "seed": 0, "classes": []}


def test_a_folder_says_what_is_in_it_and_takes_more_of_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "made"
    prepare_folder(folder, ABOUT)
    assert json.loads((folder / "generated.json").read_text())["run"] == "first"
    (folder / "00000.png").write_bytes(b"a picture")
    prepare_folder(folder, ABOUT)
    assert (folder / "00000.png").read_bytes() == b"a picture"


@pytest.mark.parametrize(
    ("there", "content", "message"),
    [
        ("00000.png", "mine", "there are other files in"),
        ("generated.json", "mine", "there are other files in"),
        ("generated.json", '{"schema": "sandbox.generated/1", "seed": 5}', "not the same run, steps, seed"),
    ],
)
def test_a_folder_of_anybody_else_is_left_alone(
    there: str, content: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / there).write_text(content)
    with pytest.raises(SandboxError) as caught:
        prepare_folder(tmp_path, ABOUT)
    assert message in caught.value.message
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(there, content)]


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(SandboxError, match="--each is for a folder"):
            prepare_folder(folder, ABOUT)
