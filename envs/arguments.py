"""Arguments of environments, checked once, with errors that name the environment and the value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from inspect import Parameter, signature
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.options import LONGEST_LIMIT, NO_LIMIT

DECIDED = ("self", "num_envs", "render_mode", "autoreset_mode")
"""parameters of environments that commands decide, and nobody types"""
MANY = 1_000_000
"""The most balls, points, steps: what is counted in 32 bits stays far from their end."""


def whole(name: str, argument: str, value: Any, low: int = 1, high: int | None = None) -> int:
    """`value` as an int of at least `low` and, if given, at most `high`.

    Raises:
        ValueError: it is no whole number, or outside.
    """
    integer = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not integer or value < low or (high is not None and value > high):
        rule = f"of at least {low}" if high is None else f"from {low} to {high}"
        raise ValueError(f"{name}: {argument} must be a whole number {rule}, got {value!r}")
    return int(value)


def number(name: str, argument: str, value: Any, low: float, high: float) -> float:
    """`value` as a float from `low` to `high`, both included.

    Raises:
        ValueError: it is no number, or outside.
    """
    real = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not real or not low <= value <= high:  # false for NaN
        raise ValueError(f"{name}: {argument} must be a number from {low:g} to {high:g}, got {value!r}")
    return float(value)


def known_arguments(kind: type, unknown: str) -> str:
    """How the sentence goes on that `kind` has no argument `unknown`: what may be meant, and all it has."""
    parameters = [each for cls in kind.__mro__ for each in signature(cls.__init__).parameters.values()]
    named = (
        each.name for each in parameters if each.kind not in (Parameter.VAR_KEYWORD, Parameter.VAR_POSITIONAL)
    )
    known = sorted({*named} - {*DECIDED})
    close = get_close_matches(unknown, known, 1)
    return (f": did you mean {close[0]!r}?" if close else ";") + f" known: {', '.join(known)}"


def time_limit(name: str, asked: Any, default: int | None) -> int | None:
    """How many steps an episode may have, or None for any number. Raises ValueError as `whole` does."""
    limit = default if asked is None else asked
    if limit is None or limit == NO_LIMIT:
        return None
    return whole(name, "max_episode_steps", limit, 1, LONGEST_LIMIT)


def one_of(name: str, argument: str, value: Any, choices: Iterable[Any]) -> Any:
    """`value` if it is one of the `choices`; of a mapping, what `value` stands for.

    Raises:
        ValueError: it is none of them.
    """
    if any(value is choice or (type(value) is type(choice) and value == choice) for choice in choices):
        return choices[value] if isinstance(choices, Mapping) else value
    known = ", ".join(repr(choice) for choice in choices if choice is None or type(choice) in (str, int))
    raise ValueError(f"{name}: {argument} must be one of {known}, got {value!r}")


def checked_mask(name: str, argument: str, value: Any, num_envs: int) -> NDArray[np.bool_]:
    """`value` as a mask over the episodes, (num_envs,) bool.

    Raises:
        ValueError: another dtype or shape, or true nowhere.
    """
    mask = np.asarray(value)
    if mask.shape != (num_envs,) or mask.dtype != np.bool_ or not mask.any():
        raise ValueError(
            f"{name}: {argument} must be bool, of shape ({num_envs},) and true somewhere, "
            f"got {mask.dtype} {mask.shape}"
        )
    return mask


def check_alike(name: str, here: Mapping[str, NDArray[Any]], saved: Mapping[str, NDArray[Any]]) -> None:
    """Two states have the same arrays, and the saved one no number that is not finite.

    Raises:
        ValueError: a name, shape or dtype differs, or there is a NaN or an infinity.
    """
    if set(here) != set(saved):
        raise ValueError(f"{name}: the state of another environment, with {', '.join(sorted(saved))}")
    for key, array in here.items():
        other = saved[key]
        if (other.shape, other.dtype) != (array.shape, array.dtype):
            raise ValueError(
                f"{name}: {key} is {array.dtype} {array.shape} here, {other.dtype} {other.shape} in the state"
            )
        if other.dtype.kind == "f" and not np.isfinite(other).all():
            raise ValueError(f"{name}: {key} is not finite in the state")
