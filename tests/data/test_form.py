"""Form: any data set in another size or other colours."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sandbox.core.errors import ConfigError, NotFound, Refused, UnknownName, UsageError
from sandbox.data.catalog import Form, canonical, label, load
from sandbox.data.convert import converted
from sandbox.data.pictures import Pictures

shapes = st.tuples(st.sampled_from([1, 3]), st.integers(4, 40), st.integers(4, 40))


def pictures(shape: tuple[int, int, int], seed: int = 0, count: int = 2) -> Pictures:
    drawn = np.random.default_rng(seed).integers(0, 256, (count, *shape), np.uint8)
    return Pictures(torch.from_numpy(drawn), torch.zeros(count, dtype=torch.int64), ("a",))


@given(shapes, shapes)
def test_every_shape_becomes_every_other(had: tuple[int, int, int], wanted: tuple[int, int, int]) -> None:
    assert converted(pictures(had), wanted).shape == wanted


@given(shapes, st.integers(4, 40))
def test_a_plain_picture_stays_plain(had: tuple[int, int, int], side: int) -> None:
    plain = Pictures(torch.full((1, *had), 77, dtype=torch.uint8), torch.tensor([0]), ("a",))
    assert (converted(plain, (3, side, side)).images == 77).all()


def test_a_form_that_asks_for_nothing_changes_nothing() -> None:
    some = pictures((1, 8, 8))
    assert converted(some, Form().of(some.shape)) is some


def test_grey_is_luminance_and_colour_repeats_grey() -> None:
    some = pictures((3, 5, 5))
    grey = converted(some, (1, 5, 5)).images
    expected = [np.asarray(Image.fromarray(one.permute(1, 2, 0).numpy()).convert("L")) for one in some.images]
    assert np.array_equal(grey[:, 0], expected)
    again = converted(Pictures(grey, some.labels, ("a",)), (3, 5, 5)).images
    assert torch.equal(again, grey.expand(-1, 3, -1, -1))


def test_shrinking_skips_no_pixel() -> None:
    stripes = torch.zeros(1, 1, 32, 32, dtype=torch.uint8)
    stripes[..., ::2] = 200
    small = converted(Pictures(stripes, torch.tensor([0]), ("a",)), (1, 8, 8)).images
    assert ((small - 100.0).abs() < 12).all()


def test_what_sticks_out_is_cut_off_on_both_sides() -> None:
    wide = torch.zeros(1, 1, 10, 30, dtype=torch.uint8)
    wide[..., 10:20] = 255
    assert (converted(Pictures(wide, torch.tensor([0]), ("a",)), (1, 10, 10)).images == 255).all()


def test_every_split_of_a_named_data_set_gets_the_form() -> None:
    digits = load("digits", form=Form(size=12, colours="colour"))
    assert [split.shape for split in (digits.train, digits.validation, digits.test)] == [(3, 12, 12)] * 3
    assert torch.equal(digits.test.labels, load("digits").test.labels)


def test_a_form_that_does_not_fit_into_the_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.data.form.available_memory", lambda: 2**20)
    monkeypatch.setattr("sandbox.data.convert.converted", lambda *_: pytest.fail("made"))
    with pytest.raises(Refused, match=r"1,797 pictures of 64×64 grey needs 0\.0 GiB"):
        load("digits", form=Form(size=64))


@pytest.mark.parametrize(
    ("size", "colours", "key"), [(3, None, "size"), (5_000, None, "size"), (8, "red", "colours")]
)
def test_a_form_that_cannot_be_is_refused(size: int, colours: str | None, key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Form(size, colours)  # type: ignore[arg-type]
    assert caught.value.key == key


def test_other_numbers_of_channels_have_no_colours() -> None:
    with pytest.raises(UsageError, match="2 channels"):
        converted(pictures((2, 8, 8)), (1, 8, 8))


def test_a_name_is_checked_before_anything_is_read(tmp_path: object) -> None:
    assert canonical("mnist") == "mnist"
    with pytest.raises(UnknownName, match="did you mean 'mnist'"):
        canonical("mnits")
    with pytest.raises(NotFound, match="there is no folder"):
        canonical(f"folder:{tmp_path}/nowhere")


def test_a_folder_without_its_prefix_is_recognised(tmp_path: object) -> None:
    with pytest.raises(UnknownName) as caught:
        canonical(str(tmp_path))
    assert caught.value.hint == f"for pictures of your own: folder:{tmp_path}"


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("mnist", "mnist"),
        ("folder:/home/me/cats", "cats"),
        ("folder:/", "folder"),
        ("frames:Snake", "Snake"),
        ("frames:Snake@expert", "Snake-expert"),
        ("frames:ALE/Pong-v5@/runs/first", "Pong-v5-first"),
    ],
)
def test_the_label_of_a_data_set_can_be_part_of_a_file_name(name: str, short: str) -> None:
    assert label(name) == short
