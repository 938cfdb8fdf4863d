"""`bench memory`: the command. Nothing heavy at import."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from agents.bench.trainings import Row
from sandbox.core.config import Count
from sandbox.core.errors import UnknownName, UsageError
from sandbox.core.manifest import describe
from sandbox.core.statistics import returns_text
from sandbox.ui.console import Console

if TYPE_CHECKING:
    from .tasks import Trial

SCHEMA = "sandbox.bench-memory/1"
QUICK = 100
LIMIT_MINUTES = 15.0
Algo = Literal["ppo", "dqn"]
Agent = Literal["memory", "memoryless", "contrib"]


@dataclass(frozen=True)
class MemoryBench:
    """What a memory is worth: our agents with and without one, and sb3-contrib's recurrent PPO, by the task.

    "memory" is our preset with an LSTM or a GRU; "memoryless" gets the same task, steps and looks, and never
    stops early; "contrib" gets them too, with rl-baselines3-zoo's settings for tasks without velocities and
    otherwise ours as far as it has them. Looks and the last evaluation are those of one evaluator for all,
    off the clock, and the weights of the best look count. Seconds are those of training alone.

    Examples:
        python -m sandbox bench memory --seeds 1 --tasks tmaze-10 cartpole --algos ppo
        python -m sandbox bench memory --tasks rooms --agents memory memoryless --json
    """

    seeds: Count = 5
    """How many seeds."""
    first_seed: int = 0
    """The first of them."""
    tasks: tuple[str, ...] = ()
    """Some of the tasks, such as tmaze-10 or cartpole."""
    algos: tuple[Algo, ...] = ("ppo", "dqn")
    """Which algorithms."""
    agents: tuple[Agent, ...] = ("memory", "memoryless", "contrib")
    """Whom to train."""
    limit_minutes: float = LIMIT_MINUTES
    """Training ends after so many minutes in any case."""
    quick: bool = False
    """A hundredth of the steps."""

    def run(self, console: Console) -> dict[str, Any]:
        """Train task by task and seed by seed, print a table; returns rows and the raw numbers."""
        if self.seeds < 1:
            raise UsageError("--seeds must be at least 1")
        if not self.limit_minutes > 0:
            raise UsageError(f"--limit-minutes must be above 0, not {self.limit_minutes:g}")
        chosen = self._trials()
        shorter = QUICK if self.quick else 1
        for trial in chosen:
            trial.config(self.first_seed, shorter)  # what is missing is said before hours of training
        runs: list[Row] = []
        for trial in chosen:
            for seed in range(self.first_seed, self.first_seed + self.seeds):
                console.note(f"{trial.name}: seed {seed}")
                runs.append(train(trial, seed, shorter, 60 * self.limit_minutes / shorter))
        rows = [row_of(run) for run in runs]
        show(console, rows)
        machine = describe(["python", "-m", "sandbox", "bench", "memory"])
        limit_s = 60 * self.limit_minutes
        return {"schema": SCHEMA, "machine": machine, "limit_s": limit_s, "rows": rows, "runs": runs}

    def _trials(self) -> list[Trial]:
        from .tasks import TASKS, trials

        known = {task.name: task for task in TASKS}
        for name in self.tasks:
            if name not in known:
                raise UnknownName("task", name, known)
        asked = [known[name] for name in self.tasks] or TASKS
        found = [trial for task in asked for trial in trials(task, self.algos, self.agents)]
        if not found:
            hint = "sb3-contrib has only PPO with a memory, and runs where there are features"
            raise UsageError("nobody of these is trained on these tasks", hint=hint)
        return found


def train(trial: Trial, seed: int, shorter: int, limit_s: float) -> Row:
    """One training, and what came of it.

    Args:
        trial: who, on what.
        seed: decides everything that is random.
        shorter: divides the steps.
        limit_s: seconds after which it ends in any case.
    """
    from agents.bench.judge import measure

    config = trial.config(seed, shorter)
    about = {
        "task": trial.task.name,
        "env": config.env,
        "algorithm": trial.algo.upper(),
        "agent": trial.agent,
    }
    about |= {"policy": config.policy, "wrap": config.wrap, "env_args": config.env_args, "seed": seed}
    about |= {"threshold": config.threshold, "asked": trial.task.asked or f"{trial.task.threshold:g}"}
    about |= {"budget": config.steps, "threads": config.threads, "envs": config.envs}
    return {**about, **measure(config, trial.rules(config, limit_s))}


def row_of(run: Row) -> Row:
    """What the table shows of a training."""
    share = run["success"]
    return {
        **{key: run[key] for key in ("task", "algorithm", "agent", "policy", "asked", "best_return")},
        "success_percent": None if share is None else 100 * share,
        **{key: run[key] for key in ("reached", "steps_to_threshold", "seconds_to_threshold")},
        # Not "steps", of which tables would make lines of their own.
        "total_steps": run["steps"],
        "total_seconds": run["training_seconds"],
        "cpu_seconds": run["cpu_seconds"],
    }


_NAMES = ("task", "algorithm", "agent")


def show(console: Console, rows: Sequence[Row]) -> None:
    """A line for each task, algorithm and agent, over the seeds."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in _NAMES), []).append(row)
    cells = [
        [
            *names,
            returns_text([row["best_return"] for row in group]),
            _mean(group, "success_percent"),
            group[0]["asked"],
            f"{sum(row['reached'] for row in group)} of {len(group)}",
            _mean(group, "seconds_to_threshold"),
            _mean(group, "total_steps"),
            _mean(group, "total_seconds"),
        ]
        for names, group in groups.items()
    ]
    titles = ["best return", "success %", "asked", "reached", "s to threshold", "steps", "seconds"]
    console.table([*_NAMES, *titles], cells)


def _mean(rows: Sequence[Row], key: str) -> str:
    known = [row[key] for row in rows if row[key] is not None]
    if not known:
        return "–"
    mean = sum(known) / len(known)
    return f"{mean:,.0f}" if mean >= 1000 else f"{mean:.3g}"
