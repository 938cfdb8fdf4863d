"""Principal components beside an autoencoder: what a linear code of the same length comes to."""

from __future__ import annotations

from typing import NamedTuple

from generative.measure.batches import spread
from sandbox.data.pictures import Pictures

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
    from generative.bench.pca import reconstruction_errors

    numbers = pictures.images[0].numel()
    most = MOST_NUMBERS // numbers
    some, these = (part.take(spread(len(part), most)) for part in (train, pictures))
    if min(len(some), numbers) < count:
        return f"{len(some):,} pictures of {numbers:,} numbers have no {count} principal components"
    if len(some) < len(train) and len(some) < FEWEST * count:
        return f"{len(train):,} pictures of {numbers:,} numbers are too many for principal components"
    (mse,) = reconstruction_errors(some.images, these.images, [count]).values()
    return Components(count, mse, len(some), len(these))
