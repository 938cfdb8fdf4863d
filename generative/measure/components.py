"""Principal components beside an autoencoder: what a linear code of the same length comes to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from torch import Tensor

from generative.passes import spread
from sandbox.data.pictures import Pictures

if TYPE_CHECKING:
    from sklearn.decomposition import PCA

MOST_NUMBERS = 2**26
"""pictures times their numbers: half a gigabyte while it is computed; MNIST has 43 million"""
FEWEST = 4
"""pictures for each component"""


class Components(NamedTuple):
    """What principal components make of the same pictures."""

    components: int
    mse: float
    """on pixels from 0 to 1"""
    learned_from: int
    """training pictures: evenly spread ones, where all would be too many"""
    n: int
    """pictures that were reconstructed"""


def measure_components(train: Pictures, pictures: Pictures, count: int) -> Components | str:
    """The error of `pictures` by `count` principal components of `train`; why not, where it is too much."""
    numbers = pictures.images[0].numel()
    most = MOST_NUMBERS // numbers
    some, these = (part.take(spread(len(part), most)) for part in (train, pictures))
    if min(len(some), numbers) < count:
        return f"{len(some):,} pictures of {numbers:,} numbers have no {count} principal components"
    if len(some) < len(train) and len(some) < FEWEST * count:
        return f"{len(train):,} pictures of {numbers:,} numbers are too many for principal components"
    (mse,) = reconstruction_errors(some.images, these.images, [count]).values()
    return Components(count, mse, len(some), len(these))


def reconstruction_errors(train: Tensor, test: Tensor, counts: Sequence[int]) -> dict[int, float]:
    """Mean squared error of `test` on pixels from 0 to 1, by how many components of `train` describe it.

    Args:
        train, test: (n, channels, height, width) uint8; their mean and components are those of `train`.
        counts: of components, each at most as many as there are pictures or pixels.
    """
    found, seen = _fitted(train, max(counts)), _flat(test)  # (n, pixels)
    left, codes = seen - found.mean_, found.transform(seen)  # (n, pixels), (n, components)
    # The components are orthonormal: each takes its codes' squares away from the error.
    total, explained = float(np.square(left).mean()), np.square(codes).sum(0, dtype=np.float64) / left.size
    return {count: total - float(explained[:count].sum()) for count in counts}


def left_over(train: Tensor, images: Tensor, count: int) -> np.ndarray:
    """Squared error of each picture of `images`, (n,), by `count` components of `train`."""
    found, seen = _fitted(train, count), _flat(images)
    left = seen - found.inverse_transform(found.transform(seen))
    return np.square(left).sum(1, dtype=np.float64)


def _fitted(train: Tensor, count: int) -> PCA:
    from sklearn.decomposition import PCA

    return PCA(count, random_state=0).fit(_flat(train))


def _flat(images: Tensor) -> np.ndarray:
    """(n, pixels) float32 from 0 to 1."""
    return images.flatten(1).numpy().astype(np.float32) / 255
