"""`bench agents`: ours and stock Stable-Baselines3 on CartPole, side by side. Nothing heavy at import."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

from sandbox.core.config import Count
from sandbox.core.errors import UsageError
from sandbox.core.manifest import describe
from sandbox.ui.console import Console

SCHEMA = "sandbox.bench-agents/1"
Part = Literal["training", "processes", "memory"]
Row = dict[str, Any]


@dataclass(frozen=True)
class AgentsBench:
    """Measure our PPO beside stock Stable-Baselines3's on CartPole: steps per second, time to solve it.

    Both train in this process, in turns, on one torch thread. Every 2 048 steps one evaluator plays 20 greedy
    episodes with either, outside of its clock; a mean of 475 is confirmed on 100 fresh episodes and ends
    training. Then whole processes are timed from their start. Numbers are medians over the seeds, ratios
    medians of the pairs' ratios. Close to 1, CPU seconds over wall seconds say that nothing disturbed.

    Examples:
        python -m sandbox bench agents
        python -m sandbox bench agents --seeds 1 --only training
        python -m sandbox bench agents --memory --json
    """

    seeds: Count = 5
    """How many seeds."""
    first_seed: int = 0
    """The first of them."""
    steps: Count = 100_000
    """Environment steps at most, which schedules count on too."""
    only: Part | None = None
    """Measure one part: training, processes or memory."""
    memory: bool = False
    """Also whether memory grows between 0.5 M and 2 M steps; takes a minute."""

    def run(self, console: Console) -> dict[str, Any]:
        """Measure seed by seed, print tables; returns medians, and the raw numbers of every seed."""
        if self.seeds < 1 or self.steps < 1:
            raise UsageError("--seeds and --steps must be at least 1")
        seeds = range(self.first_seed, self.first_seed + self.seeds)
        runs = {part: self._measure(part, seeds, console) for part in self._parts()}
        # After the measurements, when torch is loaded and its threads are known.
        result: dict[str, Any] = {"schema": SCHEMA, "machine": describe(["python", "-m", "sandbox", "bench"])}
        result |= {"seeds": list(seeds), "steps": self.steps, "rows": [], "processes": [], "memory": []}
        for part, pairs in runs.items():
            rows = SUMMARIES[part](pairs)
            result["rows" if part == "training" else part] = rows
            show(console, part, rows, len(seeds))
        return {**result, "runs": runs}

    def _parts(self) -> list[Part]:
        if self.only is not None:
            return [self.only]
        return ["training", "processes", "memory"] if self.memory else ["training", "processes"]

    def _measure(self, part: Part, seeds: Sequence[int], console: Console) -> list[Row]:
        if part == "memory":
            from .memory import measure_memory

            return [measure_memory(seeds[0])]
        if part == "processes":
            from .processes import measure_processes, warm_up

            warm_up()
            measure: Callable[[int], Any] = lambda seed: measure_processes(seed, self.steps)  # noqa: E731
        else:
            from .training import measure_pairs, prepare

            prepare()
            measure = lambda seed: measure_pairs(seed, self.steps)  # noqa: E731
        found: list[Row] = []
        for seed in seeds:
            console.note(f"{part}: seed {seed}")
            found += measure(seed)
        return found


def summarize_training(runs: Sequence[Row]) -> list[Row]:
    """Two rows for each kind of settings, ours and SB3's, as medians over the seeds.

    Args:
        runs: one entry a seed and kind of settings: {"settings", "seed", "ours": {…}, "SB3": {…}}.
    """
    rows = []
    for settings in dict.fromkeys(run["settings"] for run in runs):
        pairs = [run for run in runs if run["settings"] == settings]
        for engine in ("ours", "SB3"):
            each = [pair[engine] for pair in pairs]
            row: Row = {"settings": settings, "engine": engine}
            row |= {key: middle(run[key] for run in each) for key in _MEASURED}
            row["solved"] = all(run["solved"] for run in each)
            for name, key in (("times_SB3_speed", "steps_per_second"), ("of_SB3_seconds", "seconds_to_475")):
                row[name] = ratio(pairs, key) if engine == "ours" else None
            rows.append(row)
    return rows


_MEASURED = ("steps_per_second", "seconds_to_475", "steps_to_475", "cpu_over_wall")


def summarize_processes(runs: Sequence[Row]) -> list[Row]:
    """One row for each command: median of its wall seconds, and of what training took beyond bare imports."""
    names = dict.fromkeys(name for run in runs for name in run["seconds"])
    rows = []
    for name in names:
        pairs = [(run["seconds"][name], run["seconds"]["import torch, stable_baselines3"]) for run in runs]
        trained = [pair for pair in pairs if pair[0] is not None and name.endswith("solved")]
        beyond = middle(own - imports for own, imports in trained)
        rows.append({"process": name, "wall_seconds": middle(own for own, _ in pairs),
                     "seconds_beyond_imports": beyond})  # fmt: skip
    return rows


def summarize_memory(runs: Sequence[Row]) -> list[Row]:
    """The measurement itself, as its only row."""
    return [{"memory": "our PPO on CartPole, peak of the process", **run} for run in runs]


SUMMARIES: dict[str, Callable[[Sequence[Row]], list[Row]]] = {
    "training": summarize_training,
    "processes": summarize_processes,
    "memory": summarize_memory,
}


def middle(values: Any) -> float | None:
    """The median of those that are known; None where none is (a task that no seed solved)."""
    known = [value for value in values if value is not None]
    return float(median(known)) if known else None


def ratio(pairs: Sequence[Row], key: str) -> float | None:
    """Median over the pairs of ours divided by SB3's; a pair counts where both are known."""
    both = [(pair["ours"][key], pair["SB3"][key]) for pair in pairs]
    return middle(ours / theirs for ours, theirs in both if ours is not None and theirs)


def show(console: Console, part: str, rows: Sequence[Row], seeds: int) -> None:
    """Print a table of one part."""
    columns = list(rows[0])
    cells = [[_shown(row[column]) for column in columns] for row in rows]
    title = f"{part}, median of {seeds} seed{'s' if seeds > 1 else ''}"
    console.table([column.replace("_", " ") for column in columns], cells, title=title)
    console.print()


def _shown(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float | int):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return value
