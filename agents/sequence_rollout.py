"""Rollouts that are learned from in sequences, with the memory as it was when each of them began."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from .observations import map_parts
from .rollout import Batch, Rollout
from .segments import Remembered, Segments, to_index


@dataclass(kw_only=True)
class SequenceBatch(Batch):
    """Transitions sequence after sequence, all of one length, `(sequences * length, …)`."""

    starts: np.ndarray
    """(sequences, length) bool, where episodes begin"""
    kept: np.ndarray
    """(sequences, length) bool, where a transition took place"""
    states: Tensor
    """(sequences, numbers): the memory at each one's beginning, before `starts` is looked at"""

    def minibatches(self, size: int, generator: torch.Generator) -> Iterator[Batch]:
        """Every sequence once, in random order, at a time as many as have `size` transitions (at least 1)."""
        count, length = self.starts.shape
        order = torch.randperm(count, generator=generator, device=generator.device).cpu().numpy()
        # A short one may be nothing but a reset, and a minibatch of such ones would be empty.
        order = order[self.kept[order].any(1)]
        each = max(size // length, 1)
        if each >= len(order):
            yield self._all
            return
        for first in range(0, len(order), each):
            yield self.sequences(order[first : first + each])

    @cached_property
    def _all(self) -> Batch:
        """What each epoch gives anew where a minibatch has room for all of it."""
        return self.sequences(np.flatnonzero(self.kept.any(1)))

    def sequences(self, which: np.ndarray) -> Batch:
        """These sequences (n,), less where no transition took place, as rows that belong together."""
        starts, kept = self.starts[which], self.kept[which]
        rows = which[:, None] * starts.shape[1] + np.arange(starts.shape[1])
        batch = self.select(to_index(rows[kept], self.actions.device))
        begins = starts.copy()
        begins[:, 0] = True
        # Behind a step that was ignored an episode begins, so that none is lost where it is left out.
        lengths = np.diff(np.flatnonzero(begins[kept]), append=np.count_nonzero(kept))
        goes_on = begins & ~starts & kept  # begins with the sequence alone
        states = self.states.new_zeros(len(lengths), self.states.shape[1])
        goes_on_in = to_index(which[goes_on.any(1)], states.device)
        states[to_index(np.flatnonzero(goes_on[begins & kept]), states.device)] = self.states[goes_on_in]
        batch.remembered = Remembered(Segments(lengths), states)
        return batch


class SequenceRollout(Rollout):
    """A `Rollout` that knows where episodes began, and what was remembered every `length` steps.

    Args:
        n_steps, n_envs, observation_space, action_space, device: see `Rollout`.
        length: steps of a sequence; divides `n_steps`.
        numbers: in the memory of one environment.
    """

    def __init__(
        self,
        n_steps: int,
        n_envs: int,
        observation_space: spaces.Space,
        action_space: spaces.Space,
        device: torch.device,
        length: int,
        numbers: int,
    ) -> None:
        super().__init__(n_steps, n_envs, observation_space, action_space, device)
        self.length = length
        self.starts = np.zeros((n_steps, n_envs), bool)
        self.states = torch.zeros((n_steps // length, n_envs, numbers), device=device)

    def write_memory(self, step: int, state: Tensor, starts: np.ndarray) -> None:
        """Keep what was remembered before `step`, (envs, numbers), and where episodes begin with it."""
        self.starts[step] = starts
        if step % self.length == 0:
            self.states[step // self.length] = state

    def _gathered(self, advantages: Tensor) -> Batch:
        starts, kept = (
            part.reshape(-1, self.length, self.n_envs).swapaxes(1, 2).reshape(-1, self.length)
            for part in (self.starts, ~self.ignored)
        )
        return SequenceBatch(
            map_parts(self._in_sequences, self.observations),
            self._in_sequences(self.actions),
            self._in_sequences(self.log_probs),
            self._in_sequences(self.values),
            self._in_sequences(advantages),
            self._in_sequences(advantages + self.values),
            starts=starts,
            kept=kept,
            states=self.states.flatten(0, 1),
        )

    def _in_sequences(self, part: Tensor) -> Tensor:
        """(steps, envs, …) -> (sequences * length, …)."""
        apart = part.unflatten(0, (-1, self.length)).transpose(1, 2)
        return apart.flatten(0, 2)
