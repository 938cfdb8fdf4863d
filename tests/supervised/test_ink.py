"""Photos of handwriting are brought to the form that the data set has; hands and clothes are left alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.data.catalog import load
from sandbox.supervised.prediction.ink import InkForm, in_form, ink_form, written
from tests.supervised.photos import photo, ring

MNIST_FORM = InkForm(0, 20 / 28, True, 0.5, 0.5)


def test_the_form_of_the_bundled_digits_is_found() -> None:
    form = ink_form(load("digits").validation.images.numpy())
    assert form is not None
    assert (form.background, form.box) == (0, 1.0)  # from top to bottom
    assert form.column == pytest.approx(0.5, abs=0.05)


def test_mnist_has_its_authors_form_and_hands_have_none(data_root: Path) -> None:
    form = ink_form(load("mnist", data_root).validation.images[::20].numpy())
    assert form is not None
    assert (form.background, form.box, form.by_mass) == (0, 20 / 28, True)
    assert (form.row, form.column) == pytest.approx((0.5, 0.5), abs=0.03)
    assert ink_form(load("sign_mnist", data_root).validation.images[::20].numpy()) is None


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_that_fill_their_frames_have_no_form(channels: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (50, channels, 16, 16)).astype(np.uint8)
    assert ink_form(images) is None


def test_black_pages_have_no_form() -> None:
    assert ink_form(np.zeros((50, 1, 16, 16), np.uint8)) is None


def test_strokes_of_any_size_have_no_form() -> None:
    rng = np.random.default_rng(0)
    images = np.zeros((60, 1, 28, 28), np.uint8)
    for picture in images:
        size = rng.integers(3, 20)
        picture[0, 4 : 4 + size, 4 : 4 + size] = 255
    assert ink_form(images) is None


def test_dark_strokes_on_white_are_a_form_too() -> None:
    form = ink_form(np.repeat(255 - ring()[None, None], 30, 0))
    assert form is not None
    assert form.background == 255
    assert written(photo(ring(), 1), form, 28, 28)[0, 0] == 255  # type: ignore[index]


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.booleans())
def test_where_how_large_and_on_what_it_is_written_makes_no_difference(seed: int, negative: bool) -> None:
    taken = photo(ring(), seed)
    found = written(255 - taken if negative else taken, MNIST_FORM, 28, 28)
    assert found is not None
    rows, columns = np.flatnonzero(found.max(1) > 60), np.flatnonzero(found.max(0) > 60)
    assert rows[-1] - rows[0] + 1 == pytest.approx(20, abs=1)
    assert columns[-1] - columns[0] + 1 == pytest.approx(20, abs=1)
    assert (rows[0] + rows[-1]) / 2 == pytest.approx(13.5, abs=1)
    assert (columns[0] + columns[-1]) / 2 == pytest.approx(13.5, abs=1)
    assert found[0].max() == found[:, -1].max() == 0
    assert found[12:16, 12:16].max() < 60  # the hole of the O
    assert found.max() > 240


def test_a_sheet_without_ink_has_nothing_written_on_it() -> None:
    assert written(photo(np.zeros((28, 28), np.uint8), 3), MNIST_FORM, 28, 28) is None
    assert written(np.full((50, 80), 200, np.uint8), MNIST_FORM, 28, 28) is None


@settings(max_examples=25)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 99))
def test_any_picture_is_brought_to_the_size_or_found_empty(height: int, width: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width)).astype(np.uint8)
    found = written(pixels, MNIST_FORM, 28, 28)
    assert found is None or (found.shape == (28, 28) and found.dtype == np.uint8)


def test_a_picture_of_the_data_set_is_known_as_one() -> None:
    assert in_form(ring(), MNIST_FORM)
    assert not in_form(255 - ring(), MNIST_FORM)


def test_photographed_digits_are_recognised_as_well_as_the_originals(data_root: Path) -> None:
    """By the nearest of some training pictures: no network's luck is measured."""
    data = load("mnist", data_root)
    form = ink_form(data.validation.images[::20].numpy())
    assert form is not None
    known = data.train.images[:6000, 0].numpy().reshape(6000, -1) / 255.0
    known /= np.linalg.norm(known, axis=1, keepdims=True)
    originals, labels = data.test.images[:250, 0].numpy(), data.test.labels[:250].numpy()
    photos = [written(photo(digit, seed), form, 28, 28) for seed, digit in enumerate(originals)]
    right = [
        float(
            (
                data.train.labels[:6000].numpy()[(np.reshape(some, (250, -1)) @ known.T).argmax(1)] == labels
            ).mean()
        )
        for some in (originals / 255.0, np.stack([one for one in photos if one is not None]) / 255.0)
    ]
    assert right[0] > 0.93
    assert right[1] > right[0] - 0.03
