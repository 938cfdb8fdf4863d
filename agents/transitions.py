"""What a replay buffer gives to learn from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from torch import Tensor

from .observations import Tensors, map_parts


@dataclass
class Transitions:
    """Transitions to learn from, `(batch, …)` each; of up to n steps taken together."""

    observations: Tensors
    actions: Tensor
    """(batch, *action shape) int64: the first of these steps' actions"""
    returns: Tensor
    """(batch,) float32: sum of gamma^i · reward over the m steps taken together"""
    discounts: Tensor
    """(batch,) float32: gamma^m, or 0 where the last of these steps terminated its episode"""
    next_observations: Tensors
    """what came after the last of them; of a truncated episode its final observation"""
    weights: Tensor
    """(batch,) float32: importance weights, not normalised; ones where sampling is uniform"""
    index: Tensor
    """(batch,) int64: where they are stored, for `Replay.update_priorities`"""

    @property
    def importance(self) -> Tensor:
        """(batch,): `weights`."""
        return self.weights

    def minibatches(self, size: int) -> Iterator[tuple[Transitions, slice]]:
        """All in order, `size` at a time, and which ones these are."""
        for start in range(0, len(self.actions), size):
            rows = slice(start, start + size)
            yield self.select(rows), rows

    def change_observations(self, function: Callable[[Tensors], Tensors]) -> None:
        """Let `function` have changed them all."""
        self.observations = function(self.observations)
        self.next_observations = function(self.next_observations)

    def select(self, index: Tensor | slice) -> Transitions:
        """The transitions at `index` (a slice gives views, a tensor of numbers a copy)."""
        return Transitions(
            map_parts(lambda part: part[index], self.observations),
            self.actions[index],
            self.returns[index],
            self.discounts[index],
            map_parts(lambda part: part[index], self.next_observations),
            self.weights[index],
            self.index[index],
        )
