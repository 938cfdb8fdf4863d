"""Schedules of hyperparameters, as numbers, text or callables.

`0.001` stays constant, `"lin_0.001"` falls linearly to 0 at the end of training (rl-baselines3-zoo's
spelling), and a callable maps the remaining progress (1 at the start, 0 at the end) to a value, as in SB3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import Any

from sandbox.core.errors import UsageError

Schedule = float | str | Callable[[float], float]

_LINEAR = "lin_"


@dataclass(frozen=True)
class Linear:
    """Falls from `start` to 0 over the run."""

    start: float

    def __call__(self, progress_remaining: float) -> float:
        return self.start * progress_remaining


def as_schedule(value: Schedule) -> float | Callable[[float], float]:
    """What SB3 takes: a number or a callable.

    Raises:
        ValueError: for text that is no schedule, or a number below 0.
    """
    if callable(value):
        return value
    if isinstance(value, str):
        text = value.removeprefix(_LINEAR)
        try:
            number = float(text)
        except ValueError:
            raise ValueError(f"{value!r} is no schedule: write a number, or lin_ and a number") from None
        if not 0 <= number < float("inf"):
            raise ValueError(f"a schedule cannot start at {text}: it must be 0 or more")
        return Linear(number) if value.startswith(_LINEAR) else number
    if not isinstance(value, Real) or not 0 <= value < float("inf"):
        raise ValueError(f"a schedule cannot be {value}: it must be 0 or more")
    return float(value)


def schedule_text(value: object) -> float | str | None:
    """The number or text that names a schedule in a file; None for a callable that only its owner knows."""
    if isinstance(value, Linear):
        return f"{_LINEAR}{value.start!r}"
    if isinstance(value, float | int | str):
        return value
    return None


def plain_schedule(value: Any) -> Any:
    """The number, text or callable behind SB3's wrappers of schedules; anything else unchanged."""
    value = getattr(value, "value_schedule", value)  # FloatSchedule
    if callable(value) and hasattr(value, "val"):
        return getattr(value, "val")  # noqa: B009 - SB3's ConstantSchedule
    text = schedule_text(value) if callable(value) else None
    return value if text is None else text


def as_steps(train_freq: int | tuple[int, str]) -> int:
    """SB3's `(4, "step")` as a number. Raises UsageError for episodes."""
    if not isinstance(train_freq, tuple):
        return train_freq
    count, unit = train_freq
    if str(getattr(unit, "value", unit)) != "step":
        raise UsageError("train_freq counts environment steps, not episodes", hint="train_freq=4")
    return count
