"""`bench agents`: ours and Stable-Baselines3's, side by side. Nothing heavy at import."""

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
Part = Literal["training", "processes", "memory", "recurrent"]
Row = dict[str, Any]


@dataclass(frozen=True)
class AgentsBench:
    """Measure our PPO beside stock Stable-Baselines3's on CartPole: steps per second, time to solve it.

    Both train in this process, in turns, on one torch thread. Every 2 048 steps one evaluator plays 20 greedy
    episodes with either, outside of its clock; a mean of 475 is confirmed on 100 fresh episodes and ends
    training. Then whole processes are timed from their start. Numbers are medians over the seeds, ratios
    medians of the pairs' ratios. Close to 1, CPU seconds over wall seconds say that nothing disturbed.

    The part "recurrent" is about agents with memory: steps per second of PPO with an LSTM beside
    sb3-contrib's on CartPole without velocities, and how long gradient steps of DQN take with a memory.

    Examples:
        python -m sandbox bench agents
        python -m sandbox bench agents --seeds 1 --only training
        python -m sandbox bench agents --memory --json
        python -m sandbox bench agents --only recurrent --threads 1
    """

    seeds: Count = 5
    """How many seeds."""
    first_seed: int = 0
    """The first of them."""
    steps: Count = 100_000
    """Environment steps at most, which schedules count on too."""
    only: Part | None = None
    """Measure one part: training, processes, memory (that of the process) or recurrent."""
    threads: Count = 2
    """torch's threads in the part "recurrent"; all others have one."""
    memory: bool = False
    """Also whether memory grows between 0.5 M and 2 M steps; takes a minute."""

    def run(self, console: Console) -> dict[str, Any]:
        """Measure seed by seed, print tables; returns medians, and the raw numbers of every seed."""
        if min(self.seeds, self.steps, self.threads) < 1:
            raise UsageError("--seeds, --steps and --threads must be at least 1")
        seeds = range(self.first_seed, self.first_seed + self.seeds)
        runs = {name: found for part in self._parts() for name, found in self._found(part, seeds, console)}
        # After the measurements, when torch is loaded and its threads are known.
        result: dict[str, Any] = {"schema": SCHEMA, "machine": describe(["python", "-m", "sandbox", "bench"])}
        result |= {"seeds": list(seeds), "steps": self.steps, "rows": [], "processes": [], "memory": []}
        result |= {"recurrent": [], "updates": []}
        for part, pairs in runs.items():
            rows = SUMMARIES[part](pairs)
            result["rows" if part == "training" else part] = rows
            show(console, part, rows, len(seeds))
        return {**result, "runs": runs}

    def _parts(self) -> list[Part]:
        if self.only is not None:
            return [self.only]
        return ["training", "processes", "memory"] if self.memory else ["training", "processes"]

    def _found(self, part: Part, seeds: Sequence[int], console: Console) -> list[tuple[str, list[Row]]]:
        """What is measured in a part: names, and the raw numbers of every seed."""
        if part != "recurrent":
            return [(part, self._measure(part, seeds, console))]
        from .recurrent import measure_pairs, measure_updates, prepare

        console.note("recurrent: warming up")
        prepare(self.threads)
        pairs: list[Row] = []
        updates: list[Row] = []
        for seed in seeds:
            console.note(f"recurrent: seed {seed}")
            pairs += measure_pairs(seed, self.steps)
            updates += measure_updates(seed)
        return [("recurrent", pairs), ("updates", updates)]

    def _measure(self, part: Part, seeds: Sequence[int], console: Console) -> list[Row]:
        if part == "memory":
            from .memory import measure_memory

            console.note("memory")
            return [measure_memory(seeds[0])]
        if part == "processes":
            from .processes import measure_processes, warm_up

            console.note("processes: warming up")
            warm_up()
            measure: Callable[[int], Any] = lambda seed: measure_processes(seed, self.steps)  # noqa: E731
        else:
            from .training import measure_pairs, prepare

            console.note("training: warming up")
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


ASKED_SPEED = {"each its tuned settings": 10, "both the zoo's settings": 5}
"""settings -> times sb3-contrib's steps per second that we want to reach"""
ASKED_UPDATE = 3
"""times as long as without memory, that a gradient step may take at most"""


def summarize_recurrent(runs: Sequence[Row]) -> list[Row]:
    """Two rows for each kind of settings, ours and sb3-contrib's, as medians over the seeds.

    Args:
        runs: one entry a seed and kind of settings: {"settings", "threads", "ours": {…}, "contrib": {…}}.
    """
    rows = []
    for settings in dict.fromkeys(run["settings"] for run in runs):
        pairs = [run for run in runs if run["settings"] == settings]
        for engine in ("ours", "contrib"):
            row: Row = {"settings": settings, "threads": pairs[0]["threads"], "engine": engine}
            row |= {key: middle(pair[engine][key] for pair in pairs) for key in _SPEEDS}
            for name, key in (
                ("times_contrib_speed", "steps_per_second"),
                ("times_by_CPU_seconds", "steps_per_cpu_second"),
            ):
                row[name] = ratio(pairs, key, "contrib") if engine == "ours" else None
            rows.append({**row, "asked": ASKED_SPEED.get(settings) if engine == "ours" else None})
    return rows


_SPEEDS = ("steps_per_second", "cpu_over_wall")


def summarize_updates(runs: Sequence[Row]) -> list[Row]:
    """One row for each memory of DQN: milliseconds of a gradient step, and times those without memory."""
    rows = []
    for memory in [name for name in runs[0] if isinstance(runs[0][name], dict)]:
        times = middle(run[memory]["milliseconds"] / run["none"]["milliseconds"] for run in runs)
        row: Row = {"memory_of_DQN": memory, "threads": runs[0]["threads"]}
        row |= {key: middle(run[memory][key] for run in runs) for key in ("milliseconds", "cpu_over_wall")}
        with_one = memory != "none"
        rows.append({**row, "times_without": times if with_one else None,
                     "asked_at_most": ASKED_UPDATE if with_one else None})  # fmt: skip
    return rows


SUMMARIES: dict[str, Callable[[Sequence[Row]], list[Row]]] = {
    "training": summarize_training,
    "processes": summarize_processes,
    "memory": summarize_memory,
    "recurrent": summarize_recurrent,
    "updates": summarize_updates,
}


def middle(values: Any) -> float | None:
    """The median of those that are known; None where none is (a task that no seed solved)."""
    known = [value for value in values if value is not None]
    return float(median(known)) if known else None


def ratio(pairs: Sequence[Row], key: str, engine: str = "SB3") -> float | None:
    """Median over the pairs of ours divided by the engine's; a pair counts where both are known."""
    both = [(pair["ours"][key], pair[engine][key]) for pair in pairs]
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
