"""Latents as whole numbers of a few bits each, and back.

Every latent has a range of its own, from the smallest to the largest value among the pictures that are
compressed together, divided into 2^bits - 1 equal steps. So nothing is ever cut off, whatever the pictures
are: what comes back is at most half a step from what was there. The range over the training pictures would
cost no bytes here, but pictures unlike them would leave it, and it is wider, with coarser steps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Quantised:
    """Latents of pictures as whole numbers."""

    codes: NDArray[np.uint8] | NDArray[np.uint16]
    """(pictures, latents), each from 0 to 2^bits - 1; uint8 for up to 8 bits"""
    low: NDArray[np.float32]
    """(latents,): what the code 0 stands for"""
    high: NDArray[np.float32]
    """(latents,): what the code 2^bits - 1 stands for"""
    bits: int

    def latents(self, rows: slice = slice(None)) -> NDArray[np.float32]:
        """What the codes of some pictures stand for: (pictures, latents)."""
        low, step = self.low.astype(np.float64), steps(self.low, self.high, self.bits)
        return (low + self.codes[rows] * step).astype(np.float32)


def quantised(latents: NDArray[np.float32], bits: int) -> Quantised:
    """The nearest codes of ``latents``, (pictures, latents): finite numbers of at least one picture."""
    low, high = latents.min(axis=0), latents.max(axis=0)
    step = steps(low, high, bits)
    # A latent that never changes has no steps: its code is 0, and comes back as it was.
    places = (latents - low.astype(np.float64)) / np.where(step > 0, step, 1)
    codes = np.rint(places).clip(0, 2**bits - 1)
    return Quantised(codes.astype(code_type(bits)), low, high, bits)


def steps(low: NDArray[np.float32], high: NDArray[np.float32], bits: int) -> NDArray[np.float64]:
    """How far the values of neighbouring codes are apart: (latents,)."""
    return (high.astype(np.float64) - low) / (2**bits - 1)


def code_type(bits: int) -> np.dtype[np.uint8] | np.dtype[np.uint16]:
    """The smaller of the two types that holds 2^bits - 1."""
    return np.dtype(np.uint8) if bits <= 8 else np.dtype(np.uint16)
