"""What principal components make of pictures: the line that an autoencoder has to beat."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.decomposition import PCA
from torch import Tensor


def reconstruction_errors(train: Tensor, test: Tensor, counts: Sequence[int]) -> dict[int, float]:
    """Mean squared error of `test` on pixels from 0 to 1, by how many components of `train` describe it.

    Args:
        train, test: (n, channels, height, width) uint8; their mean and components are those of `train`.
        counts: of components, each at most as many as there are pictures or pixels.
    """
    found = PCA(max(counts), random_state=0).fit(_flat(train))
    seen = _flat(test)  # (n, pixels)
    left, codes = seen - found.mean_, found.transform(seen)  # (n, pixels), (n, components)
    # The components are orthonormal: each takes its codes' squares away from the error.
    total, explained = float(np.square(left).mean()), np.square(codes).sum(0, dtype=np.float64) / left.size
    return {count: total - float(explained[:count].sum()) for count in counts}


def left_over(train: Tensor, images: Tensor, count: int) -> np.ndarray:
    """Squared error of each picture of `images`, (n,), by `count` components of `train`."""
    found, seen = PCA(count, random_state=0).fit(_flat(train)), _flat(images)
    left = seen - found.inverse_transform(found.transform(seen))
    return np.square(left).sum(1, dtype=np.float64)


def _flat(images: Tensor) -> np.ndarray:
    """(n, pixels) float32 from 0 to 1."""
    return images.flatten(1).numpy().astype(np.float32) / 255
