"""`bench transfer`, from a checkout: what a backbone that was learned in one wing is worth in another.

A matrix: rows are what learned the backbone (classifiers, autoencoders, VAEs and diffusion models of four
kinds of pictures, agents), columns what starts from it (classifiers with few labels, PPO on Snake and on
Maze3D). Each cell stands beside two trainings from scratch: one with the time that both trainings of the cell
took together, and one with that of the second alone, for those who have the backbone anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.transfer_runs import COLUMNS, FIRST_SECONDS, FIRSTS, Column, First, Workshop
from benchmarks.transfer_tables import ALONE, TOTAL, Row, cell, tables
from sandbox.core.config import Count
from sandbox.core.errors import UnknownName, UsageError
from sandbox.core.manifest import describe
from sandbox.core.runs import default_root
from sandbox.ui.console import Console

SCHEMA = "sandbox.bench-transfer/1"


@dataclass(frozen=True)
class TransferBench:
    """Start every wing's learning from backbones of every wing, and compare with starting from scratch.

    A first training takes 45 seconds of one core, a second 5 to 50. All runs are kept: what is finished is
    not trained again, what was stopped goes on.

    Examples:
        python -m sandbox bench transfer --seeds 1
        python -m sandbox bench transfer --firsts vae-mnist agent-snake --columns snake --png transfer.png
    """

    seeds: Count = 3
    """How many seeds."""
    first_seed: int = 0
    """The first of them."""
    firsts: tuple[str, ...] = ()
    """Some of the rows, such as vae-mnist; all, unless given."""
    columns: tuple[str, ...] = ()
    """Some of the columns: photographs, mnist, snake, maze3d; all, unless given."""
    png: Path | None = None
    """Draw the heat map there."""
    quick: bool = False
    """A fiftieth of every budget: only to see that it works."""
    data_dir: Path | None = None
    """Folder with the data; SANDBOX_DATA, then the cache, unless given."""
    out: Path | None = None
    """Folder for the runs; transfer in SANDBOX_RUNS or ./runs, unless given."""

    def run(self, console: Console) -> dict[str, Any]:
        """Train what is missing, print tables; returns their rows, and the raw numbers of every cell.

        Raises:
            UsageError: there are no seeds, nothing is left to compare, or a kept run was trained otherwise.
            UnknownName: there is no such row or column.
            NotFound: data are missing.
        """
        if self.seeds < 1:
            raise UsageError("--seeds must be at least 1")
        firsts = chosen("row", self.firsts, FIRSTS)
        columns = chosen("column", self.columns, COLUMNS)
        if not any(first.name not in column.known_to for first in firsts for column in columns):
            raise UsageError("these rows have seen all labels of these columns", hint="choose others")
        folder = (self.out or default_root() / "transfer") / ("quick" if self.quick else ".")
        workshop = Workshop(folder, console, self.data_dir, self.quick)
        cells: list[Row] = []
        for seed in range(self.first_seed, self.first_seed + self.seeds):
            for column in columns:
                cells += column_of(workshop, column, firsts, seed)
        found = tables(cells, columns)
        for title, rows in found.items():
            console.table(list(rows[0]), [[_shown(cell) for cell in row.values()] for row in rows], title)
        if self.png is not None:
            from benchmarks.transfer_plot import heat_map

            heat_map(self.png, cells)
            console.print(f"picture {self.png}")
        machine = describe(["python", "-m", "sandbox", "bench", "transfer"])
        about = {"machine": machine, "seeds": self.seeds, "revisions": sorted(workshop.revisions)}
        return {"schema": SCHEMA, **about, **found, "cells": cells}


def chosen(noun: str, names: Sequence[str], known: Sequence[Any]) -> list[Any]:
    """Those of the given names, in the table's order; all without names. Raises UnknownName."""
    for name in names:
        if name not in [each.name for each in known]:
            raise UnknownName(noun, name, [each.name for each in known])
    return [each for each in known if not names or each.name in names]


def column_of(workshop: Workshop, column: Column, firsts: Sequence[First], seed: int) -> list[Row]:
    """A column's cells of one seed: twice from scratch, then from each backbone."""
    lengths = {TOTAL: column.seconds + FIRST_SECONDS, ALONE: column.seconds}
    cells = [
        cell(shown, column, workshop.then(column, seed, seconds), seed) for shown, seconds in lengths.items()
    ]
    for first in firsts:
        if first.name not in column.known_to:
            trained = workshop.then(column, seed, column.seconds, first)
            before = workshop.first(first, seed).cpu_seconds
            cells.append(cell(first.shown, column, trained, seed) | {"first_cpu_seconds": before})
    return cells


def _shown(value: Any) -> Any:
    return "–" if value is None else f"{value:.4g}" if isinstance(value, float) else value
