"""Ways, walks and sums among latents, on a model whose pictures show its latents."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from generative.generate.arithmetic import parse_formula, summed
from generative.generate.codes import Codes, codes_of
from generative.generate.ends import End, find_end
from generative.generate.plane_plot import LETTER_SIDE, NAME_SIDE, _apart
from generative.generate.walk import walk_plane, walk_rows, way
from generative.passes import fitting_labels
from sandbox.core.errors import SandboxError
from sandbox.data.pictures import Pictures
from tests.generative.generate.linear import Linear, latents_of, picture_of

A, B = End("a", picture_of(-5, 2, 1, label=1), 1), End("b", picture_of(5, 2, -3, label=3), 3)
CLASSES = ("zero", "one", "two", "three")


def test_a_way_is_the_straight_line_between_two_latents() -> None:
    ((label, pictures),) = way(Linear(), (A, B), (), 5)
    assert label is None
    wanted = torch.tensor([[-5, 2, 1], [-2.5, 2, 0], [0, 2, -1], [2.5, 2, -2], [5, 2, -3]])
    assert (latents_of(pictures) - wanted).abs().max() < 0.1


def test_a_model_that_is_told_classes_goes_the_way_once_as_either() -> None:
    model = Linear(classes=CLASSES)
    found = way(model, (A, B), CLASSES, 3)
    assert [label for label, _ in found] == [1, 3]
    assert (latents_of(found[0][1]) - latents_of(found[1][1])).abs().max() == 0
    assert [pictures[:, 0, 0, -1].unique().tolist() for _, pictures in found] == [[140], [166]]
    assert [label for label, _ in way(model, (A, A), CLASSES, 3)] == [1]


def test_a_picture_of_unknown_class_is_taken_for_the_one_that_fits_best() -> None:
    model = Linear(classes=CLASSES)
    assert fitting_labels(model, B.picture[None], CLASSES).tolist() == [3]
    assert fitting_labels(model, B.picture[None], ("zero", "two")).tolist() == [2]  # what was learned from


@pytest.fixture
def pictures() -> Pictures:
    """Eight pictures of four latents each, two of every class but the last, which has none."""
    rows = [picture_of(row, 0, 0, label=row // 2) for row in range(6)]
    return Pictures(torch.stack(rows), torch.arange(6) // 2, CLASSES)


def test_an_end_is_a_class_a_test_picture_or_a_file(pictures: Pictures, tmp_path: Path) -> None:
    one = find_end("ONE", pictures, CLASSES, 0, "first")
    assert one.label == 1
    assert one.name in ("one (test:2)", "one (test:3)")
    picked = {find_end("one", pictures, CLASSES, seed, "first").name for seed in range(20)}
    assert picked == {"one (test:2)", "one (test:3)"}
    assert find_end("test:5", pictures, CLASSES, 0, "first").label == 2
    file = tmp_path / "mine.png"
    Image.fromarray(pictures.images[4, 0].numpy()).save(file)
    found = find_end(str(file), pictures, CLASSES, 0, "last")
    assert (found.name, found.label) == ("mine.png", None)
    assert torch.equal(found.picture, pictures.images[4])


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("tow", "'tow' is no class and no file: did you mean 'two'?"),
        ("test:6", "'test:6' is no test picture"),
        ("test:x", "'test:x' is no test picture"),
        ("three", "there is no test picture of the class 'three'"),
        ("nowhere.png", "nowhere.png cannot be used: there is no such file"),
    ],
)
def test_an_end_that_is_none_is_named(word: str, message: str, pictures: Pictures) -> None:
    with pytest.raises(SandboxError) as caught:
        find_end(word, pictures, CLASSES, 0, "first")
    assert caught.value.message.startswith(message)


def test_rows_go_along_the_latents_that_vary_most_and_leave_the_others() -> None:
    generator = torch.Generator().manual_seed(0)
    codes = torch.randn(5_000, 4, generator=generator) * torch.tensor([0.5, 0.05, 2, 1]) + 1
    start = torch.tensor([3.0, 3.0, 3.0, 3.0])
    rows = walk_rows(Linear(4), codes, start, None, 5)
    assert (rows.latents, rows.active) == ([2, 3, 0], 3)
    assert rows.deviations == pytest.approx([2, 1, 0.5], rel=0.05)
    for latent, deviation, pictures in zip(rows.latents, rows.deviations, rows.pictures, strict=True):
        shown = latents_of(pictures)
        wanted = codes[:, latent].mean() + deviation * torch.tensor([-2.5, -1.25, 0, 1.25, 2.5])
        assert (shown[:, latent] - wanted).abs().max() < 0.05
        others = [other for other in range(4) if other != latent]
        assert (shown[:, others] - 3).abs().max() < 0.05


def test_rows_of_a_model_that_tells_nothing_are_still_one() -> None:
    rows = walk_rows(Linear(3), torch.zeros(10, 3), torch.zeros(3), None, 3)
    assert (len(rows.latents), rows.active) == (1, 0)


def test_the_plane_of_a_prior_is_at_its_quantiles() -> None:
    codes = torch.randn(2_000, 2, generator=torch.Generator().manual_seed(0))
    plane = walk_plane(Linear(2), codes, None, 4, normal=True)
    ticks = torch.tensor([-1.1503, -0.3186, 0.3186, 1.1503])  # of the standard normal at 1/8, 3/8, 5/8, 7/8
    assert torch.allclose(plane.ticks, ticks.expand(2, 4), atol=1e-3)
    shown = latents_of(plane.pictures)  # (4, 4, 2)
    assert (shown[..., 0] - ticks).abs().max() < 0.05  # to the right
    assert (shown[..., 1] - ticks.flip(0)[:, None]).abs().max() < 0.05  # upwards
    assert torch.allclose(plane.places, torch.special.ndtr(codes))


def test_the_plane_of_an_autoencoder_is_at_quantiles_of_its_codes() -> None:
    codes = torch.rand(4_000, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor([2.0, 8.0])
    plane = walk_plane(Linear(2), codes, None, 4, normal=False)
    ticks = torch.tensor([[0.25, 0.75, 1.25, 1.75], [1, 3, 5, 7]])
    assert (plane.ticks - ticks).abs().max() < 0.15
    assert (plane.places - codes / torch.tensor([2.0, 8.0])).abs().max() < 0.03


def test_the_plane_of_a_model_that_is_told_classes_is_of_one() -> None:
    plane = walk_plane(Linear(2, CLASSES), torch.zeros(5, 2), 3, 2, normal=True)
    assert plane.pictures[..., -1].unique().tolist() == [166]


@pytest.fixture
def codes(pictures: Pictures) -> Codes:
    """Means of 0.5, 2.5 and 4.5 in the first latent, in the middle 2.5."""
    return codes_of(Linear(), pictures)


@pytest.mark.parametrize(
    ("formula", "first", "nearest"),
    [
        ("two", 4.5, "two"),
        ("two - one + zero", 2.5, "one"),
        ("two + two - one", 6.5, "two"),
        ("one - one", 2.5, "one"),  # the middle of all
        ("two - one", 4.5, "two"),
        ("zero + zero", -1.5, "zero"),
    ],
)
def test_sums_count_from_the_mean_of_all_pictures(
    formula: str, first: float, nearest: str, codes: Codes
) -> None:
    found = summed(codes, parse_formula(formula, CLASSES), CLASSES)
    assert float(found.result[0]) == pytest.approx(first, abs=0.1)
    assert found.nearest == nearest


def test_a_sum_needs_a_test_picture_of_each_class(codes: Codes) -> None:
    with pytest.raises(SandboxError, match="no test picture of the class 'three'"):
        summed(codes, parse_formula("three", CLASSES), CLASSES)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.integers(1, 12)), min_size=1, max_size=10))
def test_names_in_a_plane_do_not_lie_on_each_other(names: list[tuple[float, float, int]]) -> None:
    widths = np.array([LETTER_SIDE * (1 + letters) for *_, letters in names])
    placed = _apart(np.array([place for *place, _ in names]), widths)
    assert ((placed >= 0) & (placed <= 1)).all()
    for one, other in combinations(range(len(names)), 2):
        across, up = np.abs(placed[one] - placed[other])
        assert across > (widths[one] + widths[other]) / 2 - 1e-3 or up > 0.7 * NAME_SIDE


def test_many_pictures_are_encoded_in_batches() -> None:
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (1_300, 1, 1, 4), np.uint8))
    many = Pictures(images, torch.zeros(1_300, dtype=torch.int64), ("all",))
    found = codes_of(Linear(), many)
    assert torch.allclose(found.latents, latents_of(images), atol=1e-4)
