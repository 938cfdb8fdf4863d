"""The judge of a data set, what it measures by, and who may not judge."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from generative.quality import recipe
from generative.quality.asked import check_judge, descends, judge_for
from generative.quality.judge import Judged
from generative.quality.recipe import house_judge
from generative.quality.yardstick import Yardstick
from sandbox.core.errors import Diverged, UsageError
from sandbox.core.run import Run
from sandbox.core.runs import create_run
from sandbox.data.catalog import load
from sandbox.data.pictures import Dataset, Pictures
from sandbox.ui.console import Console

QUIET = Console(quiet=True)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A recipe of few steps, and a cache of its own."""
    monkeypatch.setattr(recipe, "EPOCHS", 3)
    monkeypatch.setattr(recipe, "FEWEST", 1)
    monkeypatch.setenv("SANDBOX_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load("digits")


def pixels(images: Tensor) -> Judged:
    """A judge that sees eight pixels, and answers with the brightest."""
    features = images.flatten(1)[:, :8].float()
    return Judged(features, features.argmax(1))


def pictures(n: int, seed: int = 0, classes: int = 8) -> Pictures:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (n, 1, 3, 4), dtype=torch.uint8, generator=generator)
    return Pictures(images, torch.arange(n) % classes, tuple("abcdefgh"[:classes]))


def without_classes(dataset: Dataset) -> Dataset:
    parts = [
        Pictures(part.images, torch.zeros_like(part.labels), ("frame",))
        for part in (dataset.train, dataset.validation, dataset.test)
    ]
    return Dataset("frames", *parts, summary="", source="", licence="")


@pytest.mark.usefixtures("short")
def test_a_judge_is_trained_once_and_kept(digits: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    first = house_judge(digits, QUIET)
    assert "has no judge yet" in capsys.readouterr().err
    second = house_judge(digits, QUIET)
    assert capsys.readouterr().err == ""
    assert first.file is not None
    assert first.file == second.file
    one, other = first.judge(digits.test.images), second.judge(digits.test.images)
    assert torch.equal(one.features, other.features)
    assert one.answers is not None
    assert float((one.answers == digits.test.labels).float().mean()) > 0.8


@pytest.mark.usefixtures("short")
def test_a_damaged_judge_is_trained_anew(digits: Dataset) -> None:
    first = house_judge(digits, QUIET)
    assert first.file is not None
    content = bytearray(first.file.read_bytes())
    content[-100] ^= 255
    first.file.write_bytes(content)
    again = house_judge(digits, QUIET)
    assert again.file is not None
    assert again.file.read_bytes() != bytes(content)
    expected = first.judge(digits.test.images).features
    assert torch.equal(again.judge(digits.test.images).features, expected)


@pytest.mark.usefixtures("short")
def test_other_pictures_have_another_judge_and_the_old_one_goes(digits: Dataset) -> None:
    first = house_judge(digits, QUIET).file
    fewer = digits.train.take(torch.arange(500))
    parts = (fewer, digits.validation, digits.test)
    other = house_judge(Dataset("digits", *parts, summary="", source="", licence=""), QUIET).file
    assert first is not None
    assert other is not None
    assert (first.exists(), other.exists()) == (False, True)


def test_without_classes_nothing_is_learned_and_nothing_answered(digits: Dataset) -> None:
    frames = without_classes(digits)
    one, other = (house_judge(frames, QUIET) for _ in range(2))
    assert (one.kind, one.file) == ("untrained", None)
    found = one.judge(frames.test.images)
    assert found.answers is None
    assert torch.equal(found.features, other.judge(frames.test.images).features)
    real = Yardstick(one.judge, frames.test, frames.train, 200).measure(frames.validation.images)
    noise = torch.randint(0, 256, (200, 1, 8, 8), dtype=torch.uint8)
    noisy = Yardstick(one.judge, frames.test, frames.train, 200).measure(noise)
    assert real.ratio < 1.5 < noisy.ratio
    assert noisy.drawn.recall < 0.1
    assert real.obedience is None


def test_real_pictures_are_about_as_far_as_the_floor() -> None:
    yardstick = Yardstick(pixels, pictures(400), pictures(800, seed=1), 300)
    found = yardstick.measure(pictures(300, seed=2).images)
    assert 0.7 < found.ratio < 1.4
    assert found.drawn.precision == pytest.approx(found.floor.precision, abs=0.1)
    assert yardstick.measure(pictures(300, seed=2).images // 2).ratio > 5


def test_the_floor_has_no_more_pictures_than_are_measured_and_these_no_more_than_it() -> None:
    assert Yardstick(pixels, pictures(400), pictures(100, seed=1), 300).count == 100
    assert Yardstick(pixels, pictures(400), pictures(800, seed=1), 300).count == 300
    with pytest.raises(UsageError, match="50 pictures cannot be measured as 100 are"):
        Yardstick(pixels, pictures(400), pictures(100, seed=1), 100).measure(pictures(50).images)


def test_shares_of_classes_are_those_of_what_is_measured() -> None:
    """Of two classes one is rare in the data; samples have as many of both."""
    images = torch.zeros(220, 1, 3, 4, dtype=torch.uint8)
    images[200:] = 200
    images += torch.randint(0, 20, images.shape, dtype=torch.uint8)
    some = Pictures(images, (torch.arange(220) >= 200).long(), ("dark", "bright"))
    drawn = torch.cat([images[:20], images[200:]])
    as_they_are = Yardstick(pixels, some, some, 40).measure(drawn)
    as_asked = Yardstick(pixels, some, some, 40, torch.ones(2)).measure(drawn)
    assert as_asked.drawn.fd < as_they_are.drawn.fd / 10


def test_classes_that_were_asked_for_are_judged() -> None:
    some = pictures(80, seed=3)
    found = Yardstick(pixels, pictures(400), pictures(800, seed=1), 80).measure(some.images, some.labels)
    assert found.obedience is not None
    assert found.obedience.n == 80
    assert {entry["class"] for entry in found.of_classes(some.classes)} == set("abcdefgh")


def test_a_judge_that_answers_no_numbers_is_noticed() -> None:
    def broken(images: Tensor) -> Judged:
        return Judged(torch.full((len(images), 3), torch.nan), None)

    with pytest.raises(Diverged):
        Yardstick(broken, pictures(40), pictures(40), 20)


def chain(root: Path) -> dict[str, Run]:
    """a <- b <- c by their names in run.json, and d on its own."""
    runs = {}
    for name, parent in (("a", None), ("b", "a"), ("c", "b"), ("d", None)):
        runs[name] = create_run(root, "train-classifier", "digits", 0, "classifier", name, parent)
    return runs


def test_kinship_goes_over_generations_and_one_way(tmp_path: Path) -> None:
    runs = chain(tmp_path)
    assert descends(runs["c"], runs["a"])
    assert not descends(runs["a"], runs["c"])
    assert not descends(runs["c"], runs["d"])


def test_a_run_that_was_moved_is_known_by_its_name(tmp_path: Path) -> None:
    runs = chain(tmp_path / "here")
    elsewhere = create_run(tmp_path / "there", "train-classifier", "digits", 0, "classifier", "a")
    assert descends(runs["b"], elsewhere)


def test_a_circle_of_parents_has_an_end(tmp_path: Path) -> None:
    runs = chain(tmp_path)
    runs["a"].update(parent="c")
    assert descends(runs["a"], runs["b"])
    assert not descends(runs["a"], runs["d"])


@pytest.mark.parametrize(("judge", "run"), [("a", "c"), ("c", "a"), ("a", "b")])
def test_relatives_do_not_judge_each_other(tmp_path: Path, judge: str, run: str) -> None:
    runs = chain(tmp_path)
    with pytest.raises(UsageError, match="it would favour its kin"):
        check_judge(runs[judge], runs[run])
    check_judge(runs["d"], runs[run])


def test_only_classifiers_judge(tmp_path: Path, digits: Dataset) -> None:
    runs = chain(tmp_path)
    other = create_run(tmp_path, "train-generator", "digits", 0, "vae", "v")
    with pytest.raises(UsageError, match="v is a run of train-generator, and no classifier"):
        judge_for(runs["a"], digits, str(other.path), QUIET, "cpu")
