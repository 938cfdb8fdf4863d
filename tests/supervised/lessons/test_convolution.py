"""The lesson about convolution: sliding, patches and the band matrix do what torch does."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from sandbox.supervised.lessons.convolution import KERNEL, band_matrix, patches, pool, size_after, slide

SIZES = st.tuples(st.integers(4, 9), st.integers(4, 9))


@settings(max_examples=60, deadline=None)
@given(SIZES, st.integers(1, 4), st.integers(1, 3), st.integers(0, 2), st.integers(0, 99))
def test_all_ways_are_torchs_convolution(
    size: tuple[int, int], side: int, stride: int, padding: int, seed: int
) -> None:
    draw = np.random.default_rng(seed)
    picture, kernel = draw.normal(size=size), draw.normal(size=(side, side))
    tensors = (torch.from_numpy(array)[None, None] for array in (picture, kernel))
    expected = F.conv2d(*tensors, stride=stride, padding=padding)[0, 0].numpy()
    assert expected.shape == tuple(size_after(length, side, stride, padding) for length in size)
    np.testing.assert_allclose(slide(picture, kernel, stride, padding), expected, atol=1e-12)
    by_patches = patches(picture, side, stride, padding) @ kernel.ravel()
    np.testing.assert_allclose(by_patches, expected.ravel(), atol=1e-12)
    by_band = band_matrix(size, kernel, stride, padding) @ picture.ravel()
    np.testing.assert_allclose(by_band, expected.ravel(), atol=1e-12)


def test_each_row_of_the_band_is_the_row_above_one_place_further() -> None:
    band = band_matrix((8, 8), KERNEL)
    assert band.shape == (36, 64)
    assert np.count_nonzero(band) == 36 * np.count_nonzero(KERNEL)
    for row in range(5):
        assert np.array_equal(band[row + 1, 1:], band[row, :-1])


def test_pooling_takes_one_number_of_four() -> None:
    picture = np.arange(16.0).reshape(4, 4)
    assert pool(picture, np.max).tolist() == [[5, 7], [13, 15]]
    assert pool(picture, np.mean).tolist() == [[2.5, 4.5], [10.5, 12.5]]
