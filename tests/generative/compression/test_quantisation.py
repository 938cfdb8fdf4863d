"""Latents as whole numbers: what comes back is at most half a step away, for any latents and any bits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from generative.compression.quantisation import quantised

Latents = NDArray[np.float32]
BITS = st.integers(1, 16)
LATENTS = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 20), st.integers(1, 5)),
    elements=st.floats(allow_nan=False, allow_infinity=False, width=32),
)


@given(LATENTS, BITS)
def test_what_comes_back_is_at_most_half_a_step_away(latents: Latents, bits: int) -> None:
    back = quantised(latents, bits).latents()
    exact = latents.astype(np.float64)
    half_steps = (exact.max(axis=0) - exact.min(axis=0)) / (2**bits - 1) / 2
    rounding = np.spacing(np.abs(latents).max(axis=0)).astype(np.float64)  # to float32, at the end
    assert (np.abs(back - exact) <= half_steps + rounding).all()


@given(LATENTS, BITS)
def test_codes_use_the_bits_that_were_asked_for_and_no_more(latents: Latents, bits: int) -> None:
    codes = quantised(latents, bits).codes
    assert codes.dtype == (np.uint8 if bits <= 8 else np.uint16)
    moving = latents.min(axis=0) < latents.max(axis=0)
    assert (codes.min(axis=0) == 0).all()
    assert (codes.max(axis=0) == np.where(moving, 2**bits - 1, 0)).all()


@given(LATENTS, BITS)
def test_compressing_what_came_back_changes_nothing_more(latents: Latents, bits: int) -> None:
    once = quantised(latents, bits)
    assert np.array_equal(quantised(once.latents(), bits).codes, once.codes)


@given(LATENTS)
def test_a_single_picture_comes_back_as_it_was(latents: Latents) -> None:
    assert np.array_equal(quantised(latents[:1], 1).latents(), latents[:1])


@pytest.mark.parametrize("bits", [1, 4, 8, 12, 16])
def test_each_bit_halves_the_error(bits: int) -> None:
    latents = np.random.default_rng(0).uniform(-2, 2, (4_000, 3)).astype(np.float32)
    error = np.sqrt(np.mean((quantised(latents, bits).latents() - latents.astype(np.float64)) ** 2))
    # Uniform values: half a step at most, and a step's 12th part in variance.
    assert error == pytest.approx(4 / (2**bits - 1) / np.sqrt(12), rel=0.05)
