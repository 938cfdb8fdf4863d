"""Splits: near-duplicates stay together, classes keep their shares, and only the data decide."""

from __future__ import annotations

import numpy as np
import pytest

from sandbox.data.splits import by_content, near_duplicates, stratified, whole_groups
from tests.data.made import signs


def pictures() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    images, labels, originals = signs(originals=20)
    return images.astype(np.uint8), labels, originals


def test_copies_of_one_original_are_one_group() -> None:
    images, labels, originals = pictures()
    groups = near_duplicates(images, labels)
    assert groups.max() + 1 == 40
    assert len(set(zip(groups, originals, strict=True))) == 40


def test_a_chain_of_near_duplicates_is_one_group() -> None:
    # Each resembles the next; the ends have nothing in common.
    steps = np.linspace(0, np.pi / 2, 12)[:, None]
    rng = np.random.default_rng(0)
    one, other = rng.choice([-1, 1], (2, 784))
    images = (127 + 100 * (np.cos(steps) * one + np.sin(steps) * other) / 2**0.5).astype(np.uint8)
    labels = np.zeros(12, np.int64)
    assert set(near_duplicates(images, labels)) == {0}
    assert len(set(near_duplicates(images[[0, -1]], labels[:2]))) == 2


def test_brightness_and_contrast_do_not_hide_a_duplicate() -> None:
    picture = np.random.default_rng(0).integers(50, 100, 784)
    images = np.stack([picture, picture + 90, picture * 2]).astype(np.uint8)
    assert set(near_duplicates(images, np.zeros(3, np.int64))) == {0}


def test_equal_pictures_of_two_classes_are_two_groups() -> None:
    images = np.tile(np.arange(200, dtype=np.uint8), (2, 1))
    assert set(near_duplicates(images, np.array([0, 1]))) == {0, 1}


def test_pictures_of_one_grey_are_no_ones_duplicates() -> None:
    images = np.stack([np.full(784, 9), np.full(784, 9), np.arange(784) % 256]).astype(np.uint8)
    assert len(set(near_duplicates(images, np.zeros(3, np.int64)))) == 3


@pytest.mark.parametrize("share", [0.1, 0.15, 0.5])
def test_whole_groups_are_chosen_and_of_each_class_its_share(share: float) -> None:
    images, labels, _ = pictures()
    groups = near_duplicates(images, labels)
    chosen = whole_groups(images, labels, groups, share)
    assert not set(groups[chosen]) & set(groups[~chosen])
    for label in (3, 24):
        # A group has 5 of a class's 100 rows.
        assert share - 0.05 < chosen[labels == label].mean() <= share


def test_the_order_of_the_rows_changes_nothing() -> None:
    images, labels, _ = pictures()
    order = np.random.default_rng(2).permutation(len(labels))
    chosen = whole_groups(images, labels, near_duplicates(images, labels), 0.15)
    again = whole_groups(images[order], labels[order], near_duplicates(images[order], labels[order]), 0.15)
    assert np.array_equal(chosen[order], again)


def test_rows_are_divided_class_by_class() -> None:
    images, labels, _ = pictures()
    parts = stratified(images, labels, (0.5, 0.3, 0.2))
    assert sorted(np.concatenate(parts)) == list(range(len(labels)))
    for part, size in zip(parts, (50, 30, 20), strict=True):
        assert [int((labels[part] == label).sum()) for label in (3, 24)] == [size, size]
        assert list(part) == sorted(part)


def test_the_order_by_content_is_that_of_the_sums() -> None:
    # sha256 of the bytes 0, 1, 2: 6e…, 4b…, db…
    assert by_content(np.array([[0], [1], [2]], np.uint8)).tolist() == [1, 0, 2]
