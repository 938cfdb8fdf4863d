"""How long something is fitted: what a person says in epochs, steps or minutes. Loads no torch."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from sandbox.core.errors import UsageError
from sandbox.nn.fit_settings import FitSettings

QUICK = 10
"""`--quick` leaves this part of the budget"""
LINES = 10
"""of metrics, at least"""
FEWEST_STEPS = 150
"""of a preset's budget: what is seen often is still learned in steps, however few pictures there are"""


@dataclass(frozen=True)
class Budget:
    """How long to train: one of three, or what the preset says."""

    epochs: float | None = None
    steps: int | None = None
    max_minutes: float | None = None

    def __post_init__(self) -> None:
        given = {name: value for name, value in vars(self).items() if value is not None}
        if len(given) > 1:
            names = " and ".join(f"--{name.replace('_', '-')}" for name in given)
            raise UsageError(f"{names} are two budgets", hint="give one of them")
        for name, value in given.items():
            if not 0 < value < math.inf:
                raise UsageError(f"--{name.replace('_', '-')} must be above 0, not {value}")

    def with_steps(self, steps: int) -> Budget:
        """The budget of `--set steps=…`, which means the same as `--steps`."""
        if self.steps is not None:
            raise UsageError("--steps and --set steps are two budgets", hint="give one of them")
        return replace(self, steps=steps)

    def steps_for(self, pictures: int, batch_size: int, preset_epochs: float) -> int:
        """Gradient steps: what was asked for, else the preset's epochs, but not too few to learn anything."""
        if self.steps is not None:
            return int(self.steps)
        if self.epochs is not None:
            return steps_of(self.epochs, pictures, batch_size)
        return max(FEWEST_STEPS, steps_of(preset_epochs, pictures, batch_size))


def steps_of(epochs: float, pictures: int, batch_size: int) -> int:
    """Gradient steps in which each picture is seen `epochs` times, rounded up; at least 1."""
    return max(1, math.ceil(epochs * pictures / batch_size))


def with_steps(fit: FitSettings, steps: int) -> FitSettings:
    """The same settings with another budget, of which a body is frozen for the same part."""
    frozen = round(steps * min(fit.frozen_steps / fit.steps, 1.0))
    return replace(fit, steps=steps, frozen_steps=frozen)


def logged_often(fit: FitSettings) -> FitSettings:
    """The same settings with at least ten lines of metrics in a short run."""
    return replace(fit, log_every=min(fit.log_every, max(1, fit.steps // LINES)))
