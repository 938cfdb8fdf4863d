"""One step of many environments, and what can be stepped so."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import gymnasium as gym
import numpy as np

from .arrays import Observation


@dataclass(slots=True)
class Step:
    """The answer of `num_envs` environments to one action each.

    Environments may reuse their arrays: `observation` stays as it is during the next `step` and may be
    overwritten by the one after it; everything else may be overwritten by the next. Copy what must last.
    """

    observation: Observation
    """(envs, …): what to act on next; in the rows of ended episodes already the new episode's first one,
    unless `ignored` says in the step after that this was not so (autoreset in the next step)."""
    reward: np.ndarray
    """(envs,) float32 or float64."""
    terminated: np.ndarray
    """(envs,) bool: the episode ended, by the task's own rules."""
    truncated: np.ndarray
    """(envs,) bool: it was cut off, by a time limit say; bootstrap from `final_observation`."""
    final_observation: Observation | None = None
    """As `observation`: the last one of the ended episodes, valid in the rows where `terminated | truncated`;
    None only when no episode ended."""
    ignored: np.ndarray | None = None
    """(envs,) bool: rows whose action was ignored, as an ended episode was being reset; drop these."""
    infos: Any = None
    """What the source reported, in its own form: a dict of arrays (gymnasium) or a list of dicts."""
    episodes: list[dict[str, Any]] | None = None
    """Return "r", length "l" and time "t" of the episodes that ended, as a monitor inside of the source saw
    them (before rewards were normalised, or lives were made episodes); None where there is no monitor."""


class Simulator(ABC):
    """`num_envs` environments that are reset, stepped and (mostly) saved and restored together."""

    num_envs: int
    observation_space: gym.Space[Any]
    """Of one environment."""
    action_space: gym.Space[Any]
    """Of one environment."""
    observation: Observation | None = None
    """What the last `reset`, `step` or `load_state_dict` left to act on; None before the first."""
    restarted: np.ndarray | None = None
    """(envs,) bool: rows that began a new episode in the last `load_state_dict`; None before the first."""
    first_seed: int | None = None
    """What the first `reset` uses when it is called without a seed."""

    @abstractmethod
    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> Observation:
        """Start all episodes anew and return their first observations (envs, …)."""

    @abstractmethod
    def step(self, actions: np.ndarray) -> Step:
        """Advance every environment by its action, (envs, *action shape); new episodes follow ended ones."""

    def state_dict(self) -> dict[str, Any] | None:
        """Arrays and JSON values that `load_state_dict` continues from bit-identically, or None."""
        return None

    def load_state_dict(self, state: dict[str, Any] | None) -> list[str]:
        """Continue from a saved state and say in one sentence each what could not be restored.

        What could not be restored starts a new episode: `restarted` marks its rows in `observation`.
        """
        self.observation = self.reset()
        self.restarted = np.ones(self.num_envs, np.bool_)
        return [f"{self} cannot be restored: all {self.num_envs} environments start a new episode"]

    @abstractmethod
    def get_attr(self, name: str, one: int) -> Any:
        """Attribute `name` of environment number `one`; AttributeError if there is none."""

    @abstractmethod
    def set_attr(self, name: str, value: Any, one: int) -> None:
        """Set attribute `name` of environment number `one`."""

    @abstractmethod
    def env_method(self, name: str, one: int, *args: Any, **kwargs: Any) -> Any:
        """Call a method of environment number `one`."""

    @property
    def stack_depth(self) -> int:
        """Frames in one observation, the oldest first, as `stacks` finds them; 1 where it is not sure."""
        return 1

    def render(self) -> Sequence[Any] | None:
        """One picture for each environment, or None."""
        return None

    @abstractmethod
    def close(self) -> None:
        """Release the environments; may be called twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __str__(self) -> str:
        return type(self).__name__

    def _take_first_seed(self, seed: int | None) -> int | None:
        """The seed for this reset: the given one, or the one that was kept for the first reset."""
        seed, self.first_seed = (self.first_seed if seed is None else seed), None
        return seed
