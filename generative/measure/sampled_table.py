"""Measures of samples in words, each beside what real pictures come to."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from generative.quality.asked import Asked
from generative.quality.copies import NEAR, Memory, Nearest
from generative.quality.manifold import NEIGHBOURS
from generative.quality.yardstick import Quality, Yardstick
from sandbox.data.pictures import Pictures

Rows = list[list[str]]
"""measure, of the samples, of real pictures, meaning"""


@dataclass(frozen=True, eq=False)
class Samples:
    """What a model drew."""

    pictures: Tensor
    """(n, channels, height, width) uint8"""
    asked: Tensor | None
    """(n,) int64, indices into the classes of the data; None where it cannot be asked"""


@dataclass(frozen=True, eq=False)
class Outcome:
    """Everything that was measured."""

    split: str
    reference: Pictures
    asked: Asked
    yardstick: Yardstick
    samples: Samples
    quality: Quality
    nearest: Nearest
    """of the samples"""
    memory: Memory


def rows_of_samples(outcome: Outcome) -> Rows:
    """Everything that people are told."""
    return [*_distances(outcome), *_classes(outcome), *_variety(outcome), _judge(outcome)]


def _distances(outcome: Outcome) -> Rows:
    quality, split = outcome.quality, outcome.split
    drawn, floor = quality.drawn, quality.floor
    few = ", too few to be exact" if outcome.yardstick.flat else ""
    rows = [
        [
            "Fréchet distance",
            f"{drawn.fd:.3g}",
            f"{floor.fd:.3g}",
            f"{quality.ratio:.2f} times that of {quality.n:,} training pictures{few}",
        ]
    ]
    means = {
        "precision": f"drawn ones that lie among {split} pictures (k = {NEIGHBOURS})",
        "recall": f"{split} pictures that lie among drawn ones",
    }
    pairs = ((drawn.precision, floor.precision), (drawn.recall, floor.recall))
    return rows + [
        [name, _share(one), _share(other), means[name]]
        for name, (one, other) in zip(means, pairs, strict=True)
    ]


def _classes(outcome: Outcome) -> Rows:
    told, names = outcome.quality.obedience, outcome.reference.classes
    if told is None:
        return []
    low, high = told.interval
    judge = outcome.yardstick.accuracy
    rows = [
        [
            "right class",
            f"{told.accuracy:.1%}",
            "" if judge is None else f"{judge:.2%}",
            f"the judge sees what was asked for (95 %: {low:.1%} to {high:.1%})",
        ]
    ]
    wrong = told.mistaken(1)
    if wrong and len(told.of_classes) > 1:
        often = next(one for one in told.mistaken(len(names) ** 2) if one.asked == told.weakest)
        means = f"{names[told.weakest]}, most often seen as {names[often.answer]}"
        rows.append(["weakest class", f"{told.of_classes[told.weakest]:.1%}", "", means])
    return rows


def _variety(outcome: Outcome) -> Rows:
    found, memory = outcome.quality.diversity, outcome.memory
    rows = []
    if found.poorest is not None:
        means = "distance between two pictures"
        if len(found.of_classes) > 1:
            least = f"{outcome.reference.classes[found.poorest]} ({found.of_classes[found.poorest]:.2f})"
            means = f"{means} of a class; least: {least}"
        rows.append(["diversity", f"{found.mean:.2f}", "1", means])
    near = f"{memory.copies:.1%} of them suspiciously near (real ones: {NEAR:.0%})"
    means = f"to the nearest training picture; {near}"
    return [*rows, ["distance", f"{memory.drawn:.4f}", f"{memory.held_out:.4f}", means]]


def _judge(outcome: Outcome) -> list[str]:
    accuracy, count = outcome.yardstick.accuracy, len(outcome.reference)
    right = "" if accuracy is None else f"; {accuracy:.2%} of {count:,} {outcome.split} pictures right"
    return ["judge", "", "", f"{outcome.asked.said}{right}"]


def _share(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}"
