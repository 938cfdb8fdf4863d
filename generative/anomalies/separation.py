"""How well a score tells two groups apart: the area under the ROC curve, its interval, and the curve."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sandbox.core.statistics import wilson_interval

Floats = NDArray[np.float64]


class Separation(NamedTuple):
    """How well a score tells normal pictures from others."""

    auroc: float
    """the probability that one of the others has a higher score than a normal one; half of it for ties"""
    low: float
    high: float
    """the 95 % interval of the AUROC"""
    normal: int
    others: int
    """pictures"""


def separation(normal: Floats, others: Floats, level: float = 0.95) -> Separation:
    """The AUROC with the interval of DeLong et al. (1988), on the logit scale.

    Where the groups do not overlap that interval has no width. Then it is Wilson's for as many of as many as
    the smaller group has: what so few can promise.

    Args:
        normal, others: scores, (n,) and (m,), at least one each.
    """
    from scipy.stats import norm, rankdata

    n, m = len(normal), len(others)
    ranks = rankdata(np.concatenate([normal, others]))
    # Of each picture: the part of the other group that is on the right side of it.
    above = (ranks[n:] - rankdata(others)) / n  # (m,): normal ones below each of the others
    below = 1 - (ranks[:n] - rankdata(normal)) / m  # (n,): others above each normal one
    area = float(above.mean())
    if not 0 < area < 1:
        few = min(n, m)
        return Separation(area, *wilson_interval(round(area * few), few, level), n, m)
    variance = sum(float(part.var(ddof=1)) / len(part) for part in (above, below) if len(part) > 1)
    logit, width = math.log(area / (1 - area)), math.sqrt(variance) / (area * (1 - area))
    reach = float(norm.ppf((1 + level) / 2)) * width
    return Separation(area, _logistic(logit - reach), _logistic(logit + reach), n, m)


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value > -700 else 0.0


def roc(normal: Floats, others: Floats) -> tuple[Floats, Floats]:
    """The curve: false alarms among the normal ones, and the part of the others found, both from 0 to 1.

    A point for each score that occurs, from the highest down, after (0, 0).
    """
    limits = np.unique(np.concatenate([normal, others]))[::-1]
    alarms = 1 - np.searchsorted(np.sort(normal), limits) / len(normal)
    found = 1 - np.searchsorted(np.sort(others), limits) / len(others)
    return np.concatenate([[0.0], alarms]), np.concatenate([[0.0], found])
