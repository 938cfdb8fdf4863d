"""Batches are slices of one global order that follows from the seed; pictures become what a model sees."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sandbox.data.augment import Augment
from sandbox.nn import batches
from sandbox.nn.batches import balanced_order, batch_rows, to_model

seeds, sizes, batch_sizes = st.integers(0, 2**31 - 1), st.integers(1, 40), st.integers(1, 100)


def first_rows(seed: int, batch_size: int, size: int, count: int) -> list[int]:
    """The first `count` rows or more of the global order, batch after batch."""
    steps = -(-count // batch_size)
    return torch.cat([batch_rows(seed, step, batch_size, size) for step in range(steps)]).tolist()


# Order


@given(seeds, sizes, batch_sizes)
def test_every_epoch_sees_every_picture_once(seed: int, size: int, batch_size: int) -> None:
    seen = first_rows(seed, batch_size, size, 3 * size)
    for epoch in range(3):
        assert sorted(seen[epoch * size : (epoch + 1) * size]) == list(range(size))


@given(seeds, sizes, batch_sizes, batch_sizes)
def test_the_order_does_not_depend_on_the_batch_size(seed: int, size: int, one: int, other: int) -> None:
    count = 3 * size
    assert first_rows(seed, one, size, count)[:count] == first_rows(seed, other, size, count)[:count]


@given(seeds, st.integers(0, 30), batch_sizes, sizes)
def test_a_batch_is_always_full_even_across_the_ends_of_epochs(
    seed: int, step: int, batch_size: int, size: int
) -> None:
    assert batch_rows(seed, step, batch_size, size).shape == (batch_size,)


@given(seeds, st.integers(0, 30), batch_sizes, sizes)
def test_a_step_sees_the_same_rows_whether_or_not_others_came_before(
    seed: int, step: int, batch_size: int, size: int
) -> None:
    batches._permutation.cache_clear()
    alone = batch_rows(seed, step, batch_size, size).tolist()
    batches._permutation.cache_clear()
    assert first_rows(seed, batch_size, size, batch_size * (step + 1))[-batch_size:] == alone


def test_epochs_and_seeds_have_orders_of_their_own() -> None:
    orders = [batch_rows(seed, epoch, 50, 50).tolist() for seed in range(3) for epoch in range(3)]
    assert len({tuple(order) for order in orders}) == 9


def test_the_order_leaves_torchs_own_generator_alone() -> None:
    before = torch.get_rng_state()
    batch_rows(5, 0, 10, 1_000)
    assert torch.equal(torch.get_rng_state(), before)


# What a model sees


@pytest.mark.parametrize("augment", [None, lambda pictures, generator: pictures, Augment(rotation_degrees=9)])
@pytest.mark.parametrize("channels", [1, 3])
def test_bytes_become_numbers_from_minus_one_to_one(augment: object, channels: int) -> None:
    images = torch.zeros(4, channels, 8, 8, dtype=torch.uint8)
    images[:, :, 2:6, 2:6] = 255
    seen = to_model(images, augment, torch.Generator())  # type: ignore[arg-type]
    assert seen.dtype == torch.float32
    assert seen.shape == images.shape
    assert seen.is_contiguous(memory_format=torch.channels_last)
    assert seen.min() == -1
    assert seen.max() == 1
    assert set(images.unique().tolist()) == {0, 255}  # the bytes stay as they are


def test_every_byte_has_its_number() -> None:
    images = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16)
    wanted = torch.linspace(-1, 1, 256).reshape(1, 1, 16, 16)
    for augment in (None, lambda pictures, generator: pictures):
        torch.testing.assert_close(to_model(images, augment, torch.Generator()), wanted)


def test_augmentation_gets_numbers_from_zero_to_one_and_the_generator() -> None:
    given: list[tuple[torch.Tensor, torch.Generator]] = []
    generator = torch.Generator()

    def augment(pictures: torch.Tensor, drawing: torch.Generator) -> torch.Tensor:
        given.append((pictures, drawing))
        return pictures

    to_model(torch.tensor([0, 255], dtype=torch.uint8).reshape(2, 1, 1, 1), augment, generator)
    assert given[0][0].flatten().tolist() == [0.0, 1.0]
    assert given[0][1] is generator


# Balance


@given(st.lists(st.integers(0, 4), min_size=1, max_size=60), seeds)
def test_balanced_epochs_see_all_classes_equally_often(labels: list[int], seed: int) -> None:
    known = torch.tensor(labels)
    order = balanced_order(known, seed)
    for epoch in range(3):
        seen = torch.bincount(known[order(epoch)], minlength=5)[known.unique()]
        assert int(seen.sum()) == len(labels)
        assert int(seen.max() - seen.min()) <= 1


def test_balanced_epochs_come_round_to_every_picture() -> None:
    labels = torch.tensor([0] * 90 + [1] * 10)
    order = balanced_order(labels, 3)
    seen = torch.bincount(torch.cat([order(epoch) for epoch in range(9)]), minlength=100)
    assert seen[:90].tolist() == [5] * 90  # nine epochs of 50
    assert seen[90:].tolist() == [45] * 10


def test_a_balanced_batch_follows_from_seed_and_step() -> None:
    labels = torch.tensor([0, 0, 0, 0, 1, 1, 2])
    one, other = balanced_order(labels, 5), balanced_order(labels, 5)
    later = [batch_rows(5, step, 3, 7, one).tolist() for step in (4, 0, 4)]
    assert later[0] == later[2] == batch_rows(5, 4, 3, 7, other).tolist()
    assert batch_rows(6, 4, 3, 7, balanced_order(labels, 6)).tolist() != later[0]
