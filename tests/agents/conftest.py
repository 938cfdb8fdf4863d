"""Tiny environments whose episodes can be computed by hand, registered as `Tiny/…-v0`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from tests.agents.run_folders import at_metric_line, press_ctrl_c, quick_ends, train

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


@pytest.fixture(scope="module")
def short_evaluations() -> Iterator[None]:
    """Runs end with four episodes instead of a hundred, and without a curve."""
    with pytest.MonkeyPatch.context() as patch:
        quick_ends(patch)
        yield


@pytest.fixture(scope="session")
def two_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the same run twice: "whole", and "stopped" after ten updates of 24."""
    root = tmp_path_factory.mktemp("two") / "runs"
    with pytest.MonkeyPatch.context() as patch:
        quick_ends(patch)
        assert train(root, "whole") == 0
        with at_metric_line(12, press_ctrl_c):
            assert train(root, "stopped") == 130
    return root


@pytest.fixture
def root(two_runs: Path, tmp_path: Path) -> Path:
    """A copy of `two_runs` to damage."""
    return shutil.copytree(two_runs, tmp_path / "runs")


@pytest.fixture
def stopped(root: Path) -> Path:
    return root / "stopped"
