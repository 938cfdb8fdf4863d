"""The benchmark's stages: a recipe with one seed, run in a process of its own.

A stage calls the project's own command line, and its ``--json`` output is kept in
``benchmarks/results/<recipe>-s<seed>.json``: what is there already is done. What it says meanwhile goes to
``benchmarks/logs/<recipe>-s<seed>.log``.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.recipes import Recipe
from sandbox.core.files import write_atomically
from sandbox.core.manifest import describe

REPOSITORY = Path(__file__).resolve().parents[1]
RESULTS = REPOSITORY / "benchmarks" / "results"
LOGS = REPOSITORY / "benchmarks" / "logs"
PATIENCE_SECONDS = 20
"""That an interrupted stage has to end by itself."""


@dataclass(frozen=True)
class Stage:
    """One recipe with one seed."""

    recipe: Recipe
    seed: int

    @property
    def name(self) -> str:
        """As in the name of its result file."""
        return self.recipe.name if self.recipe.own else f"{self.recipe.name}-s{self.seed}"

    @property
    def words(self) -> list[str]:
        """The command line after ``python -m``."""
        recipe = self.recipe
        extra = recipe.first if self.seed == recipe.seeds[0] else ""
        words = [recipe.program, *recipe.command.format(seed=self.seed).split(), *extra.split()]
        return words if recipe.own else [*words, "--json"]

    def path(self, results: Path) -> Path:
        """Of its result."""
        return results / f"{self.name}.json"

    def seconds(self, results: Path) -> float | None:
        """That it took; None if it is not measured, or nobody knows."""
        try:
            return json.loads(self.path(results).read_text(encoding="utf-8")).get("seconds")
        except FileNotFoundError:
            return None


@dataclass(frozen=True)
class Expected:
    """How long a stage will take."""

    seconds: float | None
    """None when nothing like it was ever measured."""
    exact: bool = True
    """From the same recipe's other seeds; otherwise from recipes that are much like it."""

    def __str__(self) -> str:
        if self.seconds is None:
            return "nobody knows how long"
        return f"{'about' if self.exact else 'perhaps'} {duration(self.seconds)}"


class Expectations:
    """How long stages will take, from those that were measured.

    Args:
        recipes: All there are.
        results: Where the results of their seeds are.
    """

    def __init__(self, recipes: Sequence[Recipe], results: Path) -> None:
        self._taken: dict[str, list[float]] = {}
        self._alike: dict[tuple[str, ...], list[float]] = {}
        for recipe in recipes:
            found = [Stage(recipe, seed).seconds(results) for seed in recipe.seeds]
            self._taken[recipe.name] = [seconds for seconds in found if seconds is not None]
            for key in _likenesses(recipe):
                self._alike.setdefault(key, []).extend(self._taken[recipe.name])

    def of(self, recipe: Recipe) -> Expected:
        """The median of its other seeds; else of its place's other recipes, of the same learner first."""
        if taken := self._taken[recipe.name]:
            return Expected(median(taken))
        for key in _likenesses(recipe):
            if alike := self._alike[key]:
                return Expected(median(alike), exact=False)
        return Expected(None)


def _likenesses(recipe: Recipe) -> list[tuple[str, ...]]:
    place = recipe.place or recipe.name
    return [(place, recipe.name.rpartition("-")[2]), (place,)]


def planned(recipes: Sequence[Recipe], expectations: Expectations) -> list[Stage]:
    """All stages, the most wanted first: the first seed of everything, then the second; cheap before dear."""

    def urgency(stage: Stage) -> tuple[int, bool, float]:
        seconds = expectations.of(stage.recipe).seconds
        return stage.recipe.seeds.index(stage.seed), seconds is None, seconds or 0.0

    return sorted((Stage(recipe, seed) for recipe in recipes for seed in recipe.seeds), key=urgency)


@dataclass(frozen=True)
class Outcome:
    """What came of a stage."""

    stage: Stage
    seconds: float
    failure: str = ""
    """What went wrong, in a line; nothing if nothing did."""


def run(stage: Stage, results: Path = RESULTS, logs: Path = LOGS) -> Outcome:
    """Measure a stage and keep its result; whatever goes wrong is told by the outcome.

    Raises KeyboardInterrupt when the stage was interrupted.
    """
    logs.mkdir(parents=True, exist_ok=True)
    log = logs / f"{stage.name}.log"
    command = ["python", "-m", *stage.words]
    started = time.monotonic()
    with log.open("w", encoding="utf-8") as stderr:
        print("$", *command, file=stderr, flush=True)
        code, output = _call([sys.executable, *command[1:]], stderr)
    seconds = round(time.monotonic() - started, 1)
    if code in (-2, -15, 130, 143):
        raise KeyboardInterrupt
    result = _parsed(output)
    if code == 0 and stage.recipe.own and stage.path(results).exists():
        return Outcome(stage, seconds)
    if code != 0 or stage.recipe.own or result is None:
        nothing = "it left no result" if stage.recipe.own else "it printed no JSON"
        reason = f"exit code {code}" if code else nothing
        return Outcome(stage, seconds, f"{reason}{_last_line(log)}")
    record = {"schema": "sandbox.benchmark/1", "recipe": stage.recipe.name, "seed": stage.seed,
              "seconds": seconds, "made": describe(command), "result": result}  # fmt: skip
    write_atomically(stage.path(results), json.dumps(record, indent=1) + "\n")
    return Outcome(stage, seconds)


def _call(command: list[str], stderr: Any) -> tuple[int, str]:
    # In a session of its own, so that a signal to all of it reaches what the stage started, too.
    with subprocess.Popen(
        command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=stderr, text=True, start_new_session=True
    ) as process:
        try:
            output, _ = process.communicate()
        except BaseException:
            try:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)
                with suppress(subprocess.TimeoutExpired):
                    process.communicate(timeout=PATIENCE_SECONDS)  # whoever writes must not wait for a reader
            finally:  # also when somebody is impatient
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            raise
    return process.returncode, output


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _last_line(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines()[1:]]
    said = [line for line in lines if line]
    return f", {said[-1][:160]}" if said else ""


def duration(seconds: float) -> str:
    """In words: 14 s, 4 min, 2 h 10 min."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
