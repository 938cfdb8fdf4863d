"""Experience replay of sequences, for agents with a memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from .frames import Beside
from .n_step import NO_TRANSITION, n_step_returns
from .observations import Arrays, Tensors
from .priorities import Priorities
from .segments import Segments
from .sequence_checks import check_lengths, check_saved_sequences
from .sequences import Sequences
from .simulators import Step
from .step_ring import StepRing
from .stretches import Stretches

__all__ = ["SequenceReplay", "Sequences"]

OVERHEAD = 30
"""Bytes a transition beside its frame and action: reward, outcome, address, and of a sequence that begins
with it the length, where its memory lies, and the priority."""


@dataclass(frozen=True)
class _Located:
    """Where sequences lie in the ring: arrays (steps, sequences), time first, shorter ones filled up."""

    segments: Segments
    """rows of the sample"""
    steps: np.ndarray
    """(steps, 1): 0, 1, …"""
    slots: np.ndarray
    inside: np.ndarray
    """bool: not filled up"""
    burned: np.ndarray
    """(sequences,)"""


class SequenceReplay(StepRing):
    """The newest `buffer_size` transitions, on `device`, sampled as sequences; every frame is stored once.

    After Hausknecht and Stone 2015 (arXiv:1507.06527) and Kapturowski et al. 2019 (R2D2): a sequence begins
    with each episode and then every `length - overlap` steps of it, and never reaches beyond the episode. It
    can be sampled as soon as it has `length` transitions or its episode is over, until its first transition
    goes. Of those that an episode's end leaves shorter only one is kept that adds something to learn: so
    each transition of an episode that is over is learned from in at least one sequence, and with a `length`
    that no episode exceeds the sequences are whole episodes.

    Args:
        buffer_size, n_envs, observation_space, action_space, device, stack_depth: see `StepRing`.
        length: most transitions of a sequence.
        numbers: in the memory of an environment.
        overlap: transitions that neighbouring sequences of an episode share, fewer than `length`.
        burn_in: first transitions of sequences that begin inside an episode, which are not learned from but
            warm the memory up; at most `overlap`, as otherwise some would never be learned from.
        gamma: discount per step.
        n_step: steps to take together at most; fewer at the end of a sequence.
        prioritized: sample in proportion to priority ** alpha; new sequences have the largest priority so
            far. Otherwise each is as likely as any other.
        alpha: see `prioritized`.
        max_weight: R2D2's eta; a sequence's priority is eta · largest + (1 - eta) · mean |TD error|.

    Raises:
        UsageError: see `StepRing`; or lengths that contradict each other.
        Refused: it does not fit in the device's memory.
    """

    def __init__(
        self,
        buffer_size: int,
        n_envs: int,
        observation_space: spaces.Space,
        action_space: spaces.Space,
        device: torch.device,
        *,
        length: int,
        numbers: int,
        overlap: int = 0,
        burn_in: int = 0,
        gamma: float = 0.99,
        n_step: int = 1,
        stack_depth: int = 1,
        prioritized: bool = False,
        alpha: float = 0.6,
        max_weight: float = 0.9,
    ) -> None:
        check_lengths(length, overlap, burn_in)
        self.length, self.overlap, self.burn_in = length, overlap, burn_in
        self.gamma, self.n_step, self.max_weight = gamma, n_step, max_weight
        overhead = OVERHEAD + -(-4 * numbers // (length - overlap))
        # Until a sequence of an episode is ready, the last one of the episode before must not be gone.
        least = 2 * length
        common = buffer_size, n_envs, observation_space, action_space, device
        super().__init__(*common, stack_depth, least, overhead)
        self._stretches = Stretches(self.rows, n_envs, length, overlap)
        self._state_at = np.zeros((self.rows, n_envs), np.int32)  # row of `_states`
        self._states = torch.zeros((1, numbers), device=device)  # the first one is for episodes' beginnings
        self._places = Beside()  # in `_states` without its first row
        self.prioritized = prioritized
        self._priorities = Priorities(self.rows * n_envs, alpha if prioritized else 0.0, device)
        self._entered_to = 0  # steps after which the priorities knew all

    @property
    def sequences(self) -> int:
        """How many may be sampled now."""
        return self._stretches.ready

    # Storing

    def begin(self, observation: Arrays) -> None:
        if self._count:
            self._stretches.cut(self._count)
        super().begin(observation)

    def add(self, actions: np.ndarray | Tensor, step: Step, states: Tensor) -> None:
        """Store what `actions`, taken where the environments stood, led to.

        Args:
            actions: (envs, *action shape).
            step: what happened.
            states: (envs, numbers), the memory before it saw where the environments stood; does not count
                where an episode began there.
        """
        count = self._count
        begun, inside = self._add(actions, step), self._stretches.inside(count)
        if inside.size:
            self._keep_states(count, inside, states)
        self._stretches.done(count, begun, step.ignored)

    def _store(self, rewards: np.ndarray, outcomes: np.ndarray, taken: int) -> None:
        gone = self._count - self.capacity
        if gone >= 0:
            self._stretches.forget(gone)
            self._places.free(gone)
        self._state_at[self._count % self.rows] = 0
        super()._store(rewards, outcomes, taken)

    def _keep_states(self, count: int, envs: np.ndarray, states: Tensor) -> None:
        places = self._places.take(count, len(envs)) + 1
        if (more := self._places.capacity + 1 - len(self._states)) > 0:
            self._states = torch.cat([self._states, self._states.new_zeros((more, *self._states.shape[1:]))])
        kept = states.detach().to(self._states).index_select(0, self._upload(envs))
        self._states.index_copy_(0, self._upload(places), kept)
        self._state_at[count % self.rows, envs] = places

    # Sampling

    @property
    def choices(self) -> int:
        """Sequences that may be sampled now."""
        return self.sequences

    def sample(self, count: int, generator: torch.Generator, beta: float = 1.0) -> Sequences:
        """Draw `count` sequences, with replacement; one call may serve many gradient steps.

        Args:
            count: how many.
            generator: decides which, on any device.
            beta: exponent of the importance weights (sequences · P(i)) ** -beta. They are not normalised:
                divide each minibatch's by their largest.
        """
        assert self.sequences > 0, "nothing to sample yet"
        self._enter()
        slots = self._priorities.draw(count, generator)
        if self.prioritized:
            weights = self._priorities.weights(slots, self.sequences, beta)
        else:
            weights = torch.ones(count, device=self.device)
        return self._read(slots, weights)

    def update_priorities(self, sequences: Sequences, errors: Tensor) -> None:
        """Let |TD errors| decide how soon these are sampled again; nothing happens where that is uniform.

        Args:
            sequences: of one drawn twice the larger priority counts.
            errors: (transitions,), of any sign, one for each transition to learn from.
        """
        if not self.prioritized:
            return
        self._enter()  # what came before has the largest priority until now
        sizes = errors.detach().abs()
        learned = self._upload(sequences.learned)
        largest, mean = (torch.segment_reduce(sizes, how, lengths=learned) for how in ("max", "mean"))
        self._priorities.update(sequences.slots, torch.lerp(mean, largest, self.max_weight))

    def _enter(self) -> None:
        """Give new sequences a priority, and take it from those that are gone."""
        if self._entered_to == self._count:
            return
        before, kept = (max(count - self.capacity, 0) for count in (self._entered_to, self._count))
        gone = np.arange(max(before, kept - self.rows), kept) % self.rows
        gone_slots = (gone[:, None] * self.n_envs + np.arange(self.n_envs)).ravel()
        self._give_priorities(np.concatenate([gone_slots, self._stretches.news()]))
        self._entered_to = self._count

    def _give_priorities(self, slots: np.ndarray) -> None:
        occupied = self._stretches.lengths.ravel()[slots] > 0
        self._priorities.enter(self._upload(slots), self._upload(occupied))

    def _read(self, slots: Tensor, weights: Tensor) -> Sequences:
        """The sequences that begin at `slots` (sequences,)."""
        at = self._locate(slots.cpu().numpy())
        returns, discounts, counts = self._returns(at)
        learned = (at.inside & (at.steps >= at.burned)).T  # (sequences, steps)
        rows = (at.segments.begins + at.steps).T[learned]
        upload = self._upload
        return Sequences(
            self._observations(at),
            at.segments,
            self._states.index_select(0, upload(self._state_at.ravel()[at.slots[0]])),
            self._actions.index_select(0, upload(at.slots.T[learned])),
            upload(returns.T[learned]),
            upload(discounts.T[learned]),
            upload(rows),
            upload(rows + counts.T[learned]),
            upload(learned.nonzero()[0]),
            at.burned,
            weights,
            slots,
        )

    def _locate(self, slots: np.ndarray) -> _Located:
        lengths = self._stretches.lengths.ravel()[slots].astype(np.int64)
        steps = np.arange(lengths.max())[:, None]
        total = self.rows * self.n_envs
        along = slots + steps * self.n_envs
        along -= total * (along >= total)
        burned = np.where(self._state_at.ravel()[slots] > 0, self.burn_in, 0)
        return _Located(Segments(lengths + 1), steps, along, steps < lengths, burned)

    def _returns(self, at: _Located) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns, discounts and numbers of steps taken together, (steps, sequences) each."""
        outcomes = np.where(at.inside, self._outcomes.ravel().take(at.slots), np.uint8(NO_TRANSITION))
        return n_step_returns(self._rewards.ravel().take(at.slots), outcomes, self.gamma, self.n_step)

    def _observations(self, at: _Located) -> Tensors:
        last = at.slots[at.segments.lengths - 2, np.arange(len(at.segments))]
        slots = np.empty(at.segments.ends[-1], np.int64)
        ends = at.segments.ends - 1
        within = np.ones(len(slots), bool)
        within[ends] = False
        slots[within], slots[ends] = at.slots.T[at.inside.T], last
        after = self._after.ravel().take(last)
        return self._frames.read_along(self._upload(slots), self._upload(ends), self._upload(after))

    def _upload(self, array: np.ndarray) -> Tensor:
        return torch.as_tensor(array, device=self.device)

    # Saving

    def state_dict(self) -> dict[str, Any]:
        """What is filled; tensors and arrays share the buffer's memory."""
        self._enter()
        state, rows = super().state_dict(), min(self._count + 1, self.rows)
        saved = self._priorities.state_dict(rows * self.n_envs) if self.prioritized else None
        return {
            **state,
            "sequences": self._kind(),
            "began": self._stretches.began.copy(),
            "lengths": self._stretches.lengths[:rows],
            "state_at": self._state_at[:rows],
            "states": self._states,
            "places": self._places.state_dict(),
            "priorities": saved,
        }

    def _check(self, state: dict[str, Any]) -> None:
        super()._check(state)
        check_saved_sequences(state, self._kind(), self.prioritized)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self._stretches.restore(state["lengths"], state["began"], self._count)
        self._state_at[:] = 0
        self._state_at[: len(state["state_at"])] = state["state_at"]
        self._states = state["states"].to(self._states, copy=True)
        self._places.load_state_dict(state["places"])
        self._entered_to = self._count
        if self.prioritized:
            self._priorities.load_state_dict(state["priorities"])
        else:
            self._give_priorities(np.arange(self.rows * self.n_envs))

    def _kind(self) -> list[int]:
        return [self.length, self.overlap, self._states.shape[1]]
