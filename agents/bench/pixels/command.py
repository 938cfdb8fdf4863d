"""`bench pixels`: the command. Nothing heavy at import."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agents.bench.trainings import Row, Who, chosen, rows_of, show, train_all
from sandbox.core.config import Count
from sandbox.core.manifest import describe
from sandbox.ui.console import Console

SCHEMA = "sandbox.bench-pixels/1"
QUICK = 100


@dataclass(frozen=True)
class PixelsBench:
    """Learn games from pixels until their thresholds are reached: our presets, and SB3 beside them at Pong.

    Training ends when 100 fresh greedy episodes confirm the registered threshold, after 15 minutes, or with
    the steps of the preset. Evaluations are those of `train-agent`, by one evaluator for all, off the clock;
    seconds are those of training alone, on the preset's torch threads. Stock Stable-Baselines3 has its own
    CnnPolicy, rl-baselines3-zoo's settings and four frames for Atari, and as many threads.

    Examples:
        python -m sandbox bench pixels --seeds 1 --only catch-ppo catch-dqn
        python -m sandbox bench pixels --seeds 1 --only pong-ppo --engine both --json
    """

    seeds: Count = 3
    """How many seeds."""
    first_seed: int = 0
    """The first of them."""
    only: tuple[str, ...] = ()
    """Some of the cases, such as pong-ppo."""
    engine: Who = "both"
    """Who trains, where SB3 is raced."""
    quick: bool = False
    """A hundredth of the steps."""

    def run(self, console: Console) -> dict[str, Any]:
        """Train case by case and seed by seed, print a table; returns rows and the raw numbers."""
        from .cases import CASES, LIMIT_S

        shorter = QUICK if self.quick else 1
        rows: list[Row] = []
        raw: list[Row] = []
        cases = chosen(CASES, self.only)
        for case, pair in train_all(cases, self.first_seed, self.seeds, self.engine, shorter, console):
            raw += ({**found, "algorithm": case.algo.upper()} for found in pair.values())
            rows += rows_of(case.algo, pair, lambda found, goal_s=case.goal_s: numbers(found, goal_s))
        shown = {key: key.replace("_", " ") for key in (*numbers({}, 0.0), "times_sooner")}
        show(console, rows, shown)
        machine = describe(["python", "-m", "sandbox", "bench", "pixels"])
        return {"schema": SCHEMA, "machine": machine, "limit_s": LIMIT_S, "rows": rows, "runs": raw}


def numbers(found: Row, goal_s: float) -> Row:
    """What the table shows of a training.

    Args:
        found: what the judge found.
        goal_s: seconds in which the threshold was to be reached.
    """
    seconds = found.get("seconds_to_threshold")
    return {
        "best_return": found.get("best_return"),
        "steps_to_threshold": found.get("steps_to_threshold"),
        "seconds_to_threshold": seconds,
        "reached": found.get("reached"),
        "within_the_goal": seconds is not None and seconds <= goal_s,
        "total_steps": found.get("steps"),
        "total_seconds": found.get("training_seconds"),
    }
