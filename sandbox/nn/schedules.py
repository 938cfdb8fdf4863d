"""Learning rate schedules, as pure functions of how much of the budget is spent."""

from __future__ import annotations

import math
from collections.abc import Callable

from sandbox.nn.fit_settings import FitSettings

WARM_START = 1 / 25
"""where one_cycle begins, as a part of the highest rate"""
CYCLES = 4
"""how often cyclical goes up and down"""
RESTARTS = 3
"""how many cosines warm_restarts has, each twice as long as the one before"""


def constant(spent: float) -> float:
    """Always the same."""
    del spent
    return 1.0


def step(spent: float) -> float:
    """A tenth after half of the budget, a hundredth after three quarters."""
    return 1.0 if spent < 0.5 else 0.1 if spent < 0.75 else 0.01


def cosine(spent: float) -> float:
    """Half a cosine from 1 to 0 (Loshchilov and Hutter 2017)."""
    return (1 + math.cos(math.pi * spent)) / 2


def one_cycle(spent: float, rise: float = 0.2) -> float:
    """Up in the first fifth, then down to 0, both along a cosine (Smith and Topin 2018)."""
    if spent < rise:
        return WARM_START + (1 - WARM_START) * (1 - cosine(spent / rise))
    return cosine((spent - rise) / (1 - rise))


def cyclical(spent: float) -> float:
    """Triangles between a tenth and 1 (Smith 2017)."""
    phase = spent * CYCLES % 1.0
    return 0.1 + 0.9 * (1 - abs(2 * phase - 1))


def warm_restarts(spent: float) -> float:
    """Cosines that start anew, each twice as long as the one before (SGDR, Loshchilov and Hutter 2017)."""
    position = spent * (2**RESTARTS - 1)
    cycle = min(int(math.log2(position + 1)), RESTARTS - 1)
    return cosine((position - (2**cycle - 1)) / 2**cycle)


SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": constant,
    "step": step,
    "cosine": cosine,
    "one_cycle": one_cycle,
    "cyclical": cyclical,
    "warm_restarts": warm_restarts,
}


def learning_rate(settings: FitSettings, done: int) -> float:
    """The rate of the step that follows `done` finished ones.

    Where a head learns first, both parts of the budget follow the whole schedule, warm-up included.
    """
    frozen = min(settings.frozen_steps, settings.steps)
    if done < frozen:
        return settings.learning_rate * _part(settings, done, frozen)
    share = settings.fine_rate if frozen else 1.0
    return settings.learning_rate * share * _part(settings, done - frozen, settings.steps - frozen)


def _part(settings: FitSettings, done: int, steps: int) -> float:
    """The part of the highest rate after `done` of `steps` steps."""
    if done < settings.warmup_steps:
        return (done + 1) / settings.warmup_steps
    left = steps - settings.warmup_steps
    spent = (done - settings.warmup_steps) / left if left > 0 else 1.0
    return SCHEDULES[settings.schedule](min(spent, 1.0))
