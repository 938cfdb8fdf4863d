"""Experience replay: the newest transitions of many environments, to draw minibatches from."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from .n_step import NO_TRANSITION, n_step_returns
from .priorities import Priorities
from .simulators import Step
from .step_ring import StepRing
from .transitions import Transitions

__all__ = ["Replay", "Transitions"]

OVERHEAD = 37
"""Bytes a transition beside its frame and action: reward, outcome, and what n steps give together."""


class Replay(StepRing):
    """The newest `buffer_size` transitions, on `device`; every frame is stored once.

    What n steps give together is worked out when it is sampled for the first time.

    Args:
        buffer_size: transitions to keep, of all environments together.
        n_envs: environments.
        observation_space: of one environment.
        action_space: of one environment; its actions are whole numbers.
        device: where to keep them, and where samples lie.
        gamma: discount per step.
        n_step: steps to take together at most. Fewer are taken where an episode ends, where its end is not
            known yet, and where an environment was reset in between.
        stack_depth: frames in one observation, see `Simulator.stack_depth`.
        prioritized: sample in proportion to priority ** alpha; new transitions have the largest priority so
            far, later ones |TD error| + 1e-6 (Schaul et al. 2015, arXiv:1511.05952).
        alpha: see `prioritized`.

    Raises:
        UsageError: the buffer is too small for its environments, or observations are no such stacks.
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
        gamma: float = 0.99,
        n_step: int = 1,
        stack_depth: int = 1,
        prioritized: bool = False,
        alpha: float = 0.6,
    ) -> None:
        overhead = OVERHEAD + 9 * prioritized
        least = n_step + stack_depth
        common = buffer_size, n_envs, observation_space, action_space, device
        super().__init__(*common, stack_depth, least, overhead)
        self.gamma, self.n_step = gamma, n_step
        self._complete_to = 0  # steps whose returns have been worked out, as far as they were known
        slots = self.rows * n_envs
        self._returns = torch.zeros(slots, device=device)
        self._discounts = torch.full((slots,), -1.0, device=device)  # -1: no transition
        self._last = torch.zeros(slots, dtype=torch.int64, device=device)  # where the last of n steps stands
        self._next = torch.zeros(slots, dtype=torch.int64, device=device)  # address of the frame after it
        self._priorities = Priorities(slots, alpha, device) if prioritized else None

    def add(self, actions: np.ndarray | Tensor, step: Step) -> None:
        """Store what `actions` (envs, *action shape), taken where the environments stood, led to."""
        self._add(actions, step)

    @property
    def choices(self) -> int:
        """Transitions that may be sampled now."""
        return self.size

    def sample(self, count: int, generator: torch.Generator, beta: float = 1.0) -> Transitions:
        """Draw `count` transitions, with replacement; one call may serve many gradient steps.

        Args:
            count: how many.
            generator: decides which, on any device.
            beta: exponent of the importance weights (size · P(i)) ** -beta. They are not normalised: divide
                each minibatch's by their largest.
        """
        assert self.size > 0, "nothing to sample yet"
        self._complete()
        if self._priorities is None:
            slots = self._draw(count, generator)
            return self._read(slots, torch.ones(count, device=self.device))
        slots = self._priorities.draw(count, generator)
        return self._read(slots, self._priorities.weights(slots, self.size, beta))

    def update_priorities(self, transitions: Transitions, errors: Tensor) -> None:
        """Let |TD error| decide how soon these are sampled again; nothing happens where that is uniform.

        Args:
            transitions: of one drawn twice the larger error counts.
            errors: (batch,), of any sign.
        """
        if self._priorities is not None:
            self._complete()  # what came before has the largest priority until now
            self._priorities.update(transitions.index, errors)

    def _draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Slots (count,) of transitions, each as likely as any other."""
        slots = self._draw_slots(count, generator)
        if self.size < self.stored_rows * self.n_envs:
            while len(none := (self._discounts[slots] < 0).nonzero().squeeze(-1)):
                slots[none] = self._draw_slots(len(none), generator)
        return slots

    def _draw_slots(self, count: int, generator: torch.Generator) -> Tensor:
        total, rows = self.rows * self.n_envs, self.stored_rows
        first = (self._count - rows) % self.rows * self.n_envs
        end = first + rows * self.n_envs
        slots = torch.randint(first, end, (count,), generator=generator, device=generator.device)
        return (slots if end <= total else slots.remainder_(total)).to(self.device)

    def _read(self, slots: Tensor, weights: Tensor) -> Transitions:
        """The transitions at `slots` (batch,), which are such."""
        after = self._next.index_select(0, slots)
        stacked = self._frames.depth > 1
        last = self._last.index_select(0, slots) if stacked else slots
        return Transitions(
            self._frames.read(slots),
            self._actions.index_select(0, slots),
            self._returns.index_select(0, slots),
            self._discounts.index_select(0, slots),
            self._frames.read_next(last, after),
            weights,
            slots,
        )

    def _complete(self) -> None:
        """Make the newest steps ready to be sampled."""
        if self._complete_to < self._count:
            self._combine(self._complete_to)
            if self._priorities is not None:
                self._enter(self._priorities)
            self._complete_to = self._count

    def _enter(self, priorities: Priorities) -> None:
        """Give new transitions a priority, and take it from those that are gone."""
        kept = self._count - self.stored_rows
        gone = np.arange(max(self._complete_to - self.capacity, self._count - self.rows, 0), kept)
        new = np.arange(max(self._complete_to, kept), self._count)
        rows = np.concatenate([gone, new]) % self.rows
        occupied = self._outcomes[rows] != NO_TRANSITION
        occupied[: len(gone)] = False
        slots = rows[:, None] * self.n_envs + np.arange(self.n_envs)
        slots, occupied = (torch.as_tensor(part.ravel(), device=self.device) for part in (slots, occupied))
        priorities.enter(slots, occupied)

    def _combine(self, since: int) -> None:
        """Work out what n steps give together, for the steps from number `since` and the n - 1 before."""
        first = max(since - self.n_step + 1, self._count - self.stored_rows)
        rows = np.arange(first, self._count) % self.rows
        outcomes = self._outcomes[rows]
        returns, discounts, steps = n_step_returns(self._rewards[rows], outcomes, self.gamma, self.n_step)
        position = np.arange(len(rows))[:, None] + np.maximum(steps - 1, 0)  # of the last of m steps
        envs = np.arange(self.n_envs)
        last = rows[position] * self.n_envs + envs
        after = self._after[rows][position, envs]
        where = torch.as_tensor(rows, device=self.device)
        for stored, values in (
            (self._returns, returns),
            (self._discounts, discounts),
            (self._last, last),
            (self._next, after),
        ):
            stored.view(self.rows, -1).index_copy_(0, where, torch.as_tensor(values, device=self.device))

    def state_dict(self) -> dict[str, Any]:
        """What is filled; tensors and arrays share the buffer's memory."""
        self._complete()
        state, priorities = super().state_dict(), self._priorities
        slots = len(state["actions"])
        return {**state, "priorities": priorities and priorities.state_dict(slots)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was called on a buffer made with the same arguments.

        Raises:
            ValueError: that one had another size, was for other environments, or is damaged; nothing has
                changed then.
        """
        super().load_state_dict(state)
        if self._priorities is not None:
            self._priorities.load_state_dict(state["priorities"])
        self._complete_to = self._count
        self._combine(0)
