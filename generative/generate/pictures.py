"""New pictures by the batch: for one grid, or each for a file of its own."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from generative.generate.source import Source
from sandbox.core.errors import UsageError
from sandbox.core.names import resolve
from sandbox.ui.mosaic import TILE_PX

MOST_PIXELS = 64_000_000
"""of a grid"""
MOST_COLUMNS = 32
WIDEST_PX = 4_000
"""of a grid whose pictures are enlarged"""


def asked_for(
    told: Sequence[str], learned: Sequence[str], one: str | None, several: str | None, run: str
) -> list[int]:
    """The classes to draw, as indices, that picture 0, 1, … are of in turn; [] where there are none.

    Args:
        told: the classes that the model is told; none for most models.
        learned: those of them that were learned from.
        one: what --class says.
        several: what --classes says, with commas.
        run: its name.

    Raises:
        UsageError: the model cannot be asked for classes, or learned none of such a name.
    """
    option = "--class" if one is not None else "--classes" if several is not None else None
    if option and not told:
        raise UsageError(
            f"{option} is for models that were told classes in training, and {run} was not",
            hint=f"it learned from {learned[0]} alone: every picture is of it"
            if len(learned) == 1
            else "train with --class-conditional",
        )
    if not told:
        return []
    words = [one] if one is not None else [] if several is None else several.split(",")
    words = [word.strip() for word in words]
    if option and not any(words):
        raise UsageError(f"{option} names no class", hint=f"known: {', '.join(learned)}")
    if not all(words):
        raise UsageError(f"--classes {several} has an empty name in it", hint=f"known: {', '.join(learned)}")
    names = [resolve(word, learned, "class") for word in words] or learned
    return [told.index(name) for name in names]


def label_of(number: int, chosen: Sequence[int]) -> int:
    """The class of picture `number`: all in turn, however many pictures there will be."""
    return chosen[number % len(chosen)]


def drawn(source: Source, count: int, chosen: Sequence[int]) -> Iterator[tuple[range, Tensor]]:
    """Pictures 0 to count - 1, a batch at a time: their numbers, and (n, channels, height, width) uint8."""
    for first in range(0, count, source.size):
        numbers = range(first, min(first + source.size, count))
        labels = torch.tensor([label_of(number, chosen) for number in numbers]) if chosen else None
        yield numbers, source.draw(numbers, labels)


def columns_for(count: int, shape: tuple[int, int, int], classes: int) -> int:
    """Columns of a grid that is about square, in which each column has one class, if there are some."""
    square = math.ceil(math.sqrt(count * shape[1] / shape[2]))
    if not 1 < classes <= MOST_COLUMNS:
        return min(count, square)
    return min(count, classes * max(1, round(square / classes)))


def scale_for(count: int, columns: int, shape: tuple[int, int, int]) -> int:
    """By how much pictures in a grid are enlarged: small ones so that they are easily seen, many less."""
    longest = max(shape[2] * columns, shape[1] * -(-count // columns))
    return max(1, min(round(TILE_PX / max(shape[1:])), WIDEST_PX // longest))


def check_grid(count: int, shape: tuple[int, int, int]) -> None:
    """Refuse a grid that no viewer opens. Raises UsageError."""
    if count * shape[1] * shape[2] > MOST_PIXELS:
        most = MOST_PIXELS // (shape[1] * shape[2])
        raise UsageError(
            f"a grid has room for {most:,} pictures of {shape[2]}×{shape[1]}, not for {count:,}",
            hint="--each DIR writes a file for each",
        )
