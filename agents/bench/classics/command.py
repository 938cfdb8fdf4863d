"""`bench classics`: the command. Nothing heavy at import."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sandbox.core.config import Count
from sandbox.core.errors import UnknownName, UsageError
from sandbox.core.manifest import describe
from sandbox.core.statistics import returns_text
from sandbox.ui.console import Console

SCHEMA = "sandbox.bench-classics/1"
QUICK = 20
Row = dict[str, Any]


@dataclass(frozen=True)
class ClassicsBench:
    """Train every classic task with our presets, and with stock Stable-Baselines3 and the zoo's settings.

    Each training uses all of its steps, on one torch thread. Fifty times in it one evaluator plays 100 greedy
    episodes (20 of LunarLander) with whoever learns, off the clock; a mean at the task's threshold is
    confirmed on 100 fresh episodes. In the end the last and the best weights play the same 100 episodes on
    gymnasium's own environment. Seconds are those of training alone.

    Examples:
        python -m sandbox bench classics --seeds 1 --only cartpole-ppo cartpole-dqn
        python -m sandbox bench classics --engine ours --json
    """

    seeds: Count = 5
    """How many seeds."""
    first_seed: int = 0
    """The first of them."""
    only: tuple[str, ...] = ()
    """Some of the cases, such as acrobot-dqn."""
    engine: Literal["both", "ours", "SB3"] = "both"
    """Who trains."""
    quick: bool = False
    """A twentieth of the steps."""

    def run(self, console: Console) -> dict[str, Any]:
        """Train case by case and seed by seed, print a table; returns rows and the raw numbers."""
        from .cases import CASES, Case
        from .judge import measure

        if self.seeds < 1:
            raise UsageError("--seeds must be at least 1")
        known = {case.name: case for case in CASES}
        for name in self.only:
            if name not in known:
                raise UnknownName("case", name, known)
        shorter = QUICK if self.quick else 1
        rows: list[Row] = []
        raw: list[Row] = []

        def train(case: Case, seed: int) -> None:
            pair: dict[str, Row] = {}
            for engine in engines(case.stock, self.engine, seed):
                console.note(f"{case.name}: {engine}, seed {seed}")
                pair[engine] = measure(case.config(engine, seed, shorter))
                raw.append({"case": case.name, "engine": engine, "seed": seed, **pair[engine]})
            rows.extend(rows_of(case.config("ours", seed, shorter).env, case.algo, pair))

        for case in [known[name] for name in self.only] or CASES:
            for seed in range(self.first_seed, self.first_seed + self.seeds):
                train(case, seed)
        show(console, rows)
        machine = describe(["python", "-m", "sandbox", "bench", "classics"])
        return {"schema": SCHEMA, "machine": machine, "rows": rows, "runs": raw}


def engines(stock: bool, asked: str, seed: int) -> list[str]:
    """Who trains, in which order: odd seeds let SB3 begin."""
    both = ["ours", *(["SB3"] if stock else [])]
    chosen = [engine for engine in both if asked in ("both", engine)]
    return chosen[:: -1 if seed % 2 else 1]


def rows_of(task: str, algo: str, pair: dict[str, Row]) -> list[Row]:
    """One row for each engine that trained one seed, and ours over SB3's in ours."""
    rows = []
    for engine in sorted(pair, reverse=True):
        found = {key: value for key, value in pair[engine].items() if key not in ("curve", "cpu_over_wall")}
        row: Row = {"task": task, "algorithm": algo.upper(), "engine": engine, **found, "times_sooner": None}
        ours, theirs = pair.get("ours", {}), pair.get("SB3", {})
        seconds, others = ours.get("seconds_to_threshold"), theirs.get("seconds_to_threshold")
        if engine == "ours" and seconds and others:
            row["times_sooner"] = others / seconds
        rows.append(row)
    return rows


def show(console: Console, rows: Sequence[Row]) -> None:
    """A line for each task, algorithm, steps and engine, over the seeds."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["task"], row["algorithm"], row["engine"], row["steps"]), []).append(row)
    cells = []
    for (task, algorithm, engine, steps), group in groups.items():
        reached = [row["seconds_to_threshold"] for row in group if row["reached"]]
        sooner = [row["times_sooner"] for row in group if row["times_sooner"]]
        cells.append(
            [
                *(task, algorithm, engine, f"{steps:,}", returns_text([row["best_return"] for row in group])),
                returns_text([row["last_return"] for row in group]),
                f"{len(reached)} of {len(group)}",
                _mean(reached),
                _mean(sooner),
            ]
        )
    columns = ["task", "algorithm", "engine", "steps", "best return", "last return"]
    console.table([*columns, "reached", "seconds to threshold", "times sooner"], cells)


def _mean(values: Sequence[float]) -> str:
    return f"{sum(values) / len(values):.3g}" if values else "–"
