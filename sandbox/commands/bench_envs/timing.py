"""Steps a second of several contestants, measured in turns so that what disturbs one disturbs all."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

ROUNDS = 5

Contestant = tuple[Callable[[int], None], int]
"""A function that makes so many calls of `step`, and how many environment steps one call makes."""


@dataclass(frozen=True)
class Pace:
    """What was measured of one contestant, one number a round."""

    steps_per_second: tuple[float, ...]
    cpu_over_wall: tuple[float, ...]
    """CPU seconds of the process over wall seconds: about 1 where nothing disturbed."""

    @property
    def middle(self) -> float:
        """The median of its rounds."""
        return median(self.steps_per_second)

    @property
    def best(self) -> float:
        """The quickest of its rounds: what the machine can do when it is left alone."""
        return max(self.steps_per_second)


def race(contestants: Mapping[str, Contestant], seconds: float, rounds: int = ROUNDS) -> dict[str, Pace]:
    """Let each contestant run for about `seconds`, split into `rounds` in which all take their turns."""
    counts = {name: _calls_within(run, seconds / rounds) for name, (run, _) in contestants.items()}
    laps: dict[str, list[tuple[float, float]]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, (run, steps_per_call) in contestants.items():
            wall, cpu = _timed(run, counts[name])
            laps[name].append((counts[name] * steps_per_call / wall, cpu / wall))
    return {name: Pace(*zip(*found, strict=True)) for name, found in laps.items()}


def ratio(one: Pace, other: Pace) -> float:
    """How many times as fast `one` is: the median of the rounds' ratios."""
    pairs = zip(one.steps_per_second, other.steps_per_second, strict=True)
    return median(ours / theirs for ours, theirs in pairs)


def _calls_within(run: Callable[[int], None], seconds: float) -> int:
    """How many calls take about `seconds`; trying it warms up the contestant."""
    run(1)  # the first one may import, allocate and draw what later ones don't
    count, wall = 1, _timed(run, 1)[0]
    while wall < seconds / 4:
        count *= 3
        wall = _timed(run, count)[0]
    return max(1, round(count * seconds / wall))


def _timed(run: Callable[[int], None], calls: int) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    run(calls)
    return max(time.perf_counter() - wall, 1e-9), time.process_time() - cpu
