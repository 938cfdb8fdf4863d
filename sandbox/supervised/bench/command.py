"""`bench supervised`: classifiers on the real data, seed by seed. Nothing heavy at import."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from sandbox.core.config import Count
from sandbox.core.errors import UnknownName, UsageError
from sandbox.core.manifest import describe
from sandbox.supervised.bench.tasks import TASKS, spelled
from sandbox.ui.console import Console

SCHEMA = "sandbox.bench-supervised/1"
Row = dict[str, Any]

PEER = "pytorch/examples"
"""the MNIST net and settings of pytorch/examples, in the same process"""


TRANSFER, SEARCH = "transfer", "search"


@dataclass(frozen=True)
class SupervisedBench:
    """Train the classifiers on real data, seed by seed; test accuracy and seconds of training.

    mnist-fast runs the preset as it is, and beside it the MNIST net and settings of pytorch/examples until
    that reaches 99 % of the validation pictures. sign-v0 to v2 are the models that a course begins with. The
    photographs are those of signed digits; transfer learns from a few of them, from scratch and from other
    runs; search looks for settings and trains with what it found, beside the preset.

    Examples:
        python -m sandbox bench supervised --only mnist-fast
        python -m sandbox bench supervised --only photographs photographs-from-signs transfer
        python -m sandbox bench supervised --seeds 1 --json
    """

    seeds: Count = 3
    """How many seeds."""
    first_seed: int = 0
    """The first of them."""
    only: tuple[str, ...] = ()
    """Measure these only."""
    peer: bool = True
    """Leave out the net of pytorch/examples, which takes minutes."""
    quick: bool = False
    """A tenth of every budget: only to see that it works."""
    threads: Count | None = None
    """torch's threads; one for each core, unless given."""
    data_dir: Path | None = None
    """Folder with the data; SANDBOX_DATA, then the cache, unless given."""

    def run(self, console: Console) -> dict[str, Any]:
        """Train, print tables; returns their rows, and the raw numbers of every seed."""
        if self.seeds < 1:
            raise UsageError("--seeds must be at least 1")
        known = [*TASKS, TRANSFER, SEARCH]
        for name in self.only:
            if name not in known:
                raise UnknownName("task", name, known)
        asked = self.only or known
        found: dict[str, list[Row]] = {"runs": [], TRANSFER: [], SEARCH: []}
        for seed in range(self.first_seed, self.first_seed + self.seeds):
            with tempfile.TemporaryDirectory() as folder:
                self._measure(seed, asked, Path(folder), console, found)
        rows = summarize(found["runs"])
        for title, table in (("classifiers", rows), (TRANSFER, found[TRANSFER]), (SEARCH, found[SEARCH])):
            if table:
                console.table(
                    list(table[0]), [[shown(cell) for cell in row.values()] for row in table], title
                )
        machine = describe(["python", "-m", "sandbox", "bench", "supervised"])
        return {"schema": SCHEMA, "machine": machine, "seeds": self.seeds, "rows": rows, **found}

    def _measure(
        self, seed: int, asked: Sequence[str], folder: Path, console: Console, found: dict[str, list[Row]]
    ) -> None:
        """One seed, into ``found``."""
        from .few import few
        from .searched import searched
        from .trainer import Trainer

        trainer = Trainer(folder, console, self.threads, self.data_dir, self.quick)
        for name in asked:
            if name == TRANSFER:
                found[TRANSFER] += few(trainer, seed)
            elif name == SEARCH:
                found[SEARCH] += searched(trainer, seed)
            else:
                found["runs"].append(as_row(name, seed, trainer.task(name, seed)))
            if name == "mnist-fast" and self.peer:
                from .peer import train_peer

                peer = train_peer(seed, self.threads, self.data_dir, self.quick)
                found["runs"].append({"task": PEER, "seed": seed, **peer})


def as_row(task: str, seed: int, result: Row) -> Row:
    """A finished training as a row."""
    score = result["evaluation"]
    return {
        "task": task,
        "seed": seed,
        "test_accuracy": score["accuracy"],
        "interval": score["interval"],
        "seconds": result["train_seconds"],
        "epochs": result["epochs"],
    }


def summarize(runs: list[Row]) -> list[Row]:
    """A row for each task: means over the seeds."""
    rows = []
    for task in dict.fromkeys(run["task"] for run in runs):
        each = [run for run in runs if run["task"] == task]
        row: Row = {"task": task, "train-classifier": spelled(TASKS.get(task, ""))}
        row["test_percent"] = 100 * mean(run["test_accuracy"] for run in each)
        rows.append(row | {key: mean(run[key] for run in each) for key in ("epochs", "seconds")})
    return rows


def shown(cell: Any) -> Any:
    """A cell as people read it."""
    return f"{cell:.4g}" if isinstance(cell, float) else cell
