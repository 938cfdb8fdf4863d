"""Runs for a bench: each task once a seed, in a folder that goes away, and those that others start from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.core.arguments import parse_command
from sandbox.core.config import Count
from sandbox.supervised.bench.tasks import TASKS, parents, photographs
from sandbox.supervised.commands import TrainClassifier
from sandbox.ui.console import Console

Result = dict[str, Any]


@dataclass
class Trainer:
    """Trains by the project's own command line.

    Args:
        folder: for the runs.
        console: is told what is trained.
        threads: torch's; one for each core, unless given.
        data_dir: folder with the data; the usual places, unless given.
        quick: a tenth of every budget.
    """

    folder: Path
    console: Console
    threads: Count | None = None
    data_dir: Path | None = None
    quick: bool = False
    _done: dict[tuple[str, int], Result] = field(default_factory=dict)

    def task(self, name: str, seed: int) -> Result:
        """Train a task, once; what `train-classifier --json` prints."""
        if (name, seed) not in self._done:
            self._done[name, seed] = self.train(TASKS[name], seed, name)
        return self._done[name, seed]

    def train(self, words: str | Sequence[str], seed: int, what: str) -> Result:
        """Train by the words after `train-classifier`, in which names stand in braces; see `TASKS`.

        A string is cut at its spaces, so words that may have spaces in them are given one by one.
        """
        typed = self.filled(words, seed)
        self.console.note(f"{what}, seed {seed}")
        command = parse_command(TrainClassifier, [*typed, "--seed", str(seed)], "train-classifier")
        return command.run(Console(json=True, quiet=True))

    def filled(self, words: str | Sequence[str], seed: int) -> list[str]:
        """The words with what their names stand for, and the options of all trainings.

        Raises:
            NotFound: they name the photographs, which are not there.
        """
        typed = words.split() if isinstance(words, str) else list(words)
        runs = {f"{{{name}}}": self.task(name, seed)["run"] for name in parents(" ".join(typed))}
        typed = [runs.get(word, word) for word in typed]
        if "{hands}" in typed:
            at = typed.index("{hands}")
            typed[at : at + 1] = photographs(self.data_dir)
        typed += ["--quick"] if self.quick else []
        typed += ["--threads", str(self.threads)] if self.threads else []
        typed += ["--data-dir", str(self.data_dir)] if self.data_dir else []
        return [*typed, "--out", str(self.folder)]
