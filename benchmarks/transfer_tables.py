"""Tables of the transfer matrix: what each backbone came to, and how far above starting from scratch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.transfer_runs import Column, Trained

Row = dict[str, Any]

TOTAL, ALONE = "scratch, as long as both together", "scratch, as long as the second alone"
"""what a cell is held against"""


def cell(shown: str, column: Column, trained: Trained, seed: int) -> Row:
    """One training as a row of numbers."""
    return {
        "learned_by": shown,
        "column": column.name,
        "seed": seed,
        "score": column.score(trained.run),
        "steps": trained.run.info["steps"],
        "cpu_seconds": trained.cpu_seconds,
    }


def tables(cells: Sequence[Row], columns: Sequence[Column]) -> dict[str, list[Row]]:
    """A row for each backbone and seed: its scores, and how far above either training from scratch."""
    found: dict[str, list[Row]] = {"rows": [], "gains": [], "gains_alone": []}
    for seed in dict.fromkeys(cell["seed"] for cell in cells):
        own = [cell for cell in cells if cell["seed"] == seed]
        score = {(cell["learned_by"], cell["column"]): cell["score"] for cell in own}
        for shown in dict.fromkeys(cell["learned_by"] for cell in own):
            found["rows"].append(
                {"learned_by": shown} | {column.shown: score.get((shown, column.name)) for column in columns}
            )
            for table, scratch in (("gains", TOTAL), ("gains_alone", ALONE)):
                if shown not in (TOTAL, ALONE):
                    gains = {
                        f"{column.shown}, gain": _less(
                            score.get((shown, column.name)), score[scratch, column.name]
                        )
                        for column in columns
                    }
                    found[table].append({f"gain over {scratch}": shown, **gains})
    return {name: rows for name, rows in found.items() if rows}


def _less(score: float | None, scratch: float) -> float | None:
    return None if score is None else score - scratch
