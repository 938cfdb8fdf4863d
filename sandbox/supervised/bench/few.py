"""Learning from a few photographs: from scratch, and from what other runs learned."""

from __future__ import annotations

from typing import Any

from sandbox.supervised.bench.tasks import COUNTS, FEW, WAYS
from sandbox.supervised.bench.trainer import Trainer

CLASSES = 10


def few(trainer: Trainer, seed: int) -> list[dict[str, Any]]:
    """A row for each number of pictures: test accuracy in percent, for each way to begin."""
    rows = []
    for count in COUNTS:
        row: dict[str, Any] = {"pictures_of_each_digit": f"{count}"}
        for way, words in WAYS.items():
            result = trainer.train(f"{FEW} {count * CLASSES} {words}", seed, f"{count} a digit, {way}")
            row[f"{way}, percent"] = 100 * result["evaluation"]["accuracy"]
        rows.append(row)
    return rows
