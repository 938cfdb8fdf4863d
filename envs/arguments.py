"""Arguments of environments, checked once, with errors that name the environment and the value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np


def positive(name: str, argument: str, value: Any) -> int:
    """`value` as an int of at least 1.

    Raises:
        ValueError: it is no whole number, or less than 1.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(f"{name}: {argument} must be a whole number of at least 1, got {value!r}")
    return int(value)


def one_of(name: str, argument: str, value: Any, choices: Iterable[Any]) -> Any:
    """`value` if it is one of the `choices`; of a mapping, what `value` stands for.

    Raises:
        ValueError: it is none of them.
    """
    if value in choices:
        return choices[value] if isinstance(choices, Mapping) else value
    known = ", ".join(repr(choice) for choice in choices if choice is None or isinstance(choice, str))
    raise ValueError(f"{name}: {argument} must be one of {known}, got {value!r}")
