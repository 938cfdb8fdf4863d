"""Does memory grow while an agent learns? Asked of a process of its own, whose peak is only its own."""

from __future__ import annotations

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from typing import Any

WARM, LAST = 500_000, 2_000_000  # environment steps


def measure_memory(seed: int, warm: int = WARM, last: int = LAST) -> dict[str, Any]:
    """Peak memory of our PPO on CartPole after `warm` and after `last` steps, in MB."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        peaks = pool.submit(peak_megabytes, seed, (warm, last)).result()
    return {"steps": last, "warm_MB": peaks[0], "last_MB": peaks[1], "growth_MB": peaks[1] - peaks[0]}


def peak_megabytes(seed: int, marks: tuple[int, ...]) -> list[float]:
    """Learn `marks[-1]` steps; returns this process's peak resident memory after each of the marks."""
    from stable_baselines3.common.callbacks import BaseCallback

    from .training import ours_tuned

    peaks: list[float] = []

    class Look(BaseCallback):
        def _on_rollout_start(self) -> None:
            if self.num_timesteps >= marks[len(peaks)]:
                peaks.append(_peak())

        def _on_step(self) -> bool:
            return True

    agent = ours_tuned(seed, marks[-1])
    agent.learn(marks[-1], callback=Look())
    return [*peaks, _peak()]


def _peak() -> float:
    import resource

    unit = 2**20 if sys.platform == "darwin" else 2**10  # bytes on macOS, KiB elsewhere
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, 1)
