"""What came out of runs and of groups of runs, in plain values: what `compare` prints, and ``--json``."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Any

from sandbox.commands.comparison.grouping import Group, repeats
from sandbox.commands.comparison.measured import Measured, Point, is_better_when_lower
from sandbox.core.statistics import ENOUGH_SEEDS, bootstrap_interval, interquartile_mean


def compare(
    groups: Sequence[Group[Measured]], metric: str, threshold: float | None, *, judged: bool
) -> dict[str, Any]:
    """What came out of each group, and against which threshold; see `outcome` and `summary`.

    A run's own threshold is about the score that its kind is judged by, not about a ``metric`` that was asked
    for.
    """
    own = {run.threshold for group in groups for run in group.runs}
    if threshold is None and judged and len(own) == 1:
        threshold = own.pop()
    outcomes = [[outcome(run, metric, threshold, judged=judged) for run in group.runs] for group in groups]
    return {
        "metric": metric,
        "asked_for": not judged,
        "threshold": threshold,
        "groups": [summary(group, runs) for group, runs in zip(groups, outcomes, strict=True)],
    }


def outcome(run: Measured, metric: str, threshold: float | None, *, judged: bool) -> dict[str, Any]:
    """What one run came to.

    Args:
        metric: Whose values are looked at.
        threshold: What counts as reached.
        judged: Whether the evaluation that ended the run is its final score; else the metric's last value.
    """
    points, lower = run.points(metric), is_better_when_lower(metric)
    values = [point.value for point in points]
    score = run.score() if judged else None
    seconds = [point.seconds for point in run.points("time/seconds")]
    first = first_to_reach(points, threshold, lower)
    return {
        "run": run.run.name,
        "path": str(run.run.relative()),
        "seed": run.info["seed"],
        "status": run.status,
        "final": values[-1] if score is None else score,
        "final_is": "last value" if score is None else "evaluation",
        "best": min(values) if lower else max(values),
        "steps": run.metrics[-1]["step"],
        "seconds": max(seconds, default=None),
        "steps_to_threshold": None if first is None else first.step,
        "seconds_to_threshold": None if first is None or math.isnan(first.seconds) else first.seconds,
    }


def first_to_reach(points: Sequence[Point], threshold: float | None, lower: bool) -> Point | None:
    """The first value at or above the threshold; at or below it, where lower is better."""
    if threshold is None:
        return None
    reached = (point for point in points if (point.value <= threshold if lower else point.value >= threshold))
    return next(reached, None)


def summary(group: Group[Measured], runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What a group came to; ``runs`` are the `outcome` of each. ``std`` is that of a sample (n - 1).

    Runs that repeat each other count as one seed.
    """
    finals = [run["final"] for run in runs]
    seeds = len(set(repeats(group.runs)))
    reached = [run for run in runs if run["steps_to_threshold"] is not None]
    interval = bootstrap_interval(finals) if seeds > 1 else None
    return {
        "label": group.label,
        "settings": group.settings,
        "seeds": seeds,
        "indicative": seeds < ENOUGH_SEEDS,
        "mean": statistics.fmean(finals),
        "std": statistics.stdev(finals) if len(finals) > 1 else None,
        "iqm": interquartile_mean(finals),
        "interval": None if interval is None else list(interval),
        "best": statistics.fmean(run["best"] for run in runs),
        "steps": statistics.fmean(run["steps"] for run in runs),
        "seconds": _average(run["seconds"] for run in runs),
        "reached": len(reached),
        "steps_to_threshold": _median(run["steps_to_threshold"] for run in reached),
        "seconds_to_threshold": _median(run["seconds_to_threshold"] for run in reached),
        "runs": list(runs),
    }


def _average(values: Any) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None


def _median(values: Any) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None
