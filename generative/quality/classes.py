"""Whether the right classes are drawn, and how much the pictures of a class differ."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from generative.quality.apart import mean_distance
from sandbox.core.statistics import Answers


class Mistaken(NamedTuple):
    """A class that was asked for, and what the judge saw instead."""

    asked: int
    answer: int
    pictures: int


@dataclass(frozen=True, eq=False)
class Obedience(Answers):
    """Which class was asked for, against what the judge says."""

    confusion: Tensor
    """(classes, classes) int64: row the class that was asked for, column the judge's answer"""

    @property
    def of_classes(self) -> dict[int, float]:
        """The accuracy of each class that was asked for."""
        asked = self.confusion.sum(1)
        return {
            number: int(self.confusion[number, number]) / int(count)
            for number, count in enumerate(asked.tolist())
            if count
        }

    @property
    def weakest(self) -> int:
        """The class with the lowest accuracy, the first one of several."""
        found = self.of_classes
        return min(found, key=lambda number: found[number])

    def mistaken(self, most: int = 5) -> list[Mistaken]:
        """What is most often taken for something else."""
        wrong = self.confusion - self.confusion.diagonal().diag()
        pairs = [Mistaken(row, column, int(wrong[row, column])) for row, column in wrong.nonzero().tolist()]
        return sorted(pairs, key=lambda pair: -pair.pictures)[:most]

    def summary(self, classes: tuple[str, ...]) -> dict[str, Any]:
        """As `--json` has it."""
        return {
            "accuracy": self.accuracy,
            "accuracy_interval": [round(end, 5) for end in self.interval],
            "weakest_class": classes[self.weakest],
        }


def obedience(asked: Tensor, answers: Tensor, classes: int) -> Obedience:
    """Count what was asked for, (n,) int64, against the judge's answers, likewise."""
    pairs = torch.bincount(asked * classes + answers, minlength=classes**2)
    return Obedience(pairs.reshape(classes, classes))


@dataclass(frozen=True)
class Diversity:
    """How much drawn pictures of a class differ from each other, as a part of how much real ones do."""

    of_classes: dict[int, float]
    """mean distance between two drawn ones over that between two real ones, where there are two of both"""

    @property
    def mean(self) -> float:
        """Over the classes; NaN where none can be compared."""
        found = self.of_classes.values()
        return sum(found) / len(found) if found else math.nan

    @property
    def poorest(self) -> int | None:
        """The class whose pictures are most alike."""
        return min(self.of_classes, key=lambda number: self.of_classes[number], default=None)


def spreads(features: Tensor, groups: Tensor) -> dict[int, float]:
    """Mean distance between two pictures of a group, by its number; of groups of two at least.

    Args:
        features: (n, d).
        groups: (n,) int64.
    """
    numbers, counts = groups.unique(return_counts=True)
    return {
        number: mean_distance(features[groups == number])
        for number, count in zip(numbers.tolist(), counts.tolist(), strict=True)
        if count > 1
    }


def diversity(drawn: dict[int, float], real: dict[int, float]) -> Diversity:
    """Compare `spreads` of drawn pictures with those of real ones."""
    return Diversity({number: drawn[number] / real[number] for number in drawn if real.get(number)})
