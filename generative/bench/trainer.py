"""Runs for the bench, each by the project's own command line, in a folder that goes away."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generative.bench.tasks import MINUTES
from generative.commands import TrainGenerator
from generative.config import GeneratorConfig
from generative.pictures import load_pictures
from generative.training import build_training
from sandbox.core.arguments import parse_command
from sandbox.core.config import Count
from sandbox.nn.fit import Training
from sandbox.ui.console import Console

QUICK = 10
"""`--quick` leaves this part of everything"""


@dataclass(frozen=True)
class Trainer:
    """Trains what it is told, for as long as everything else.

    Args:
        folder: for the runs.
        console: is told what is trained.
        minutes: of training each.
        threads: torch's; one for each core, unless given.
        data_dir: folder with the data; the usual places, unless given.
        quick: a tenth of the minutes.
        peers: train the VAEs of other projects, too.
        pictures: folder for what is worth looking at; none is kept, unless given.
    """

    folder: Path
    console: Console
    minutes: float = MINUTES
    threads: Count | None = None
    data_dir: Path | None = None
    quick: bool = False
    peers: bool = True
    pictures: Path | None = None

    @property
    def thread_count(self) -> int:
        """torch's threads in a training."""
        return self.threads or os.cpu_count() or 1

    def seconds(self, part: float = 1.0) -> float:
        """Of training, for what has a part of the minutes."""
        return 60 * part * self.minutes / (QUICK if self.quick else 1)

    def some(self, count: int) -> int:
        """How many pictures are drawn where it would be `count`."""
        return count // QUICK if self.quick else count

    def train(self, words: str, seed: int, part: float = 1.0) -> dict[str, Any]:
        """Train by the words after `train-generator`, for a part of the minutes; what its `--json` prints."""
        self.console.note(f"{words}, seed {seed}")
        typed = [*words.split(), *self.options(seed, part), "--out", str(self.folder)]
        command = parse_command(TrainGenerator, typed, "train-generator")
        return command.run(Console(json=True, quiet=True))

    def untrained(self, words: str, seed: int, steps: int) -> tuple[GeneratorConfig, Training]:
        """The config and the model that these words mean, with so many steps before it."""
        typed = [*words.split(), "--seed", str(seed), "--steps", str(steps), *self._data]
        config = parse_command(TrainGenerator, typed, "train-generator").resolve(Console(quiet=True))
        return config, build_training(config, load_pictures(config), Console(quiet=True))

    def options(self, seed: int, part: float = 1.0) -> list[str]:
        """Of all trainings."""
        typed = ["--seed", str(seed), "--max-minutes", f"{self.seconds(part) / 60:g}"]
        typed += ["--threads", str(self.threads)] if self.threads else []
        return typed + self._data

    @property
    def _data(self) -> list[str]:
        return ["--data-dir", str(self.data_dir)] if self.data_dir else []
