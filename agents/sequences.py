"""What a replay buffer of sequences gives to learn from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from .observations import Tensors, map_parts
from .segments import Segments


@dataclass
class Sequences:
    """Sequences of transitions to learn from, one behind another, each in the order of time.

    A sequence of m transitions has m + 1 rows: its observations, and the one after its last transition. Its
    transitions are those to learn from only: without the first ones that warm a memory up.
    """

    observations: Tensors
    """(rows, …); after a terminated episode's last transition anything may stand"""
    segments: Segments
    """which rows belong to which sequence"""
    states: Tensor
    """(sequences, numbers): the memory before each one's first row; zeros where an episode begins"""
    actions: Tensor
    """(transitions, *action shape) int64: the first of the actions taken together"""
    returns: Tensor
    """(transitions,) float32: sum of gamma^i · reward over up to n steps, none beyond the sequence"""
    discounts: Tensor
    """(transitions,) float32: gamma^steps, or 0 where the last of these steps terminated its episode"""
    rows: Tensor
    """(transitions,) int64: where among the rows a transition's observation lies"""
    next_rows: Tensor
    """(transitions,) int64: where what came after the last of the steps taken together lies"""
    owner: Tensor
    """(transitions,) int64: which sequence a transition belongs to"""
    burned: np.ndarray
    """(sequences,) int64: first transitions that only warm the memory up"""
    weights: Tensor
    """(sequences,) float32: importance weights, not normalised; ones where sampling is uniform"""
    slots: Tensor
    """(sequences,) int64: where they are stored, for `SequenceReplay.update_priorities`"""

    def __len__(self) -> int:
        return len(self.segments)

    @property
    def learned(self) -> np.ndarray:
        """(sequences,) int64: how many transitions there are to learn from, at least 1."""
        return self.segments.lengths - 1 - self.burned

    @property
    def importance(self) -> Tensor:
        """(transitions,): each sequence's weight."""
        return self.weights.index_select(0, self.owner)

    def minibatches(self, size: int) -> Iterator[tuple[Sequences, slice]]:
        """All in order, `size` sequences at a time, and which transitions these are."""
        begin = 0
        for first in range(0, len(self), size):
            minibatch = self.select(first, first + size)
            rows = slice(begin, begin + len(minibatch.actions))
            yield minibatch, rows
            begin = rows.stop

    def change_observations(self, function: Callable[[Tensors, Segments], Tensors]) -> None:
        """Let `function` have changed them all."""
        self.observations = function(self.observations, self.segments)

    def select(self, first: int, last: int) -> Sequences:
        """The sequences from `first` up to and without `last`, at least one; tensors are views."""
        lengths, which = self.segments.lengths[first:last], slice(first, last)
        learned = self.learned
        start, begin = int(self.segments.begins[first]), int(learned[:first].sum())
        rows = slice(start, start + int(lengths.sum()))
        own = slice(begin, begin + int(learned[which].sum()))
        return Sequences(
            map_parts(lambda part: part[rows], self.observations),
            Segments(lengths),
            self.states[which],
            self.actions[own],
            self.returns[own],
            self.discounts[own],
            self.rows[own] - start,
            self.next_rows[own] - start,
            self.owner[own] - first,
            self.burned[which],
            self.weights[which],
            self.slots[which],
        )
