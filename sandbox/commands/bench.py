"""``bench``: hand the rest of the command line to one of the benchmarks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.core.plugins import names, resolve
from sandbox.ui.console import Console


@dataclass(frozen=True)
class Bench:
    """Measure speed beside others, as `bench NAME`; alone, the benchmarks that there are.

    Examples:
        python -m sandbox bench agents
        python -m sandbox bench envs --only Snake
        python -m sandbox bench agents --help
    """

    @classmethod
    def route(cls, arguments: list[str], prog: str) -> tuple[type, list[str], str]:
        """Return the command that ``arguments`` are for, its own arguments, and how it is called.

        Raises:
            UnknownName: The first word names no benchmark.
        """
        if not arguments or arguments[0].startswith("-"):
            return cls, arguments, prog
        return resolve("benches", arguments[0]), arguments[1:], f"{prog} {arguments[0]}"

    def run(self, console: Console) -> dict[str, Any]:
        """Print the names of all benchmarks."""
        available = names("benches")
        console.print("\n".join(f"python -m sandbox bench {name}" for name in available))
        return {
            "schema": "sandbox.list/1",
            "title": "benches",
            "columns": ["name"],
            "rows": [[n] for n in available],
        }
