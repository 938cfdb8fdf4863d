"""How good a classifier is: accuracy with its interval, what it takes for what, and where it is worst."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from sandbox.core.statistics import Answers
from sandbox.data.pictures import Pictures
from sandbox.supervised.calibration import BINS, Reliability
from sandbox.supervised.looks import Looks
from sandbox.supervised.models import Classifier

BATCH = 500
HARDEST = 24
"""pictures with the highest loss that are kept"""


class Hard(NamedTuple):
    """A picture that a classifier finds hard."""

    row: int
    """its place in the split"""
    truth: int
    answer: int
    probability: float
    """which the answer was given"""
    loss: float
    """in nats"""


class Confused(NamedTuple):
    """A class that is taken for another."""

    truth: int
    answer: int
    pictures: int


def _nothing() -> Reliability:
    return Reliability(np.zeros(BINS, np.int64), np.zeros(BINS), np.zeros(BINS, np.int64))


@dataclass(frozen=True)
class Measured(Answers):
    """What a classifier makes of a split."""

    confusion: np.ndarray
    """(classes, classes) int64: row the true class, column the predicted one"""
    loss: float
    """mean cross-entropy in nats"""
    reliability: Reliability = field(default_factory=_nothing)
    hardest: tuple[Hard, ...] = ()
    """the pictures with the highest loss, at most `HARDEST`, the worst first"""

    @property
    def f1(self) -> np.ndarray:
        """(classes,) float64: of each class 2·right / (pictures + answers); NaN where it has neither."""
        among = self.confusion.sum(0) + self.confusion.sum(1)
        with np.errstate(invalid="ignore"):
            return 2 * self.confusion.diagonal() / among

    @property
    def macro_f1(self) -> float:
        """The mean of `f1` over the classes that occur: small ones count as much as large ones."""
        return float(np.nanmean(self.f1))

    def confused(self, most: int | None = None) -> list[Confused]:
        """Pairs of classes, the most often confused first."""
        wrong = self.confusion.copy()
        np.fill_diagonal(wrong, 0)
        order = np.argsort(-wrong, axis=None, kind="stable")[: np.count_nonzero(wrong)][:most]
        truths, answers = np.unravel_index(order, wrong.shape)
        return [
            Confused(int(truth), int(answer), int(wrong[truth, answer]))
            for truth, answer in zip(truths, answers, strict=True)
        ]

    def summary(self, split: str) -> dict[str, Any]:
        """The `evaluation` object of `--json`."""
        low, high = self.interval
        return {
            "split": split,
            "n": self.n,
            "accuracy": self.accuracy,
            "interval": [round(low, 5), round(high, 5)],
            "loss": self.loss,
            "macro_f1": round(self.macro_f1, 5),
            "calibration_error": round(self.reliability.error, 5),
        }

    def table(self, classes: Sequence[str]) -> list[list[Any]]:
        """A row for each class: name, pictures, precision, recall, F1, what it is most often taken for."""
        rows = []
        for number, name in enumerate(classes):
            row, column = self.confusion[number], self.confusion[:, number]
            wrong = row.copy()
            wrong[number] = 0
            taken = f"{classes[int(wrong.argmax())]} ({wrong.max()})" if wrong.any() else ""
            right, pictures, answers = row[number], row.sum(), column.sum()
            parts = _part(right, answers), _part(right, pictures), _part(2 * right, pictures + answers)
            rows.append([name, int(pictures), *parts, taken])
        return rows


@torch.inference_mode()
def measure(
    model: Classifier, pictures: Pictures, device: torch.device, looks: Looks | None = None
) -> Measured:
    """Classify all `pictures` in one pass; unaugmented, unless `looks` says otherwise."""
    model.eval()
    classes, looks = len(pictures.classes), looks or Looks()
    confusion = torch.zeros(classes * classes, dtype=torch.int64)
    loss, reliability, hardest = 0.0, _nothing(), torch.empty(0, 5, dtype=torch.float64)
    generator = looks.generator(device)
    for start in range(0, len(pictures), BATCH):
        images = pictures.images[start : start + BATCH].to(device)
        labels = pictures.labels[start : start + BATCH].to(device)
        scores = looks.log_probabilities(model, images, generator)  # (batch, classes)
        losses = -scores.gather(1, labels[:, None])[:, 0]
        confidence, answers = scores.max(1)
        confusion += torch.bincount((labels * classes + answers).cpu(), minlength=classes * classes)
        loss += float(losses.sum())
        reliability += Reliability.of(confidence.exp(), answers == labels)
        rows = torch.arange(start, start + len(labels), device=device)
        hardest = _hardest(hardest, rows, labels, answers, confidence.exp(), losses)
    return Measured(
        confusion.reshape(classes, classes).numpy(),
        loss / max(len(pictures), 1),
        reliability,
        tuple(Hard(*map(int, row[:3]), *row[3:]) for row in hardest.tolist()),
    )


def _hardest(before: Tensor, *columns: Tensor) -> Tensor:
    """The rows of `before` and of `columns` (batch,) with the highest last column, (`HARDEST`, 5) float64."""
    both = torch.cat([before, torch.stack([column.cpu().double() for column in columns], 1)])
    return both[both[:, -1].argsort(descending=True, stable=True)[:HARDEST]]


def _part(count: int, whole: int) -> float | None:
    return None if whole == 0 else round(float(count / whole), 4)
