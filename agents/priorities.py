"""Sampling in proportion to priorities (Schaul et al. 2015, arXiv:1511.05952)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

FAN_OUT = 32
LEAST = 1e-6
"""What is added to |TD error|, so that nothing is never sampled again."""


class SumTree:
    """Numbers that are at least 0, to draw from in proportion to them: blocks of 32, and the blocks' sums.

    A block's sum is always computed anew from its numbers, so these alone decide what is drawn.

    Args:
        capacity: how many numbers; all are 0 at first.
        device: where they lie.
    """

    def __init__(self, capacity: int, device: torch.device) -> None:
        blocks = -(-capacity // FAN_OUT)
        self.leaves = torch.zeros(blocks * FAN_OUT, dtype=torch.float64, device=device)
        self._blocks = self.leaves.view(blocks, FAN_OUT)
        self._sums = torch.zeros(blocks, dtype=torch.float64, device=device)

    @property
    def total(self) -> Tensor:
        """() float64: the sum of all."""
        return self._sums.sum()

    def set(self, index: Tensor, values: Tensor) -> None:
        """Replace the numbers at `index` (n,) by `values` (n,) float64; of those listed twice the larger."""
        self.leaves.index_fill_(0, index, 0.0)
        self.leaves.scatter_reduce_(0, index, values, "amax")
        if len(index) >= len(self._sums):
            self.refresh()
        else:
            blocks = index.div(FAN_OUT, rounding_mode="floor")
            self._sums.index_copy_(0, blocks, self._blocks.index_select(0, blocks).sum(1))

    def refresh(self) -> None:
        """Compute the sums anew, after `leaves` was written to directly."""
        torch.sum(self._blocks, 1, out=self._sums)

    def sample(self, uniform: Tensor) -> Tensor:
        """Where the running sum of all numbers passes these parts of the total, (n,) int64.

        Args:
            uniform: (n,) float64 from 0 up to and without 1; faster where they are sorted.
        """
        ends = self._sums.cumsum(0)
        block, within = _pass(ends, uniform * ends[-1])
        before = within - (ends - self._sums).index_select(0, block)
        ends = self._blocks.index_select(0, block).cumsum_(1)  # (n, FAN_OUT)
        leaf, _ = _pass(ends, before[:, None])
        return block * FAN_OUT + leaf.squeeze(1)


def _pass(ends: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Where the running sums `ends` first exceed `targets`, so that a number of 0 is never found.

    Targets that by rounding lie outside of the sums are moved inside, and returned so.
    """
    last = torch.nextafter(ends[..., -1:], ends.new_zeros(()))
    targets = torch.minimum(targets, last).clamp_(min=0.0)
    return torch.searchsorted(ends, targets, right=True), targets


class Priorities:
    """How likely each slot of a buffer is to be sampled: in proportion to priority ** alpha.

    Args:
        slots: places in the buffer, none of which is occupied at first.
        alpha: 0 is uniform, 1 proportional to the priorities.
        device: where they lie.
    """

    def __init__(self, slots: int, alpha: float, device: torch.device) -> None:
        self.alpha = alpha
        self._tree = SumTree(slots, device)
        self._largest = torch.ones((), dtype=torch.float64, device=device)  # priority so far

    def enter(self, slots: Tensor, occupied: Tensor) -> None:
        """Give `slots` (n,) the largest priority so far, or none where not `occupied` (n,) bool."""
        self._tree.set(slots, occupied * self._largest**self.alpha)

    def update(self, slots: Tensor, errors: Tensor) -> None:
        """New priorities |error| + 1e-6 for `slots` (n,); of one listed twice the larger error counts.

        Slots that became empty since they were sampled stay so.
        """
        priorities = errors.detach().abs().to(self._largest) + LEAST
        self._largest = torch.maximum(self._largest, priorities.max())
        occupied = self._tree.leaves.index_select(0, slots) > 0
        self._tree.set(slots, priorities**self.alpha * occupied)

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Slots (count,): one from each of `count` equal parts of the sum of all, in random order.

        So any few of them in a row, a minibatch say, come from everywhere.
        """
        device = generator.device
        parts = torch.arange(count, dtype=torch.float64, device=device)
        parts += torch.rand(count, dtype=torch.float64, generator=generator, device=device)
        order = torch.randperm(count, generator=generator, device=device)
        drawn = self._tree.sample(parts.div_(count).to(self._largest.device))
        return drawn.index_select(0, order.to(drawn.device))

    def weights(self, slots: Tensor, size: int, beta: float) -> Tensor:
        """(n,) float32: (size · P(slot)) ** -beta, not normalised.

        Args:
            slots: (n,), occupied.
            size: how many are occupied in all.
            beta: 1 undoes the bias of the sampling, 0 leaves it.
        """
        chances = self._tree.leaves.index_select(0, slots) / self._tree.total
        return (chances * size).pow_(-beta).float()

    def state_dict(self, slots: int) -> dict[str, Any]:
        """Of the first `slots` slots; tensors share this memory."""
        return {"largest": self._largest, "scaled": self._tree.leaves[:slots]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The inverse of `state_dict`."""
        self._largest = state["largest"].to(self._largest)
        self._tree.leaves.zero_()
        self._tree.leaves[: len(state["scaled"])] = state["scaled"].to(self._largest)
        self._tree.refresh()
