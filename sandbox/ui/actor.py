"""Anything that acts, as the window sees it. Who wants to be watched gives such an object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from gymnasium import Space, spaces


@dataclass(frozen=True, eq=False)
class View:
    """What an actor is about to do, and what it thinks of it; what it does not know stays empty."""

    action: Any
    """as the environment takes it"""
    value: float | None = None
    """expected return from here"""
    probabilities: tuple[np.ndarray, ...] = ()
    """for each discrete choice the probabilities of its options, (options,)"""
    mean: np.ndarray | None = None
    """of continuous actions, (numbers,)"""
    spread: np.ndarray | None = None
    """their standard deviation, (numbers,)"""
    q_values: np.ndarray | None = None
    """expected return of each action, (actions,)"""
    memory: np.ndarray | None = None
    """hidden activations of its memory, (units,), from -1 to 1; None: it has none"""


class Actor(Protocol):
    """Acts in one environment, one observation at a time."""

    name: str
    """who it is, in a few words: "ppo, step 12,288\""""

    def begin(self, seed: int) -> None:
        """An episode begins: forget the last one."""
        ...

    def act(self, observation: Any) -> View:
        """What to do after `observation`; called once for each one of an episode, in order."""
        ...


@runtime_checkable
class Seeing(Protocol):
    """An actor that may say where in the pictures its decisions come from."""

    blind: str
    """why it cannot; empty if it can"""

    def saliency(self) -> np.ndarray:
        """Where the last decision came from: (rows, columns) of its picture, float32 from 0 to 1."""
        ...


def blindness(actor: Actor | None) -> str:
    """Why an actor cannot say where its decisions come from; empty if it can."""
    return actor.blind if isinstance(actor, Seeing) else "nobody looks at pictures here"


@runtime_checkable
class Remembering(Protocol):
    """An actor whose views may show its memory."""

    forgetful: str
    """why they don't; empty if they do"""


def forgetfulness(actor: Actor | None) -> str:
    """Why an actor has no memory to show; empty if it has one."""
    return actor.forgetful if isinstance(actor, Remembering) else "nobody remembers anything here"


class RandomActor:
    """Draws actions from the action space, the same ones for the same seed of an episode."""

    name = "random actions"

    def __init__(self, action_space: Space[Any]) -> None:
        self.action_space = action_space

    def begin(self, seed: int) -> None:
        self.action_space.seed(seed)

    def act(self, observation: Any) -> View:
        del observation
        action = self.action_space.sample()
        if isinstance(self.action_space, spaces.Discrete):
            count = int(self.action_space.n)
            return View(action, probabilities=(np.full(count, 1 / count),))
        return View(action)
