"""What a handful of seeds says: the interquartile mean, and how far it can be trusted.

Both follow Agarwal et al. 2021, "Deep Reinforcement Learning at the Edge of the Statistical Precipice"
(arXiv:2108.13264): with few runs a mean hangs on one lucky or failed seed, and a median forgets most of
them. The interval of an accuracy is Wilson's. NumPy and SciPy are imported where something is computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

ENOUGH_SEEDS = 5
"""Fewer runs than this are indicative: their interval says little."""
RESAMPLES = 10_000
_NUMBERS_AT_ONCE = 2_000_000  # 16 MB of resampled values


class Answers:
    """What answers to a test come to, by a table of them."""

    confusion: Any
    """(classes, classes) whole numbers, an array or a tensor: row what is true, column the answer"""

    @property
    def n(self) -> int:
        """How many there are."""
        return int(self.confusion.sum())

    @property
    def right(self) -> int:
        """How many of them are right."""
        return int(self.confusion.trace())

    @property
    def accuracy(self) -> float:
        """The part that is right."""
        return self.right / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the accuracy (Wilson 1927)."""
        return wilson_interval(self.right, self.n)


def interquartile_mean(values: Sequence[float]) -> float:
    """The mean of what is left when the lowest and the highest quarter are dropped.

    A quarter is rounded down to whole values, so that up to three values have their plain mean. A NaN among
    them gives NaN. Raises ValueError without any value.
    """
    import numpy as np

    return float(interquartile_means(np.reshape(np.asarray(values, np.float64), (-1, 1)))[0])


def bootstrap_interval(
    values: Sequence[float], level: float = 0.95, seed: int = 0
) -> tuple[float, float] | None:
    """The interval that holds the interquartile mean with the probability ``level``: (lower, upper).

    A percentile bootstrap over `RESAMPLES` draws with replacement; the same ``values``, in whatever order,
    and ``seed`` always give the same interval. None for fewer than two values.
    """
    import numpy as np

    if len(values) < 2:
        return None
    lower, upper = bootstrap_intervals(np.reshape(np.asarray(values, np.float64), (-1, 1)), level, seed)
    return float(lower[0]), float(upper[0])


def wilson_interval(right: int, count: int, level: float = 0.95) -> tuple[float, float]:
    """The interval of a share of which `right` of `count` were seen: (lower, upper) (Wilson 1927)."""
    from scipy.stats import binomtest

    found = binomtest(right, count).proportion_ci(level, method="wilson")
    return float(found.low), float(found.high)


def student_interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float] | None:
    """The interval that holds the mean with the probability ``level``: (lower, upper) (Student 1908).

    It takes the values to be normal, which is what makes an interval of two or three of them possible at all;
    and wide. None for fewer than two values.
    """
    from statistics import fmean, stdev

    from scipy.stats import t

    if len(values) < 2:
        return None
    half = float(t.ppf((1 + level) / 2, len(values) - 1)) * stdev(values) / len(values) ** 0.5
    return fmean(values) - half, fmean(values) + half


def returns_text(values: Sequence[float]) -> str:
    """Mean ± standard deviation over seeds (n - 1), interquartile mean, and its 95 % bootstrap interval.

    With fewer than `ENOUGH_SEEDS` such an interval would be too narrow: the lowest and the highest instead.
    """
    from statistics import fmean, stdev

    if len(values) < 2:
        return f"{fmean(values):.1f}"
    text = f"{fmean(values):.1f} ± {stdev(values):.1f}"
    interval = bootstrap_interval(values)
    if interval is None or len(values) < ENOUGH_SEEDS:
        return f"{text} ({min(values):.1f} – {max(values):.1f})"
    low, high = interval
    return f"{text} (IQM {interquartile_mean(values):.1f}, {low:.1f} to {high:.1f})"


def interquartile_means(table: np.ndarray) -> np.ndarray:
    """`interquartile_mean` of each column: (values, columns) float64 -> (columns,)."""
    if not table.shape[0]:
        raise ValueError("no values have no interquartile mean")
    return _means_of_the_middle(table[None])[0]


def bootstrap_intervals(
    table: np.ndarray, level: float = 0.95, seed: int = 0, resamples: int = RESAMPLES
) -> tuple[np.ndarray, np.ndarray]:
    """`bootstrap_interval` of each column: (values, columns) float64 -> two of (columns,).

    Rows are drawn whole, since a row is a run: what a curve does at one point goes with the rest of it.
    Raises ValueError without any row.
    """
    import numpy as np

    rows, columns = table.shape
    if not rows:
        raise ValueError("no values have no interval")
    if columns == 1:
        table = np.sort(table, axis=0)  # so that the order of the runs does not matter
    drawn = np.random.default_rng(seed).integers(0, rows, (resamples, rows))
    block = max(1, _NUMBERS_AT_ONCE // (rows * columns))
    means = np.concatenate(
        [_means_of_the_middle(table[drawn[first : first + block]]) for first in range(0, resamples, block)]
    )  # (resamples, columns)
    tail = (1 - level) / 2
    lower, upper = np.quantile(means, [tail, 1 - tail], axis=0)
    return lower, upper


def _means_of_the_middle(samples: np.ndarray) -> np.ndarray:
    """(samples, values, columns) -> (samples, columns): the mean over values without the outer quarters."""
    import numpy as np

    count = samples.shape[1]
    dropped = count // 4
    middle = np.sort(samples, axis=1)[:, dropped : count - dropped].mean(axis=1)
    return np.where(np.isnan(samples).any(axis=1), np.nan, middle)
