"""How good a classifier is: accuracy with its interval, and which classes it takes for which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from sandbox.data.pictures import Pictures
from sandbox.nn.batches import to_model
from sandbox.supervised.models import Classifier

BATCH = 500
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Measured:
    """What a classifier makes of a split."""

    confusion: np.ndarray
    """(classes, classes) int64: row the true class, column the predicted one"""
    loss: float
    """mean cross-entropy in nats"""

    @property
    def n(self) -> int:
        """Number of pictures."""
        return int(self.confusion.sum())

    @property
    def right(self) -> int:
        """Number of pictures that are classified right."""
        return int(self.confusion.trace())

    @property
    def accuracy(self) -> float:
        return self.right / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the accuracy (Wilson 1927)."""
        from scipy.stats import binomtest

        found = binomtest(self.right, self.n).proportion_ci(CONFIDENCE, method="wilson")
        return float(found.low), float(found.high)

    def summary(self, split: str) -> dict[str, Any]:
        """The `evaluation` object of `--json`."""
        low, high = self.interval
        return {
            "split": split,
            "n": self.n,
            "accuracy": self.accuracy,
            "interval": [round(low, 5), round(high, 5)],
            "loss": self.loss,
        }

    def table(self, classes: Sequence[str]) -> list[list[Any]]:
        """A row for each class: name, pictures, precision, recall, and what it is most often taken for."""
        rows = []
        for number, name in enumerate(classes):
            row, column = self.confusion[number], self.confusion[:, number]
            wrong = row.copy()
            wrong[number] = 0
            taken = f"{classes[int(wrong.argmax())]} ({wrong.max()})" if wrong.any() else ""
            rows.append(
                [name, int(row.sum()), _part(row[number], column.sum()), _part(row[number], row.sum()), taken]
            )
        return rows


@torch.inference_mode()
def measure(model: Classifier, pictures: Pictures, device: torch.device) -> Measured:
    """Classify all `pictures`, unaugmented."""
    model.eval()
    classes = len(pictures.classes)
    confusion = torch.zeros(classes * classes, dtype=torch.int64)
    loss, generator = 0.0, torch.Generator(device)
    for start in range(0, len(pictures), BATCH):
        images = pictures.images[start : start + BATCH].to(device)
        labels = pictures.labels[start : start + BATCH].to(device)
        logits = model(to_model(images, None, generator)).float()
        loss += float(F.cross_entropy(logits, labels, reduction="sum"))
        cells = labels * classes + logits.argmax(1)
        confusion += torch.bincount(cells.cpu(), minlength=classes * classes)
    return Measured(confusion.reshape(classes, classes).numpy(), loss / len(pictures))


def _part(count: int, whole: int) -> float | None:
    return None if whole == 0 else round(float(count / whole), 4)
