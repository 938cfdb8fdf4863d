"""What a lesson is: a small program that ends in one picture and three lines of text.

A lesson is a module with a function ``teach(desk) -> Taught``, in the wing that it is about, and a line in
the table of lessons (`sandbox.core.lesson_table.LESSONS`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Desk:
    """What a lesson finds when it begins. torch computes on one thread, and its seed is set."""

    seed: int
    """decides everything that is random"""
    note: Callable[[str], None]
    """says what happens now, in one line, where it takes seconds"""
    data_dir: Path | None = None
    """folder with data sets; None for the usual places"""


@dataclass(frozen=True)
class Taught:
    """What a lesson ends with."""

    figure: Figure
    """the one picture"""
    lines: tuple[str, str, str]
    """what to look at in it, with the numbers that came out"""
