"""Stretches of episodes in one batch, each with a memory of its own, and how they lie side by side."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

WORTH_A_CALL = 16
"""Padded rows, for each step of its own, that a further call must save: about what a step costs besides."""


@dataclass(frozen=True)
class Padding:
    """Segments of similar length side by side, time first, the shorter ones filled up."""

    which: np.ndarray
    """(columns,) int64: the segments, the longest first"""
    rows: np.ndarray
    """(steps, columns) int64: rows of the batch; where a segment is over, its last row once more"""


class Segments:
    """Rows of a batch that belong together: first those of segment 0 in the order of time, then those of 1, …

    Args:
        lengths: (segments,) int, at least 1 each.
    """

    def __init__(self, lengths: np.ndarray) -> None:
        self.lengths = np.asarray(lengths, np.int64)
        self.ends = self.lengths.cumsum()
        self.begins = self.ends - self.lengths

    def __len__(self) -> int:
        return len(self.lengths)

    @classmethod
    def between(cls, starts: np.ndarray) -> Segments:
        """What lies between the beginnings of episodes.

        Args:
            starts: (sequences, steps) bool, where episodes begin; each sequence begins a segment in any case.
        """
        first = starts.copy()
        first[:, 0] = True
        return cls(np.diff(first.ravel().nonzero()[0], append=first.size))

    @cached_property
    def paddings(self) -> list[Padding]:
        """All segments in as few calls as pay: one, unless a few long ones would fill up many short ones."""
        order = np.argsort(-self.lengths, kind="stable")
        lengths = self.lengths[order]
        found, first = [], 0
        while first < len(order):
            longest = lengths[first]
            half = first + int(np.searchsorted(-lengths[first:], -(longest // 2)))  # the first that short
            saved = 0 if half == len(order) else (longest - lengths[half]) * (len(order) - half)
            end = half if saved and saved > WORTH_A_CALL * lengths[half] else len(order)
            which = order[first:end]
            steps = np.minimum(np.arange(longest)[:, None], self.lengths[which] - 1)
            found.append(Padding(which, self.begins[which] + steps))
            first = end
        return found

    @cached_property
    def places(self) -> np.ndarray:
        """(rows,) int64: where each row lies among the flattened paddings, one behind another."""
        places, before = np.empty(self.ends[-1], np.int64), 0
        for padding in self.paddings:
            steps, columns = padding.rows.shape
            inside = np.arange(steps)[:, None] < self.lengths[padding.which]
            places[padding.rows[inside]] = before + np.flatnonzero(inside)
            before += steps * columns
        return places


@dataclass(frozen=True)
class Remembered:
    """What makes rows of a batch more than single moments."""

    segments: Segments
    states: Tensor
    """(segments, numbers): the memory at each one's beginning; zeros where an episode begins"""

    @classmethod
    def nothing(cls, rows: int, numbers: int, device: torch.device) -> Remembered:
        """Rows that are single moments all the same, each at the beginning of an episode."""
        return cls(Segments(np.ones(rows, np.int64)), torch.zeros(rows, numbers, device=device))


def to_index(rows: np.ndarray, device: torch.device) -> Tensor:
    """Row numbers as a flat tensor, to select by."""
    return torch.from_numpy(np.ascontiguousarray(rows).ravel()).to(device)
