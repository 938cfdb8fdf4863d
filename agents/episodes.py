"""Returns and lengths of the episodes that a collector is in the middle of."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from .simulators import Step


class EpisodeStatistics:
    """Adds up rewards per environment and reports each episode as it ends, in SB3's form `{"r", "l", "t"}`.

    Where the source reports episodes itself (an SB3 Monitor below a VecNormalize knows the true rewards), its
    report counts.
    """

    def __init__(self, n_envs: int) -> None:
        self.returns = np.zeros(n_envs)  # (envs,), of the running episodes
        self.lengths = np.zeros(n_envs, np.int64)  # (envs,), steps
        self._started = time.perf_counter()

    def begin(self) -> None:
        """Forget the running episodes: all environments have been reset."""
        self.returns[:], self.lengths[:] = 0.0, 0

    def update(self, step: Step, end: np.ndarray) -> list[dict[str, Any]]:
        """Take one step in; returns the episodes that it ended.

        Args:
            step: what the simulator answered.
            end: (envs,) bool, terminated or truncated.
        """
        self.returns += step.reward
        self.lengths += 1
        if step.ignored is not None:
            self.lengths[step.ignored] = 0
            self.returns[step.ignored] = 0.0
        if not end.any():
            return []
        finished = step.episodes if step.episodes is not None else self._report(end)
        self.returns[end] = 0.0
        self.lengths[end] = 0
        return finished

    def _report(self, end: np.ndarray) -> list[dict[str, Any]]:
        seconds = round(time.perf_counter() - self._started, 6)
        pairs = zip(self.returns[end].tolist(), self.lengths[end].tolist(), strict=True)
        return [{"r": total, "l": length, "t": seconds} for total, length in pairs]

    def state_dict(self) -> dict[str, Any]:
        return {"returns": self.returns.copy(), "lengths": self.lengths.copy()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.returns = np.array(state["returns"], dtype=np.float64)
        self.lengths = np.array(state["lengths"], dtype=np.int64)
