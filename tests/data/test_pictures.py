"""Pictures check themselves; subsets have a few of every class; digits need no files."""

from __future__ import annotations

import pytest
import torch

from sandbox.core.errors import UnknownName, UsageError
from sandbox.core.plugins import DATA
from sandbox.data.catalog import entry, load
from sandbox.data.pictures import Pictures, subset


def pictures(*counts: int) -> Pictures:
    """So many pictures of each class, mixed; the first pixels number them."""
    labels = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    labels = labels[torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))]
    images = torch.arange(len(labels), dtype=torch.uint8)[:, None, None, None].expand(-1, 1, 2, 2)
    return Pictures(images, labels, tuple("abcdef"[: len(counts)]))


def rows(some: Pictures) -> list[int]:
    return some.images[:, 0, 0, 0].tolist()


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (torch.zeros(2, 1, 4, 4), [0, 1], "images must be uint8"),
        (torch.zeros(2, 4, 4, dtype=torch.uint8), [0, 1], r"not torch.uint8 \(2, 4, 4\)"),
        (torch.zeros(2, 1, 4, 4, dtype=torch.uint8), [0], r"labels must be int64 \(2,\)"),
        (torch.zeros(2, 1, 4, 4, dtype=torch.uint8), [0, 2], "labels must be 0 to 1, not 0 to 2"),
        (torch.zeros(2, 1, 4, 4, dtype=torch.uint8), [-1, 0], "labels must be 0 to 1, not -1 to 0"),
    ],
)
def test_what_does_not_fit_together(images: torch.Tensor, labels: list[int], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Pictures(images, torch.tensor(labels), ("a", "b"))


def test_a_subset_by_class_has_as_many_of_each() -> None:
    assert subset(pictures(30, 40, 50), per_class=7).counts().tolist() == [7, 7, 7]


def test_a_subset_by_count_keeps_the_shares() -> None:
    assert subset(pictures(30, 60, 90), 60).counts().tolist() == [10, 20, 30]
    assert subset(pictures(30, 30, 30), 10).counts().sum() == 10
    assert subset(pictures(30, 40, 50), 120).counts().tolist() == [30, 40, 50]


@pytest.mark.parametrize("by", ["count", "per_class"])
def test_a_smaller_subset_is_part_of_a_larger_one_in_the_same_order(by: str) -> None:
    whole = pictures(30, 40, 50)
    chosen = [rows(subset(whole, **{by: size})) for size in (5, 10, 20)]
    assert set(chosen[0]) < set(chosen[1]) < set(chosen[2])
    assert all(some == sorted(some) for some in chosen)


def test_the_seed_chooses() -> None:
    whole = pictures(30, 40, 50)
    first, again, other = (rows(subset(whole, 12, seed=seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_choosing_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    subset(pictures(30, 40), 12)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({}, "either a count or a number per class"),
        ({"count": 5, "per_class": 5}, "either a count or a number per class"),
        ({"count": 71}, "1 to 70 pictures, not 71"),
        ({"count": 0}, "1 to 70 pictures, not 0"),
        ({"per_class": 31}, "1 to 30 pictures of each class, not 31"),
    ],
)
def test_a_subset_that_cannot_be(sizes: dict[str, int], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        subset(pictures(30, 40), **sizes)


def test_digits_are_always_there() -> None:
    data = load("digits")
    assert data.shape == (1, 8, 8)
    assert {split: len(data.split(split)) for split in ("train", "validation", "test")} == entry(
        "digits"
    ).counts
    assert (data.train.images.min(), data.train.images.max()) == (0, 255)
    for split in (data.train, data.validation, data.test):
        counts = split.counts()
        assert counts.max() - counts.min() <= 6
        assert len(counts) == 10


def test_no_digit_is_in_two_splits() -> None:
    data = load("digits")
    seen = [{image.numpy().tobytes() for image in data.split(name).images} for name in ("train", "test")]
    assert not seen[0] & seen[1]


@pytest.mark.parametrize("name", DATA)
def test_every_entry_says_what_it_is(name: str) -> None:
    data = entry(name)
    assert data.name == name
    assert data.source.startswith("https://")
    assert bool(data.files) != bool(data.bundled)
    assert all(len(published) == 64 for published in data.files.values())


def test_unknown_names_get_a_suggestion() -> None:
    with pytest.raises(UnknownName, match="unknown data set 'mnits': did you mean 'mnist'"):
        load("mnits")
    with pytest.raises(UnknownName, match="unknown split 'tets': did you mean 'test'"):
        load("digits").split("tets")
