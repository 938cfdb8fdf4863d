"""Whether a classifier is as often right as it is sure, and one number that makes it so.

Guo et al. 2017, "On Calibration of Modern Neural Networks" (arXiv:1706.04599).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

BINS = 15
COLDEST, HOTTEST = 0.05, 20.0
"""between these a temperature is looked for"""


@dataclass(frozen=True)
class Reliability:
    """How sure and how right answers were, counted in `BINS` equal bins of their confidence."""

    n: NDArray[np.int64]
    """(bins,) answers"""
    confidence: NDArray[np.float64]
    """(bins,) sum of the probabilities that the answers were given"""
    right: NDArray[np.int64]
    """(bins,) right answers"""

    @classmethod
    def of(cls, confidence: Tensor, right: Tensor) -> Reliability:
        """Count answers with their `confidence` (n,) in [0, 1], of which some are `right` (n,) bool."""
        sure = confidence.cpu().double()
        bins = (sure * BINS).ceil().long().clamp(1, BINS) - 1  # the i-th is (i/15, (i + 1)/15]
        return cls(
            torch.bincount(bins, minlength=BINS).numpy(),
            torch.bincount(bins, sure, minlength=BINS).numpy(),
            torch.bincount(bins[right.cpu()], minlength=BINS).numpy(),
        )

    def __add__(self, other: Reliability) -> Reliability:
        return Reliability(self.n + other.n, self.confidence + other.confidence, self.right + other.right)

    @property
    def error(self) -> float:
        """The expected calibration error: the mean distance of confidence and accuracy, 0 to 1."""
        return float(np.abs(self.confidence - self.right).sum() / max(int(self.n.sum()), 1))

    def rows(self) -> list[dict[str, float]]:
        """For scripts: number, mean confidence and accuracy of each bin that is not empty."""
        return [
            {"n": int(n), "confidence": float(sure / n), "accuracy": float(right / n)}
            for n, sure, right in zip(self.n, self.confidence, self.right, strict=True)
            if n
        ]


def fit_temperature(logits: Tensor, labels: Tensor) -> float:
    """The number by which logits are divided so that the answers to these pictures are least surprising.

    A network that makes no mistake in its n validation pictures would be made ever surer. As in Platt's
    scaling (Platt 1999), each target is therefore softened by 1/(n + 2), spread over the other classes.

    Args:
        logits: (n, classes) of pictures that it did not learn from.
        labels: (n,) int64.

    Returns:
        `COLDEST` to `HOTTEST`: above 1 it was too sure, below 1 too shy.
    """
    from scipy.optimize import minimize_scalar

    scores, n, classes = logits.double().cpu(), len(labels), logits.shape[1]
    if n == 0 or classes < 2:
        return 1.0
    soft = torch.full_like(scores, 1 / ((n + 2) * (classes - 1)))
    soft[torch.arange(n), labels.cpu()] = 1 - 1 / (n + 2)

    def surprise(log_temperature: float) -> float:
        return float(F.cross_entropy(scores / np.exp(log_temperature), soft))

    found = minimize_scalar(surprise, bounds=(np.log(COLDEST), np.log(HOTTEST)), method="bounded")
    return float(np.exp(found.x))  # type: ignore[attr-defined]


def flattened(scores: Tensor, most: float) -> Tensor:
    """Probabilities (classes,) of log-probabilities, none above `most` (at least 1/classes)."""
    low, high = 0.0, 1.0
    if float(scores.max().exp()) <= most:
        return scores.exp()
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if float((scores * middle).softmax(0).max()) > most else (middle, high)
    return (scores * low).softmax(0)
