"""Experience replay: the newest transitions of many environments, to draw minibatches from."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from sandbox.core.errors import UsageError

from .frames import FrameRing, frame_bytes
from .memory_check import check_memory, space_bytes
from .n_step import NO_TRANSITION, TERMINATED, TRUNCATED, n_step_returns
from .observations import Arrays
from .priorities import Priorities
from .simulators import Step
from .transitions import Transitions

__all__ = ["Replay", "Transitions"]

NOBODY = np.zeros(0, np.int64)
OVERHEAD = 37
"""Bytes a transition beside its frame and action: reward, outcome, and what n steps give together."""


class Replay:
    """The newest `buffer_size` transitions, on `device`; every frame is stored once.

    A ring of rows, one for each step of all environments. What an environment shows after a step is what the
    next one begins with, so next observations are later rows; only final observations of truncated episodes
    lie apart. Of stacked frames the newest is stored. Rewards and ends stay on the host; what n steps give
    together is worked out when it is sampled for the first time.

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
        self.capacity = buffer_size // n_envs
        """rows of transitions that are kept"""
        least = n_envs * (n_step + stack_depth)
        if buffer_size < least:
            raise UsageError(
                f"buffer_size must be at least {least} with {n_envs} environments, got {buffer_size}",
                hint="raise buffer_size, or lower the number of environments",
            )
        # The oldest transition needs the frames before it, the newest the observation after it.
        self.rows = rows = self.capacity + stack_depth
        self._n_actions = int(action_space.n) if isinstance(action_space, spaces.Discrete) else None
        self.n_envs, self.device, self.gamma, self.n_step = n_envs, device, gamma, n_step
        self.size = 0
        """transitions stored now, of all environments together"""
        slots = rows * n_envs
        each = frame_bytes(observation_space, stack_depth) + space_bytes(action_space) + OVERHEAD
        what = f"a replay buffer of {buffer_size:,} transitions"
        check_memory(slots * (each + 9 * prioritized), device, what, "lower buffer_size")
        self._frames = FrameRing(observation_space, rows, n_envs, stack_depth, device)
        self._count = 0  # steps so far; the row after them holds what the environments show now
        self._complete_to = 0  # steps whose returns have been worked out, as far as they were known
        self._rewards = np.zeros((rows, n_envs), np.float32)
        self._outcomes = np.full((rows, n_envs), NO_TRANSITION, np.uint8)
        self._after = np.zeros((rows, n_envs), np.int64)  # address of the frame after the step
        self._taken = np.zeros(rows, np.int64)  # transitions in the row
        self._actions = torch.zeros((slots, *(action_space.shape or ())), dtype=torch.int64, device=device)
        self._returns = torch.zeros(slots, device=device)
        self._discounts = torch.full((slots,), -1.0, device=device)  # -1: no transition
        self._last = torch.zeros(slots, dtype=torch.int64, device=device)  # where the last of n steps stands
        self._next = torch.zeros(slots, dtype=torch.int64, device=device)  # address of the frame after it
        self._priorities = Priorities(slots, alpha, device) if prioritized else None

    @property
    def stored_rows(self) -> int:
        """Rows of transitions that may be sampled now."""
        return min(self._count, self.capacity)

    def begin(self, observation: Arrays) -> None:
        """All environments stand here now, at the beginning of episodes: at the start, or after a restart.

        Episodes that were running are cut as if truncated: what they had shown last is what came after.
        """
        everyone = np.arange(self.n_envs)
        if self._count:
            self._store(np.zeros(self.n_envs), np.full(self.n_envs, NO_TRANSITION, np.uint8), 0)
        self._frames.write(self._count, observation, everyone)

    def add(self, actions: np.ndarray | Tensor, step: Step) -> None:
        """Store what `actions` (envs, *action shape), taken where the environments stood, led to."""
        first = self._count % self.rows * self.n_envs
        self._actions[first : first + self.n_envs].copy_(torch.as_tensor(actions))
        ended = step.terminated | step.truncated
        outcomes = np.where(step.terminated, TERMINATED, step.truncated * np.uint8(TRUNCATED))
        taken = self.n_envs
        if step.ignored is not None:
            outcomes[step.ignored] = NO_TRANSITION
            ended = ended | step.ignored
            taken -= int(np.count_nonzero(step.ignored))
        self._store(step.reward, outcomes, taken)
        begun = ended.nonzero()[0] if ended.any() else NOBODY
        if begun.size:
            self._keep_final(step, outcomes)
        self._frames.write(self._count, step.observation, begun)

    def _keep_final(self, step: Step, outcomes: np.ndarray) -> None:
        truncated = (outcomes == TRUNCATED).nonzero()[0]
        if truncated.size:
            assert step.final_observation is not None
            count = self._count - 1
            addresses = self._frames.write_final(count, step.final_observation, truncated)
            self._after[count % self.rows, truncated] = addresses

    def _store(self, rewards: np.ndarray, outcomes: np.ndarray, taken: int) -> None:
        """Fill the row in which the environments stand with `taken` transitions, and go on to the next."""
        row = self._count % self.rows
        self._rewards[row], self._outcomes[row] = rewards, outcomes
        self._count += 1
        first = self._count % self.rows * self.n_envs
        self._after[row] = np.arange(first, first + self.n_envs)
        self._taken[row] = taken
        gone = self._count - 1 - self.capacity
        self.size += taken - (int(self._taken[gone % self.rows]) if gone >= 0 else 0)

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

    def update_priorities(self, index: Tensor, errors: Tensor) -> None:
        """Let |TD error| decide how soon the transitions at `index` are sampled again.

        Args:
            index: (n,), of `Transitions`; of one listed twice the larger error counts.
            errors: (n,), of any sign. Nothing happens where sampling is uniform.
        """
        if self._priorities is not None:
            self._complete()  # what came before has the largest priority until now
            self._priorities.update(index, errors)

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
        rows, priorities = min(self._count + 1, self.rows), self._priorities
        return {
            "shape": [self.capacity, self.n_envs, self._frames.depth],
            "count": self._count,
            "size": self.size,
            "rewards": self._rewards[:rows],
            "outcomes": self._outcomes[:rows],
            "after": self._after[:rows],
            "actions": self._actions[: rows * self.n_envs],
            "frames": self._frames.state_dict(rows),
            "priorities": priorities and priorities.state_dict(rows * self.n_envs),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was called on a buffer made with the same arguments.

        Raises:
            ValueError: that one had another size, was for other environments, or is damaged; nothing has
                changed then.
        """
        self._check(state)
        rows = len(state["rewards"])
        self._rewards[:rows], self._outcomes[:rows] = state["rewards"], state["outcomes"]
        self._after[:rows] = state["after"]
        self._actions[: rows * self.n_envs] = state["actions"].to(self.device)
        self._frames.load_state_dict(state["frames"])
        self._count = int(state["count"])
        self._outcomes[rows:] = NO_TRANSITION
        self._taken = np.count_nonzero(self._outcomes != NO_TRANSITION, 1)
        stored = np.arange(self._count - self.stored_rows, self._count) % self.rows
        self.size = int(self._taken[stored].sum())
        if self._priorities is not None:
            self._priorities.load_state_dict(state["priorities"])
        self._complete_to = self._count
        self._combine(0)

    def _check(self, state: dict[str, Any]) -> None:
        shape = [self.capacity, self.n_envs, self._frames.depth]
        if list(state["shape"]) != shape:
            raise ValueError(f"the saved replay has rows, environments, frames {state['shape']}, not {shape}")
        rows = min(int(state["count"]) + 1, self.rows)
        filled = {name: len(state[name]) for name in ("rewards", "outcomes", "after")}
        filled["actions"] = len(state["actions"]) // self.n_envs
        if int(state["count"]) < 0 or set(filled.values()) != {rows}:
            raise ValueError(f"the saved replay has {filled} rows, not {rows}")
        whole = {"outcomes": NO_TRANSITION, "after": self._frames.addresses(state["frames"]) - 1}
        if self._n_actions is not None:
            whole["actions"] = self._n_actions - 1
        for name, highest in whole.items():
            values = np.asarray(state[name])
            if values.min() < 0 or values.max() > highest:
                raise ValueError(f"the saved replay's {name} are not from 0 to {highest}")
