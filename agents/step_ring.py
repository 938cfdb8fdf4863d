"""The newest steps of many environments, every frame once: what all replay buffers keep."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from sandbox.core.errors import UsageError

from .frames import FrameRing, frame_bytes
from .memory_check import check_memory, space_bytes
from .n_step import NO_TRANSITION, TERMINATED, TRUNCATED
from .observations import Arrays
from .simulators import Step

NOBODY = np.zeros(0, np.int64)


class StepRing:
    """A ring of rows, one for each step of all environments.

    What an environment shows after a step is what the next one begins with, so next observations are later
    rows; only final observations of truncated episodes lie apart. Of stacked frames the newest is stored.
    Rewards and ends stay on the host.

    Args:
        buffer_size: transitions to keep, of all environments together.
        n_envs: environments.
        observation_space: of one environment.
        action_space: of one environment; its actions are whole numbers.
        device: where to keep observations and actions.
        stack_depth: frames in one observation, see `Simulator.stack_depth`.
        least_rows: fewer steps of an environment than these are of no use.
        overhead: bytes that a transition takes beside its frame and action.

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
        stack_depth: int,
        least_rows: int,
        overhead: int,
    ) -> None:
        self.capacity = buffer_size // n_envs
        """rows of transitions that are kept"""
        if self.capacity < least_rows:
            least = n_envs * least_rows
            raise UsageError(
                f"buffer_size must be at least {least} with {n_envs} environments, got {buffer_size}",
                hint="raise buffer_size, or lower the number of environments",
            )
        # The oldest transition needs the frames before it, the newest the observation after it.
        self.rows = rows = self.capacity + stack_depth
        self._n_actions = int(action_space.n) if isinstance(action_space, spaces.Discrete) else None
        self.n_envs, self.device = n_envs, device
        self.size = 0
        """transitions stored now, of all environments together"""
        each = frame_bytes(observation_space, stack_depth) + space_bytes(action_space) + overhead
        what = f"a replay buffer of {buffer_size:,} transitions"
        check_memory(rows * n_envs * each, device, what, "lower buffer_size")
        self._frames = FrameRing(observation_space, rows, n_envs, stack_depth, device)
        self._count = 0  # steps so far; the row after them holds what the environments show now
        self._rewards = np.zeros((rows, n_envs), np.float32)
        self._outcomes = np.full((rows, n_envs), NO_TRANSITION, np.uint8)
        self._after = np.zeros((rows, n_envs), np.int64)  # address of the frame after the step
        self._taken = np.zeros(rows, np.int64)  # transitions in the row
        shape = rows * n_envs, *(action_space.shape or ())
        self._actions = torch.zeros(shape, dtype=torch.int64, device=device)

    @property
    def stored_rows(self) -> int:
        """Rows of transitions that are kept now."""
        return min(self._count, self.capacity)

    def begin(self, observation: Arrays) -> None:
        """All environments stand here now, at the beginning of episodes: at the start, or after a restart.

        Episodes that were running are cut as if truncated: what they had shown last is what came after.
        """
        everyone = np.arange(self.n_envs)
        if self._count:
            self._store(np.zeros(self.n_envs), np.full(self.n_envs, NO_TRANSITION, np.uint8), 0)
        self._frames.write(self._count, observation, everyone)

    def _add(self, actions: np.ndarray | Tensor, step: Step) -> np.ndarray:
        """Store what `actions` (envs, *action shape), taken where the environments stood, led to.

        Returns:
            (episodes,) int, the environments in which an episode begins now.
        """
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
        return begun

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

    def state_dict(self) -> dict[str, Any]:
        """What is filled; tensors and arrays share the buffer's memory."""
        rows = min(self._count + 1, self.rows)
        return {
            "shape": [self.capacity, self.n_envs, self._frames.depth],
            "count": self._count,
            "size": self.size,
            "rewards": self._rewards[:rows],
            "outcomes": self._outcomes[:rows],
            "after": self._after[:rows],
            "actions": self._actions[: rows * self.n_envs],
            "frames": self._frames.state_dict(rows),
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

    def _check(self, state: dict[str, Any]) -> None:
        """Raise ValueError where `state` cannot be taken over."""
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
