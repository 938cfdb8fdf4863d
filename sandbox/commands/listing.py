"""``list``: what there is to choose from, as the wings tell it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from shutil import get_terminal_size
from typing import Any

from tyro.conf import Positional

from sandbox.core.plugins import names, resolve
from sandbox.ui.console import Console


@dataclass(frozen=True)
class List:
    """List what there is to choose from; alone, the lists that there are.

    Examples:
        python -m sandbox list envs
        python -m sandbox list algos
        python -m sandbox list data
    """

    what: Positional[str] = ""
    """Which list."""

    def run(self, console: Console) -> dict[str, Any]:
        """Print the list; returns what ``--json`` prints.

        Raises:
            UnknownName: There is no such list.
        """
        if not self.what:
            available = names("lists")
            console.print("\n".join(f"python -m sandbox list {name}" for name in available))
            return {
                "schema": "sandbox.list/1",
                "title": "lists",
                "columns": ["name"],
                "rows": [[n] for n in available],
            }
        listing = resolve("lists", self.what)()
        details = listing.pop("details", {})
        shown = [n for n, column in enumerate(listing["columns"]) if details.get(column, 0) <= _room()]
        columns = [listing["columns"][n] for n in shown]
        console.table(columns, [[row[n] for n in shown] for row in listing["rows"]], title=listing["title"])
        return {"schema": "sandbox.list/1", **listing}


def _room() -> float:
    """How many characters a line may have: a terminal's width, any number in a file."""
    return get_terminal_size().columns if sys.stdout.isatty() else float("inf")
