"""What a network sees: kernels, maps, frames that excite, and heat where an answer comes from."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from sandbox.nn.backbone import Backbone
from sandbox.nn.explain import (
    CHUNK,
    different,
    feature_maps,
    kernels,
    most_exciting,
    perturbation_saliency,
)


def noise(*shape: int, seed: int = 0) -> Tensor:
    """Pictures of bytes without any pattern."""
    return torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(seed)).float()


def reds() -> Backbone:
    """A backbone whose first channel is how red a pixel is, and whose others are 0."""
    backbone = Backbone(3, (4, 8))
    with torch.no_grad():
        backbone.stem.weight.zero_()
        backbone.stem.weight[0, 0, 1, 1] = 1.0
    return backbone


def test_kernels_are_the_stems_weights() -> None:
    backbone = Backbone(2, (4, 8))
    made = torch.arange(4 * 2 * 9.0).reshape(4, 2, 3, 3)
    with torch.no_grad():
        backbone.stem.weight.copy_(made)
    assert torch.equal(kernels(backbone), made)
    assert not kernels(backbone).requires_grad


def test_feature_maps_are_the_backbones_however_many_pictures_there_are() -> None:
    backbone = Backbone(3, (4, 8, 8))
    pictures = noise(CHUNK + 3, 3, 9, 12) / 127.5 - 1
    maps = feature_maps(backbone, pictures)
    assert list(maps) == ["stem", "stage 1", "stage 2"]
    assert [tuple(part.shape[2:]) for part in maps.values()] == backbone.sizes(9, 12)
    with torch.no_grad():
        for ours, theirs in zip(maps.values(), backbone(pictures), strict=True):
            torch.testing.assert_close(ours, theirs.contiguous())


def test_the_reddest_frames_excite_the_channel_for_red_where_they_are_red() -> None:
    pictures = torch.full((5, 3, 8, 8), -1.0)
    for frame, red in enumerate((0.1, 0.9, -0.5, 0.4, 0.2)):
        pictures[frame, 0, frame, 2 * frame - 1] = red
    (one,) = most_exciting(feature_maps(reds(), pictures)["stem"], channels=1, count=3)
    assert one.channel == 0
    assert one.frames.tolist() == [1, 3, 4]
    assert one.values.tolist() == pytest.approx([0.9, 0.4, 0.2])
    assert one.places.tolist() == [[1, 1], [3, 5], [4, 7]]


def test_channels_that_are_the_same_in_all_frames_are_left_out() -> None:
    maps = torch.zeros(6, 3, 4, 4)
    maps[:, 0] = torch.arange(16.0).reshape(4, 4)  # a pattern, but always the same one
    maps[:, 2, 1, 1] = torch.arange(6.0)
    assert [one.channel for one in most_exciting(maps, channels=1, count=2)] == [2]


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 9),
    st.integers(1, 5),
    st.integers(1, 4),
    st.integers(1, 6),
    st.integers(1, 7),
    st.integers(0, 99),
)
def test_exciting_frames_are_those_that_a_search_finds(
    frames: int, channels: int, side: int, wanted: int, count: int, seed: int
) -> None:
    maps = noise(frames, channels, side, side + 1, seed=seed)
    found = most_exciting(maps, wanted, count)
    assert len(found) == min(wanted, channels)
    for one in found:
        highest = maps[:, one.channel].flatten(1).amax(1)
        assert torch.equal(one.values, highest.sort(descending=True).values[:count])
        for frame, value, (row, column) in zip(
            one.frames.tolist(), one.values.tolist(), one.places.tolist(), strict=True
        ):
            assert maps[frame, one.channel, row, column] == value


def test_equal_pictures_count_once() -> None:
    pictures = noise(3, 1, 4, 4).to(torch.uint8)
    assert different(pictures[[0, 1, 0, 2, 1]]).tolist() == [0, 1, 3]


@settings(max_examples=30, deadline=None)
@given(st.sampled_from([(40, 40), (28, 28), (60, 80), (84, 50)]), st.floats(0, 0.999), st.floats(0, 0.999))
@example((40, 40), 0.0625, 0.09375)
def test_an_answer_that_depends_on_one_pixel_comes_from_there(
    size: tuple[int, int], down: float, across: float
) -> None:
    height, width = size
    row, column = int(down * height), int(across * width)
    picture = noise(4, height, width)
    picture[2, row, column] = 255 if picture[2].mean() < 128 else 0
    heat = perturbation_saliency(lambda some: some[:, 2, row, column, None], picture)
    assert heat.shape == size
    hottest = np.unravel_index(int(heat.argmax()), size)
    spot = max(size) / 12
    # The spots lie that far apart, and where the picture ends there are none to balance them.
    assert np.hypot(hottest[0] - row, hottest[1] - column) <= 1.5 * spot
    rows, columns = np.indices(size)
    far = torch.from_numpy(np.hypot(rows - row, columns - column) > 5 * spot)
    assert not far.any() or heat[far].max() < 0.01 * heat.max()


def test_frames_of_a_stack_are_blurred_together() -> None:
    picture = noise(6, 40, 40)
    older = perturbation_saliency(lambda some: some[:, 0, 10, 30, None], picture)
    newer = perturbation_saliency(lambda some: some[:, 5, 10, 30, None], picture)
    assert older.argmax() == newer.argmax()


def test_where_nothing_is_nobody_is_asked() -> None:
    picture = torch.zeros(3, 40, 40)
    asked = 0

    def answer(pictures: Tensor) -> Tensor:
        nonlocal asked
        asked += len(pictures)
        return pictures.flatten(1).sum(1, keepdim=True)

    assert not perturbation_saliency(answer, picture).any()
    assert asked == 0
    picture[:, 8:12, 8:12] = 255
    heat = perturbation_saliency(answer, picture)
    assert 0 < asked < 60  # of 144 spots
    assert heat[:20, :20].sum() > 0.9 * heat.sum()


def test_an_answer_that_depends_on_nothing_has_no_heat() -> None:
    assert not perturbation_saliency(lambda some: torch.ones(len(some), 2), noise(3, 30, 30)).any()
