"""`bench classics`: the command. Nothing heavy at import."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agents.bench.trainings import Row, Who, chosen, rows_of, show, train_all
from sandbox.core.config import Count
from sandbox.core.manifest import describe
from sandbox.ui.console import Console

SCHEMA = "sandbox.bench-classics/1"
QUICK = 20
NUMBERS = (
    *("best_return", "last_return", "steps", "training_seconds"),
    *("steps_to_threshold", "seconds_to_threshold", "reached"),
)


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
    engine: Who = "both"
    """Who trains."""
    quick: bool = False
    """A twentieth of the steps."""

    def run(self, console: Console) -> dict[str, Any]:
        """Train case by case and seed by seed, print a table; returns rows and the raw numbers."""
        from .cases import CASES

        shorter = QUICK if self.quick else 1
        rows: list[Row] = []
        raw: list[Row] = []
        cases = chosen(CASES, self.only)
        for case, pair in train_all(cases, self.first_seed, self.seeds, self.engine, shorter, console):
            raw += pair.values()
            rows += rows_of(case.algo, pair, lambda found: {key: found[key] for key in NUMBERS})
        shown = {"steps": "steps", "best_return": "best return", "last_return": "last return"}
        shown |= {"reached": "reached", "seconds_to_threshold": "seconds to threshold"}
        show(console, rows, {**shown, "times_sooner": "times sooner"})
        machine = describe(["python", "-m", "sandbox", "bench", "classics"])
        return {"schema": SCHEMA, "machine": machine, "rows": rows, "runs": raw}
