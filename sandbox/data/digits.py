"""Digits: scikit-learn's bundled 8×8 pictures, for when no files are at hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.data.catalog import Entry

if TYPE_CHECKING:
    import numpy as np

    from sandbox.data.pictures import Splits

BRIGHTEST = 16
SHARES = (0.65, 0.15, 0.2)
"""of training, validation and test"""


def read(entry: Entry, paths: Mapping[str, Path]) -> Splits:
    """Split scikit-learn's 1 797 digits; ``paths`` is empty.

    The split is stratified, and fixed by what the pictures show. The same 13 people wrote all of them, and
    nothing tells who wrote which: these figures say nothing about the digits of a stranger.
    """
    import torch

    from sandbox.data.parsed import cached
    from sandbox.data.pictures import Pictures, Splits
    from sandbox.data.splits import stratified

    # Importing scikit-learn takes longer than everything else here.
    arrays = cached("digits-1", (), unbundle)
    images, labels = arrays["images"], arrays["labels"]
    everything = Pictures(torch.from_numpy(images), torch.from_numpy(labels), entry.classes)
    return Splits(*(everything.take(torch.from_numpy(rows)) for rows in stratified(images, labels, SHARES)))


def unbundle() -> dict[str, np.ndarray]:
    """Scikit-learn's digits: images (1797, 1, 8, 8) uint8 from 0 to 255, labels (1797,) int64."""
    import numpy as np
    from sklearn.datasets import load_digits

    pixels, targets = load_digits(return_X_y=True)  # (1797, 64) from 0 to 16, (1797,)
    images = np.rint(pixels * (255 / BRIGHTEST)).astype(np.uint8).reshape(-1, 1, 8, 8)
    return {"images": images, "labels": np.asarray(targets, np.int64)}


DIGITS = Entry(
    name="digits",
    summary="small handwritten digits",
    source="https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits",
    licence="CC BY 4.0",
    shape=(1, 8, 8),
    classes=tuple("0123456789"),
    counts={"train": 1_168, "validation": 270, "test": 359},
    read=read,
    bundled="scikit-learn",
)
"""1 797 pictures of 0 to 16 counted dots (Alpaydin, Kaynak 1998), scaled to 0 to 255."""
