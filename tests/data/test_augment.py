"""Augmentation: the generator decides, pictures stay pictures, and nothing moves further than declared."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
import torch
from torch import Tensor

from sandbox.core.errors import ConfigError, UsageError
from sandbox.core.plugins import DATA
from sandbox.data.augment import DEFAULT, PRESETS, Augment, preset

EVERYTHING = Augment(
    rotation_degrees=15,
    shift=0.1,
    scale=0.2,
    shear_degrees=10,
    flip=True,
    brightness=0.2,
    contrast=0.3,
    erasing=0.5,
    padding="reflection",
)


def noise(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(9))


def apply(augment: Augment, pictures: Tensor, seed: int = 0) -> Tensor:
    return augment(pictures, torch.Generator().manual_seed(seed))


def dots(batch: int, size: int, x: float, y: float) -> Tensor:
    """Black pictures (batch, 1, size, size) with a soft dot at (x, y)."""
    along = torch.arange(size)
    row, column = (torch.exp(-((along - at) ** 2) / 2) for at in (y, x))
    return (row[:, None] * column).expand(batch, 1, size, size).clone()


def centres(pictures: Tensor) -> tuple[Tensor, Tensor]:
    """The centre of light of each picture: x and y, both (batch,)."""
    light = pictures[:, 0] / pictures.sum(dim=(1, 2, 3))[:, None, None]
    along = torch.arange(pictures.shape[-1]).float()
    return light.sum(dim=1) @ along, light.sum(dim=2) @ along


@pytest.mark.parametrize("augment", [*PRESETS.values(), DEFAULT, EVERYTHING])
@pytest.mark.parametrize("shape", [(16, 1, 28, 28), (16, 3, 33, 17), (1, 1, 8, 8), (3, 4, 5, 64)])
def test_pictures_of_any_size_stay_pictures(augment: Augment, shape: tuple[int, ...]) -> None:
    pictures = noise(*shape)
    before = pictures.clone()
    altered = apply(augment, pictures)
    assert altered.shape == pictures.shape
    assert altered.dtype == pictures.dtype
    assert altered.min() >= 0
    assert altered.max() <= 1
    assert not torch.equal(altered, pictures)
    assert torch.equal(pictures, before)


def test_the_generator_decides() -> None:
    pictures = noise(8, 1, 28, 28)
    assert torch.equal(apply(EVERYTHING, pictures, 1), apply(EVERYTHING, pictures, 1))
    assert not torch.equal(apply(EVERYTHING, pictures, 1), apply(EVERYTHING, pictures, 2))


def test_a_generator_goes_on_from_batch_to_batch() -> None:
    pictures, generator = noise(8, 1, 28, 28), torch.Generator().manual_seed(0)
    assert not torch.equal(EVERYTHING(pictures, generator), EVERYTHING(pictures, generator))


def test_torchs_global_generator_is_left_alone() -> None:
    before = torch.get_rng_state()
    apply(EVERYTHING, noise(8, 3, 28, 28))
    assert torch.equal(torch.get_rng_state(), before)


def test_every_picture_of_a_batch_is_altered_in_its_own_way() -> None:
    altered = apply(EVERYTHING, noise(1, 1, 28, 28).expand(32, 1, 28, 28))
    assert len(altered.flatten(1).unique(dim=0)) == 32


def test_nothing_asked_nothing_done() -> None:
    pictures = noise(8, 3, 28, 28)
    assert torch.equal(apply(Augment(), pictures), pictures)


def test_switching_one_thing_off_changes_no_other() -> None:
    pictures = dots(64, 33, 16, 16)
    shifted = apply(Augment(shift=0.1), pictures)
    both = apply(Augment(shift=0.1, erasing=1.0, erased_side=0.01), pictures)
    assert torch.equal(shifted, both)


def test_a_shift_moves_no_further_than_declared() -> None:
    x, y = centres(apply(Augment(shift=0.1), dots(512, 41, 20, 20)))
    for moved in (x - 20, y - 20):
        assert moved.abs().max() <= 4.1 + 0.02
        assert moved.min() < -3.5
        assert moved.max() > 3.5


def test_a_rotation_turns_about_the_middle_no_further_than_declared() -> None:
    x, y = centres(apply(Augment(rotation_degrees=20), dots(512, 41, 32, 20)))
    turned = torch.rad2deg(torch.atan2(y - 20, x - 20))
    assert turned.abs().max() <= 20.1
    assert turned.min() < -18
    assert turned.max() > 18
    assert torch.allclose(torch.hypot(x - 20, y - 20), torch.tensor(12.0), atol=0.1)


def test_a_scale_keeps_the_middle_and_its_declared_ends() -> None:
    x, y = centres(apply(Augment(scale=0.25), dots(512, 41, 30, 20)))
    distance = x - 20
    assert torch.allclose(y, torch.tensor(20.0), atol=0.05)
    assert 10 / 1.25 - 0.1 <= distance.min() < 8.5
    assert 12 < distance.max() <= 12.5 + 0.1


def test_a_shear_moves_rows_by_their_height_no_further_than_declared() -> None:
    most = math.tan(math.radians(15)) * 10
    x, _ = centres(apply(Augment(shear_degrees=15), dots(512, 41, 20, 10)))
    assert (x - 20).abs().max() <= most + 0.1
    assert (x - 20).min() < -0.8 * most
    assert (x - 20).max() > 0.8 * most


def test_flipping_mirrors_half_of_the_pictures() -> None:
    pictures = noise(1, 1, 9, 9).expand(400, 1, 9, 9)
    flipped = apply(Augment(flip=True), pictures)
    mirrored = torch.isclose(flipped, pictures.flip(-1), atol=1e-4).flatten(1).all(1)
    kept = torch.isclose(flipped, pictures, atol=1e-4).flatten(1).all(1)
    assert (mirrored ^ kept).all()
    assert 150 < mirrored.sum() < 250


def test_brightness_is_added_and_contrast_turns_about_the_mean() -> None:
    pictures = 0.4 + 0.2 * noise(256, 3, 12, 12)
    added = (apply(Augment(brightness=0.1), pictures) - pictures).flatten(1)
    assert added.std(dim=1).max() < 1e-6
    assert 0.09 < added.abs().max() <= 0.1 + 1e-6

    altered = apply(Augment(contrast=0.5), pictures).flatten(1)
    assert torch.allclose(altered.mean(1), pictures.flatten(1).mean(1), atol=1e-5)
    factor = altered.std(1) / pictures.flatten(1).std(1)
    assert 1 / 1.5 - 1e-4 <= factor.min() < 0.7
    assert 1.45 < factor.max() <= 1.5 + 1e-4


def test_erasing_puts_one_box_of_grey_into_some_pictures() -> None:
    pictures = torch.cat([torch.zeros(600, 1, 30, 15), torch.ones(600, 1, 30, 15)], dim=2)  # 60 × 15
    changed = apply(Augment(erasing=0.3, erased_side=0.4), pictures) != pictures
    assert 130 < changed.flatten(1).any(1).sum() < 230
    rows, columns = changed.any(3).sum(2), changed.any(2).sum(2)  # (600, 1)
    assert torch.equal(rows * columns, changed.sum(dim=(2, 3)))
    assert (rows.max(), columns.max()) == (24, 6)
    assert (rows[rows > 0].min(), columns[columns > 0].min()) == (8, 2)


@pytest.mark.parametrize(("padding", "corner"), [("zeros", 0.0), ("border", 1.0), ("reflection", 1.0)])
def test_what_comes_in_from_outside(padding: Any, corner: float) -> None:
    white = torch.ones(32, 1, 20, 20)
    altered = apply(Augment(rotation_degrees=30, padding=padding), white)
    assert altered[:, :, 0, 0].min() == pytest.approx(corner, abs=1e-5)


@pytest.mark.parametrize("name", DATA)
def test_digits_and_letters_are_never_mirrored(name: str) -> None:
    assert name in PRESETS
    assert not preset(name).flip


def test_a_data_set_without_a_preset_gets_the_default() -> None:
    assert preset("somebody's own") == DEFAULT
    assert not DEFAULT.flip


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        ({"shift": -0.1}, "shift"),
        ({"shift": 1.5}, "shift"),
        ({"scale": -0.5}, "scale"),
        ({"shear_degrees": 60}, "shear_degrees"),
        ({"erasing": 2}, "erasing"),
        ({"contrast": float("nan")}, "contrast"),
        ({"padding": "mirror"}, "padding"),
    ],
)
def test_an_amount_that_makes_no_sense_is_named(wrong: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError, match=f"^{key} must be") as caught:
        dataclasses.replace(DEFAULT, **wrong)
    assert caught.value.key == key


@pytest.mark.parametrize("pictures", [torch.zeros(4, 1, 8, 8, dtype=torch.uint8), torch.zeros(4, 8, 8)])
def test_bytes_and_single_pictures_are_refused(pictures: Tensor) -> None:
    with pytest.raises(UsageError, match="pictures must be float"):
        apply(DEFAULT, pictures)
