"""Tiny environments whose episodes can be computed by hand, registered as `Tiny/…-v0`."""

from __future__ import annotations

import os
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

_SPACES: dict[str, spaces.Space[Any]] = {
    "box": spaces.Box(0, 99, (2,), np.float32),
    "discrete": spaces.Discrete(100),
    "multidiscrete": spaces.MultiDiscrete([100, 100]),
    "multibinary": spaces.MultiBinary(8),
    "dict": spaces.Dict({"place": spaces.Box(0, 99, (2,), np.float32), "step": spaces.Discrete(100)}),
    "tuple": spaces.Tuple([spaces.Discrete(100), spaces.Discrete(100)]),
}


class Corridor(gym.Env[Any, Any]):
    """Action 1 goes one place on, 0 stays; the reward is the new place; the end is `goal`, or `limit` steps.

    `start` None draws the first place from 0, 1, 2.
    """

    def __init__(self, kind: str = "box", start: int | None = 0, goal: int = 2, limit: int = 3) -> None:
        self.observation_space, self.action_space = _SPACES[kind], spaces.Discrete(2)
        self.kind, self.start, self.goal, self.limit = kind, start, goal, limit
        self.place = self.steps = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict]:
        super().reset(seed=seed)
        self.place = int(self.np_random.integers(3)) if self.start is None else self.start
        self.place += (options or {}).get("shift", 0)
        self.steps = 0
        return self._look(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.place += int(action)
        self.steps += 1
        terminated = self.place >= self.goal
        info = {"is_success": terminated, "place": self.place}
        return self._look(), float(self.place), terminated, self.steps >= self.limit, info

    def _look(self) -> Any:
        pair = np.array([self.place, self.steps])
        return {
            "box": pair.astype(np.float32),
            "discrete": 10 * self.place + self.steps,
            "multidiscrete": pair,
            "multibinary": np.array(
                [*(pair[0] >> np.arange(4) & 1), *(pair[1] >> np.arange(4) & 1)], np.int8
            ),
            "dict": {"place": pair.astype(np.float32), "step": self.steps},
            "tuple": (self.place, self.steps),
        }[self.kind]


class Noisy(Corridor):
    """A corridor that also shows noise from a generator of its own, which no reset restores."""

    _own = np.random.default_rng()

    def _look(self) -> Any:
        return super()._look() + np.float32(self._own.random())


class Faulty(Corridor):
    """A corridor in which something happens when place 2 is reached."""

    def __init__(self, fault: str = "raise", **arguments: Any) -> None:
        super().__init__(goal=9, limit=99, **arguments)
        self.fault = fault

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        answer = super().step(action)
        if self.place < 2:
            return answer
        if self.fault == "exit":
            os._exit(3)
        if self.fault == "unpicklable":
            error = ValueError("a lambda inside")
            error.args = (lambda: None,)
            raise error
        raise ZeroDivisionError("the wall was hit")


for _kind in (Corridor, Noisy, Faulty):
    gym.register(f"Tiny/{_kind.__name__}-v0", _kind, disable_env_checker=True)
