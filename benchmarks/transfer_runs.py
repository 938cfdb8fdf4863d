"""The runs of the transfer matrix: what is learned first, what starts from it, and how long each takes.

All see through the backbone `tiny`, so a step of one column costs the same whatever its backbone comes from,
and equal steps are equal time. Budgets are steps that took `FIRST_SECONDS` (what is learned first) or the
column's `seconds` on one quiet core of a 2-core EPYC; the CPU seconds of each run are measured anew.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

from sandbox.core.arguments import parse_command
from sandbox.core.errors import UsageError
from sandbox.core.manifest import read_manifest
from sandbox.core.metrics import read_metrics
from sandbox.core.plugins import kind_of, resolve
from sandbox.core.run import Run
from sandbox.supervised.bench.tasks import photographs
from sandbox.ui.console import Console

FIRST_SECONDS = 45
PHOTOGRAPHS = "{photographs}"
"""in the words of a training: the photographs of signed digits, 32×32 and grey"""
LAST_PART = 0.1
"""of an agent's training: its episodes, in which actions are drawn, are the score"""


@dataclass(frozen=True)
class First:
    """What is learned first, for its backbone."""

    name: str
    """in the names of runs"""
    shown: str
    """in tables"""
    words: str
    """of the command line that trains it"""


@dataclass(frozen=True)
class Column:
    """What is learned then."""

    name: str
    shown: str
    words: str
    steps: int
    seconds: int
    """which so many steps take"""
    score: Callable[[Run], float]
    known_to: tuple[str, ...] = ()
    """`First`s that were shown more labels of this very data set: they would not be learning from few"""

    def budget(self, seconds: float) -> int:
        """Steps for so many seconds."""
        return round(self.steps * seconds / self.seconds)


def accuracy(run: Run) -> float:
    """Test pictures answered rightly, in percent."""
    return 100 * float(run.info["evaluation"]["accuracy"])


def training_return(run: Run) -> float:
    """Mean return of the episodes at the end of training; hundreds of them, with actions that are drawn."""
    key = "rollout/ep_rew_mean"
    lines = [line for line in read_metrics(run.metrics_path) if key in line]
    start = (1 - LAST_PART) * lines[-1]["step"]
    return fmean(line[key] for line in lines if line["step"] > start)


_AGENT = "--no-early-stop --eval-every 0"
SNAKE = f"train-agent Snake {_AGENT}"
MAZE3D = f"train-agent Maze3D --policy CnnPolicy {_AGENT}"

COLUMNS = (
    Column(
        *("photographs", "photographs, 5 a class, percent"),
        f"train-classifier {PHOTOGRAPHS} --augment --pictures 50",
        steps=150,
        seconds=5,
        score=accuracy,
    ),
    Column(
        *("mnist", "MNIST, 10 a class, percent"),
        "train-classifier mnist --augment --pictures 100",
        steps=150,
        seconds=5,
        score=accuracy,
        known_to=("classifier-mnist",),
    ),
    Column("snake", "return of Snake", SNAKE, steps=204_800, seconds=40, score=training_return),
    Column("maze3d", "return of Maze3D", MAZE3D, steps=204_800, seconds=50, score=training_return),
)

_DATA = {
    "mnist": ("MNIST", "mnist"),
    "signs": ("Sign MNIST", "sign_mnist"),
    "snake": ("Snake frames", "frames:Snake@expert --size 20"),
    "maze3d": ("Maze3D frames", "frames:Maze3D@expert --size 20"),
}
"""name -> in tables, DATA; frames at the size at which agents see them"""
_GENERATORS = {
    "autoencoder": ("autoencoder", (2800, 2800, 3100, 3100)),
    "vae": ("VAE", (1300, 700, 850, 850)),
    "ddpm": ("DDPM", (1600, 1600, 2000, 2000)),
}
"""kind -> in tables, gradient steps for each data set: a VAE's likelihood of grey levels is dear"""

FIRSTS = (
    First("classifier-mnist", "classifier, MNIST", "train-classifier mnist --steps 3400"),
    First("classifier-signs", "classifier, Sign MNIST", "train-classifier sign_mnist --steps 3400"),
    *(
        First(f"{kind}-{name}", f"{word}, {shown}", f"train-generator {kind} {data} --steps {steps}")
        for kind, (word, budgets) in _GENERATORS.items()
        for (name, (shown, data)), steps in zip(_DATA.items(), budgets, strict=True)
    ),
    First("agent-snake", "agent, Snake", f"{SNAKE} --steps 230_000"),
    First("agent-maze3d", "agent, Maze3D", f"{MAZE3D} --steps 184_000"),
)


@dataclass(frozen=True)
class Trained:
    """A run that got to its end, and what it cost."""

    run: Run
    cpu_seconds: float | None
    """None where it was stopped in between"""


@dataclass(frozen=True)
class Workshop:
    """Trains by the project's own command line into runs with fixed names: what is finished is kept, what was
    stopped goes on.

    Args:
        folder: of the runs.
        console: is told what is trained.
        data_dir: folder with the data; the usual places, unless given.
        quick: a fiftieth of every budget.
    """

    folder: Path
    console: Console
    data_dir: Path | None = None
    quick: bool = False
    revisions: set[str] = field(default_factory=set)
    """of the code that trained what was asked for so far"""

    def first(self, first: First, seed: int) -> Trained:
        """Learn what others start from."""
        *words, steps = first.words.split()
        return self.train(f"s{seed}-{first.name}", [*words, str(self._budget(int(steps)))], seed)

    def then(self, column: Column, seed: int, seconds: float, first: First | None = None) -> Trained:
        """Learn a column's task from scratch, or from what was learned first."""
        began = f"from-{first.name}" if first else f"scratch-{seconds:g}"
        words = [*column.words.split(), "--steps", str(self._budget(column.budget(seconds)))]
        if first:
            words += ["--init-from", str(self.first(first, seed).run.path)]
        return self.train(f"s{seed}-{column.name}-{began}", words, seed)

    def train(self, name: str, words: list[str], seed: int) -> Trained:
        """The run of this name, trained to its end.

        Raises:
            UsageError: the run that is kept under this name was trained by other words.
        """
        run = Run(self.folder / name)
        info = run.info if run.path.exists() else {}
        told = [Path(word).name for word in words]  # wherever the parent's folder lies
        if info.get("bench_words", told) != told:
            raise UsageError(
                f"{run.path} was trained by other words: {' '.join(info['bench_words'])}",
                hint="remove it to train anew, or choose another --out",
            )
        trained = self._trained(run, info, words, seed)
        run.update(bench_words=told)
        git = (read_manifest(run) or {}).get("git") or {}
        self.revisions.add(str(git.get("revision", "unknown"))[:12])
        return trained

    def _trained(self, run: Run, info: dict[str, Any], words: list[str], seed: int) -> Trained:
        if info.get("status") == "finished":
            return Trained(run, info.get("bench_cpu_seconds"))
        name = run.name
        self.console.note(name)
        quiet = Console(json=True, quiet=True)
        if info:
            kind_of(info["kind"]).resume(run, quiet, trust=False, device=None)
            return Trained(run, None)
        began = time.process_time()
        command, *typed = self._typed(words)
        typed += ["--seed", str(seed), "--threads", "1", "--out", str(self.folder), "--name", name]
        parse_command(resolve("commands", command), typed, command).run(quiet)
        seconds = time.process_time() - began
        run.update(bench_cpu_seconds=seconds)
        return Trained(run, seconds)

    def _budget(self, steps: int) -> int:
        return max(steps // 50, 1) if self.quick else steps

    def _typed(self, words: list[str]) -> list[str]:
        """The words with what stands for the photographs, and the backbone of all who start from scratch."""
        typed = [word for part in words for word in (self._photographs() if part == PHOTOGRAPHS else [part])]
        if "--init-from" not in typed:
            typed += ["--backbone", "tiny"]
        if self.data_dir is not None and typed[0] != "train-agent":
            typed += ["--data-dir", str(self.data_dir)]
        return typed

    def _photographs(self) -> list[str]:
        return photographs(self.data_dir)
