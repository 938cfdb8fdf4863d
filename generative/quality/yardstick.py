"""Drawn pictures measured against real ones, and beside it how far real ones are from real ones."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor

from generative.quality.classes import Diversity, Obedience, diversity, obedience, spreads
from generative.quality.frechet import check_numbers, fit_gaussian, frechet_distance
from generative.quality.judge import Judge, Judged
from generative.quality.manifold import NEIGHBOURS, precision_recall
from sandbox.core.errors import UsageError
from sandbox.core.seeding import derive_seed
from sandbox.data.pictures import Pictures


class Distances(NamedTuple):
    """Of some pictures to the reference."""

    fd: float
    """Fréchet distance, in squared units of the judge's features"""
    precision: float
    recall: float
    """0 to 1, see `generative.quality.manifold`"""


@dataclass(frozen=True, eq=False)
class Quality:
    """What drawn pictures are worth."""

    n: int
    """pictures that the distances are of"""
    drawn: Distances
    floor: Distances
    """the same of as many training pictures: what a model that draws perfectly could reach"""
    obedience: Obedience | None
    """None where no classes were asked for, or the judge knows none"""
    diversity: Diversity
    judged: Judged
    """of all pictures, in their order"""

    def summary(self) -> dict[str, Any]:
        """As `--json` has it."""
        parts = {f"{name}_floor": value for name, value in self.floor._asdict().items()}
        return {
            "measured": self.n,
            **self.drawn._asdict(),
            **parts,
            "fd_ratio": self.ratio,
            "diversity": self.diversity.mean,
        }

    def of_classes(self, names: tuple[str, ...]) -> list[dict[str, Any]]:
        """Each class that was measured, as `--json` has it."""
        right = {} if self.obedience is None else self.obedience.of_classes
        alike = self.diversity.of_classes
        if len(names) < 2:
            return []
        return [
            {"class": names[number], "accuracy": right.get(number), "diversity": alike.get(number)}
            for number in sorted({*right, *alike})
        ]

    @property
    def ratio(self) -> float:
        """The Fréchet distance, in floors."""
        return self.drawn.fd / self.floor.fd if self.floor.fd else math.inf


class Yardstick:
    """Real pictures, seen by a judge: made once, to measure any number of models.

    Args:
        judge: any callable of the form of `generative.quality.judge.Judge`.
        reference: what drawn pictures are compared with; of no use to training or to choices.
        train: what the models learned from; some of it gives the floor.
        count: how many pictures are going to be measured.
        shares: (classes,) of each class in them, not negative, which reference and floor then count by. None:
            as often as the data have them.
        seed: decides which training pictures.

    Raises:
        UsageError: there are not enough pictures.
        Diverged: the judge answers with what is no number.
    """

    def __init__(
        self,
        judge: Judge,
        reference: Pictures,
        train: Pictures,
        count: int,
        shares: Tensor | None = None,
        seed: int = 0,
    ) -> None:
        self.judge, self.reference, self._shares, self._seed = judge, reference, shares, seed
        beside = train.take(self._rows(train, count, "floor"))
        self.count = min(count, len(beside))
        """of how many pictures distances are measured: no more than the floor has training pictures"""
        self.real = judge(reference.images)
        check_numbers(self.real.features)
        self.gaussian = fit_gaussian(self.real.features, self._weights(reference))
        rows = self._rows(reference, self.count, "reference")
        self._neighbours = self.real.features[rows]
        self.floor = self._distances(judge(beside.images).features, self._weights(beside))

    @property
    def flat(self) -> bool:
        """Whether there are fewer pictures than the judge has features: see `Gaussian.flat`."""
        return self.gaussian.flat or self.count <= len(self.gaussian.mean)

    @cached_property
    def accuracy(self) -> float | None:
        """The part of the reference that the judge answers right; None of one that answers nothing."""
        answers = self.real.answers
        return None if answers is None else float((answers == self.reference.labels.cpu()).double().mean())

    def measure(self, pictures: Tensor, asked: Tensor | None = None) -> Quality:
        """Measure drawn pictures.

        Args:
            pictures: (n, channels, height, width) uint8; distances are of the first `count` of them.
            asked: (n,) int64, the class that was asked for; None where none was.

        Raises:
            UsageError: there are fewer than were announced.
            Diverged: the judge answers with what is no number.
        """
        if len(pictures) < self.count:
            raise UsageError(f"{len(pictures)} pictures cannot be measured as {self.count} are")
        judged, classes = self.judge(pictures), len(self.reference.classes)
        answers = judged.answers
        return Quality(
            self.count,
            self._distances(judged.features[: self.count]),
            self.floor,
            None if asked is None or answers is None else obedience(asked, answers, classes),
            diversity(spreads(judged.features, _groups(judged, asked)), self._spreads(judged, asked)),
            judged,
        )

    def beside(self, pictures: Pictures) -> Pictures:
        """As many of some pictures as are measured, of the same shares; fewer where some lack."""
        return pictures.take(self._rows(pictures, self.count, "beside"))

    def _distances(self, features: Tensor, weights: Tensor | None = None) -> Distances:
        fd = frechet_distance(fit_gaussian(features, weights), self.gaussian)
        if min(len(features), len(self._neighbours)) <= NEIGHBOURS:
            return Distances(fd, math.nan, math.nan)
        return Distances(fd, *precision_recall(self._neighbours, features))

    def _spreads(self, judged: Judged, asked: Tensor | None) -> dict[int, float]:
        """How much the real pictures differ, in the groups that drawn ones are put into."""
        if asked is None and judged.answers is None:
            return spreads(self.real.features, torch.zeros(len(self.reference), dtype=torch.int64))
        return self._of_labels

    @cached_property
    def _of_labels(self) -> dict[int, float]:
        return spreads(self.real.features, self.reference.labels.cpu())

    def _weights(self, pictures: Pictures) -> Tensor | None:
        """How much each picture counts, so that the classes have their shares: (n,)."""
        if self._shares is None:
            return None
        labels = pictures.labels.cpu()
        counts = torch.bincount(labels, minlength=len(pictures.classes))
        return (self._shares / counts.clamp_min(1))[labels]

    def _rows(self, pictures: Pictures, count: int, what: str) -> Tensor:
        """Rows of `count` pictures by chance, with the shares of the classes; fewer where some lack."""
        generator = torch.Generator().manual_seed(derive_seed(self._seed, what))
        order = torch.randperm(len(pictures), generator=generator)
        if self._shares is None:
            return order[:count].sort().values
        labels, wanted = pictures.labels.cpu()[order], (self._shares / self._shares.sum() * count).round()
        rows = [order[labels == number][: int(most)] for number, most in enumerate(wanted.tolist())]
        return torch.cat(rows).sort().values


def _groups(judged: Judged, asked: Tensor | None) -> Tensor:
    """What pictures are put together by: the class asked for, else the answer, else nothing."""
    if asked is not None:
        return asked
    return (
        judged.answers if judged.answers is not None else torch.zeros(len(judged.features), dtype=torch.int64)
    )
