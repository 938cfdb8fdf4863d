"""Values as a page says them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.commands.comparison.grouping import flatten

LONGEST = 300
"""characters of a value in a table"""


def said(value: Any) -> str:
    """A value for people: numbers with their digits in groups, a dash for none."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if value.is_integer() and abs(value) < 1e15 else f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(said, value)) or "none"
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def count_of_steps(steps: Any) -> str:
    """``1 step``, ``3,000 steps``."""
    return f"{said(steps)} step{'' if steps == 1 else 's'}"


def share(part: float) -> str:
    """A part of a whole in percent: ``98.89%``."""
    return f"{part:.2%}"


def facts_of(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The entries of a nested table, with names in words."""
    return [(key.replace("_", " "), said(value)) for key, value in flatten(values).items()]
