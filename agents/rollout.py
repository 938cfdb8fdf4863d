"""What one round of collection leaves behind: preallocated tensors, `(steps, envs, …)`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from .memory_check import check_memory, space_bytes
from .normalize import RewardNormalizer
from .observations import Tensors, empty_like_space, map_parts, zip_parts
from .segments import Remembered

Advantages = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray]


@dataclass
class Batch:
    """Transitions to learn from, `(batch, …)` each; the order means nothing."""

    observations: Tensors
    actions: Tensor
    log_probs: Tensor
    """log-probability of each action under the policy that took it"""
    values: Tensor
    """V of the observation, as estimated when it was met"""
    advantages: Tensor
    returns: Tensor
    """targets of the value function: advantages + values"""
    remembered: Remembered | None = None
    """with memory: which of the transitions belong together, in this order"""

    def select(self, index: Tensor | slice) -> Batch:
        """The transitions at `index` (a slice gives views, a tensor of numbers a copy)."""
        return Batch(
            map_parts(lambda part: part[index], self.observations),
            self.actions[index],
            self.log_probs[index],
            self.values[index],
            self.advantages[index],
            self.returns[index],
        )

    def minibatches(self, size: int, generator: torch.Generator) -> Iterator[Batch]:
        """Every transition once, in random order, `size` at a time (the last may be smaller)."""
        count = len(self.actions)
        order = torch.randperm(count, generator=generator, device=generator.device)
        # One gather an epoch; the minibatches are views into it.
        shuffled = self.select(order.to(self.actions.device))
        for start in range(0, count, size):
            yield shuffled.select(slice(start, start + size))


class Rollout:
    """Storage for `n_steps` steps of `n_envs` environments.

    What the network sees and says stays on `device`; rewards and ends come from the simulator and stay NumPy
    until the rollout is complete, so that a step on a GPU costs one upload and one download.
    """

    def __init__(
        self,
        n_steps: int,
        n_envs: int,
        observation_space: spaces.Space,
        action_space: spaces.Space,
        device: torch.device,
    ) -> None:
        lead = (n_steps, n_envs)
        _check_memory(lead, observation_space, action_space, device)
        self.n_steps, self.n_envs, self.device = n_steps, n_envs, device
        self.observations = empty_like_space(observation_space, lead, device)
        self.actions = _actions_storage(action_space, lead, device)
        self.log_probs = torch.zeros(lead, device=device)
        self.values = torch.zeros(lead, device=device)
        self.rewards = np.zeros(lead, np.float32)
        self.final_values = torch.zeros(lead, device=device)  # V(final observation), read where cut off
        self.cut_off = np.zeros(lead, bool)  # truncated, and not over
        self.ends = np.zeros(lead, bool)
        self.ignored = np.zeros(lead, bool)  # NEXT_STEP's resets: no transition took place

    def write_decision(
        self, step: int, observation: Tensors, actions: Tensor, log_probs: Tensor, values: Tensor
    ) -> None:
        """Keep what the policy saw and said at `step`; every argument is `(envs, …)`."""
        zip_parts(lambda stored, seen: stored[step].copy_(seen), self.observations, observation)
        self.actions[step] = actions
        self.log_probs[step] = log_probs
        self.values[step] = values

    def write_outcome(
        self, step: int, reward: np.ndarray, end: np.ndarray, ignored: np.ndarray | None
    ) -> None:
        """Keep what the simulator answered at `step`; every argument is `(envs,)`."""
        self.rewards[step] = reward
        self.ends[step] = end
        self.cut_off[step] = False
        self.ignored[step] = False if ignored is None else ignored

    def write_cut(self, step: int, cut_off: np.ndarray, values: Tensor) -> None:
        """Keep V of the final observations, (envs,), for the episodes that were `cut_off` (envs,) bool."""
        self.cut_off[step] = cut_off
        self.final_values[step] = values

    def flat_observations(self) -> Tensors:
        """The observations of all transitions that took place, `(transitions, …)`."""
        valid = self._valid()
        return map_parts(lambda part: part.flatten(0, 1) if valid is None else part[valid], self.observations)

    def normalize_rewards(self, normalizer: RewardNormalizer) -> None:
        """Take the rewards into the statistics and scale them; from here on these are the rewards."""
        rewards, ends, valid = (
            torch.as_tensor(part, device=self.device) for part in (self.rewards, self.ends, ~self.ignored)
        )
        self.rewards[:] = normalizer(rewards, ends, valid).cpu().numpy()

    def batch(self, last_values: np.ndarray, gamma: float, advantages: Advantages) -> Batch:
        """The rollout as transitions, with advantages.

        Args:
            last_values: (envs,), V of the observation after the last step.
            gamma: discount per step.
            advantages: of rewards, values, last values and ends; see `generalized_advantages`.
        """
        values = self.values.cpu().numpy()
        rewards = self.rewards
        # Bootstrap through truncation: the time limit is no part of the task.
        if self.cut_off.any():
            rewards = rewards + gamma * np.where(self.cut_off, self.final_values.cpu().numpy(), 0.0)
        estimates = advantages(rewards, values, last_values, self.ends)
        return self._gathered(torch.as_tensor(estimates, device=self.device))

    def _gathered(self, advantages: Tensor) -> Batch:
        """The transitions that took place, with `advantages` (steps, envs)."""
        whole = Batch(
            map_parts(lambda part: part.flatten(0, 1), self.observations),
            self.actions.flatten(0, 1),
            self.log_probs.flatten(),
            self.values.flatten(),
            advantages.flatten(),
            (advantages + self.values).flatten(),
        )
        valid = self._valid()
        return whole if valid is None else whole.select(valid.flatten().nonzero().squeeze(-1))

    def _valid(self) -> Tensor | None:
        """(steps, envs) bool, the transitions that took place; None where all did."""
        return torch.as_tensor(~self.ignored, device=self.device) if self.ignored.any() else None


def _check_memory(
    lead: tuple[int, int], observation_space: spaces.Space, action_space: spaces.Space, device: torch.device
) -> None:
    """Raise Refused where a rollout of this size and its shuffled copy would not fit."""
    one = space_bytes(observation_space) + space_bytes(action_space) + 40
    what = f"a rollout of {lead[0]:,} steps in {lead[1]:,} environments"
    check_memory(2 * lead[0] * lead[1] * one, device, what, "lower n_steps or the number of environments")


def _actions_storage(space: spaces.Space, lead: tuple[int, int], device: torch.device) -> Tensor:
    discrete = isinstance(space, spaces.Discrete | spaces.MultiDiscrete)
    return torch.zeros(
        (*lead, *(space.shape or ())), dtype=torch.int64 if discrete else torch.float32, device=device
    )
