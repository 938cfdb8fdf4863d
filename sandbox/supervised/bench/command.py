"""`bench supervised`: classifiers on the real data, seed by seed. Nothing heavy at import."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from sandbox.core.config import Count
from sandbox.core.errors import UnknownName, UsageError
from sandbox.core.manifest import describe
from sandbox.ui.console import Console

SCHEMA = "sandbox.bench-supervised/1"
Row = dict[str, Any]

TASKS: dict[str, str] = {
    "mnist-fast": "mnist",
    "mnist-best": "mnist --augment --max-minutes 9",
    "sign-v0": "sign_mnist --model mlp",
    "sign-v1": "sign_mnist --model cnn",
    "sign-v2": "sign_mnist --model cnn --augment",
    "sign-backbone": "sign_mnist --augment",
}
"""name -> the words after `train-classifier`; each looks at the test pictures once, in the end"""
PEER = "pytorch/examples"
"""the MNIST net and settings of pytorch/examples, in the same process"""


@dataclass(frozen=True)
class SupervisedBench:
    """Train the classifiers on MNIST and Sign MNIST, seed by seed; test accuracy and seconds of training.

    mnist-fast runs the preset as it is, and beside it the MNIST net and settings of pytorch/examples until
    that reaches 99 % of the validation pictures. sign-v0 to v2 are the models that a course begins with.

    Examples:
        python -m sandbox bench supervised --only mnist-fast
        python -m sandbox bench supervised --seeds 1 --json
    """

    seeds: Count = 3
    """How many seeds."""
    first_seed: int = 0
    """The first of them."""
    only: tuple[str, ...] = ()
    """Measure these only."""
    peer: bool = True
    """Also train the net of pytorch/examples, which takes minutes."""
    quick: bool = False
    """A tenth of every budget: only to see that it works."""
    threads: Count | None = None
    """torch's threads; one for each core, unless given."""
    data_dir: Path | None = None
    """Folder with the data; SANDBOX_DATA, then the cache, unless given."""

    def run(self, console: Console) -> dict[str, Any]:
        """Train, print a table; returns a row for each task, and the raw numbers of every seed."""
        if self.seeds < 1:
            raise UsageError("--seeds must be at least 1")
        for name in self.only:
            if name not in TASKS:
                raise UnknownName("task", name, list(TASKS))
        runs = [
            run
            for name in self.only or TASKS
            for seed in range(self.first_seed, self.first_seed + self.seeds)
            for run in self._train(name, seed, console)
        ]
        rows = summarize(runs)
        console.table(
            list(rows[0]), [[shown(cell) for cell in row.values()] for row in rows], title="classifiers"
        )
        machine = describe(["python", "-m", "sandbox", "bench", "supervised"])
        return {"schema": SCHEMA, "machine": machine, "seeds": self.seeds, "rows": rows, "runs": runs}

    def _train(self, name: str, seed: int, console: Console) -> list[Row]:
        from sandbox.core.arguments import parse_command
        from sandbox.supervised.commands import TrainClassifier

        console.note(f"{name}, seed {seed}")
        words = [*TASKS[name].split(), "--seed", str(seed), *(["--quick"] if self.quick else [])]
        words += ["--threads", str(self.threads)] if self.threads else []
        words += ["--data-dir", str(self.data_dir)] if self.data_dir else []
        with tempfile.TemporaryDirectory() as folder:
            command = parse_command(TrainClassifier, [*words, "--out", folder], "train-classifier")
            result = command.run(Console(json=True, quiet=True))
        score = result["evaluation"]
        ours = {"task": name, "seed": seed, "test_accuracy": score["accuracy"], "interval": score["interval"]}
        found = [{**ours, "seconds": result["train_seconds"], "epochs": result["epochs"]}]
        if name == "mnist-fast" and self.peer:
            from .peer import train_peer

            found.append(
                {"task": PEER, "seed": seed, **train_peer(seed, self.threads, self.data_dir, self.quick)}
            )
        return found


def summarize(runs: list[Row]) -> list[Row]:
    """A row for each task: means over the seeds."""
    rows = []
    for task in dict.fromkeys(run["task"] for run in runs):
        each = [run for run in runs if run["task"] == task]
        row: Row = {"task": task, "train-classifier": TASKS.get(task, "")}
        row["test_percent"] = 100 * mean(run["test_accuracy"] for run in each)
        rows.append(row | {key: mean(run[key] for run in each) for key in ("epochs", "seconds")})
    return rows


def shown(cell: Any) -> Any:
    """A cell as people read it."""
    return f"{cell:.4g}" if isinstance(cell, float) else cell
