"""A run as `compare` sees it: its settings, the values of one metric, and what came out in the end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sandbox.commands.comparison.grouping import flatten
from sandbox.core.config import read_toml
from sandbox.core.errors import ConfigError, NotFound, RunBroken, UnknownName, UsageError
from sandbox.core.metrics import read_metrics
from sandbox.core.plugins import kind_of
from sandbox.core.run import Run

SECONDS = "time/seconds"
MEASURES = {
    "eval/mean_reward": "return of greedy evaluations",
    "rollout/ep_rew_mean": "return in training, mean of recent episodes",
    "valid/accuracy": "accuracy on the validation data",
    "valid/mse": "squared error a pixel on the validation data, pixels from 0 to 1",
    "valid/nats": "nats a picture of the validation data, by the lower bound of its likelihood",
    "valid/noise_mse": "squared error of the noise on the validation data, pixels from -1 to 1",
    "valid/loss": "loss on the validation data",
}
"""Metrics that are compared unless another is asked for, the best one first."""
SCALES = {
    "valid/mse": ("shape",),
    "valid/nats": ("likelihood", "shape"),
    "valid/noise_mse": ("noise_schedule", "shape"),
}
"""What of a run, or of its settings, makes a metric another quantity."""
LESS_IS_BETTER = ("loss", "mse", "nats", "reconstruction")
LARGEST = 1e100
"""of a number that is measured: beyond it, means and axes of curves would overflow"""
ENOUGH_POINTS = 2
"""that every run needs for a curve"""


class Point(NamedTuple):
    """One value of a metric."""

    step: int
    seconds: float  # of training; NaN where none were logged
    value: float


@dataclass(frozen=True)
class Measured:
    """What is known about a run; ``settings``: its config's dotted keys, ``algo``, ``seed`` and ``run``."""

    run: Run
    info: dict[str, Any]
    status: str
    settings: dict[str, Any]
    metrics: list[dict[str, Any]] = field(repr=False)

    @property
    def finished(self) -> bool:
        """Whether it got to its own end."""
        return self.status == "finished"

    @property
    def threshold(self) -> float | None:
        """What its task asks for."""
        return number(self.settings.get("threshold"))

    def score(self) -> float | None:
        """Of the evaluation that ended the run, by the metric that its kind is judged by."""
        evaluation = self.info.get("evaluation")
        if not self.finished or not isinstance(evaluation, dict):
            return None
        return number(evaluation.get(kind_of(self.info["kind"]).score))

    def points(self, metric: str) -> list[Point]:
        """The finite values of a metric, with the seconds of the same line."""
        found = []
        for line in self.metrics:
            value, seconds = number(line.get(metric)), number(line.get(SECONDS))
            if value is not None:
                found.append(Point(line["step"], math.nan if seconds is None else seconds, value))
        return found


def measure(run: Run) -> Measured:
    """Read a run's files.

    Raises:
        RunBroken: One is missing or damaged, or nothing has been logged yet; the message names it.
    """
    info, status = run.info, run.status
    try:
        config = flatten(read_toml(run.config_path)[0])
    except NotFound:
        raise RunBroken(f"{run.config_path} is missing: nobody knows what this run did") from None
    except ConfigError as error:
        raise RunBroken(error.message, error.hint) from None
    metrics = read_metrics(run.metrics_path)
    if not metrics:
        hint = "wait until it has begun" if status == "running" else "leave it out"
        raise RunBroken(f"{run.name} has logged nothing yet: there is nothing to compare", hint=hint)
    algo = info.get("algo") or info.get("model") or info["kind"]
    names = {"algo": algo, "seed": info["seed"], "run": run.name}
    return Measured(run, info, status, config | names, [_with_nats(line) for line in metrics])


def _with_nats(line: dict[str, Any]) -> dict[str, Any]:
    """A line of metrics; a VAE's bound, whatever its loss weighs, in the unit and direction of its score."""
    bound = number(line.get("valid/elbo"))
    return line if bound is None else {**line, "valid/nats": -bound}


def choose_metric(runs: Sequence[Measured]) -> str:
    """The best of `MEASURES` that every run has logged often enough for a curve, or at all.

    Raises:
        RunBroken: They have none of them in common.
    """
    counts = {key: min(len(run.points(key)) for run in runs) for key in MEASURES}
    for enough in (ENOUGH_POINTS, 1):
        for key, count in counts.items():
            if count >= enough:
                return key
    silent = [run.run.name for run in runs if not any(run.points(key) for key in MEASURES)]
    raise RunBroken(
        f"{silent[0]} has logged no result yet" if silent else "these runs have no result in common",
        hint=f"leave it out, or choose a --metric: {', '.join(_common(runs)) or 'they share none'}",
    )


def check_metric(key: str, runs: Sequence[Measured]) -> str:
    """``key``, if every run has logged it.

    Raises:
        UnknownName: Not every run has; with the keys that there are.
    """
    common = _common(runs)
    if key not in common:
        raise UnknownName("metric of all these runs", key, common)
    return key


def is_better_when_lower(metric: str) -> bool:
    """Whether a metric measures mistakes."""
    return any(word in metric.rpartition("/")[2] for word in LESS_IS_BETTER)


def check_scale(metric: str, runs: Sequence[Measured]) -> None:
    """Raise UsageError where `metric` is not the same quantity in all runs."""
    for key in SCALES.get(metric, ()):
        found = {str(run.settings.get(key, run.info.get(key))): run.run.name for run in runs}
        if len(found) > 1:
            (one, first), (other, second) = list(found.items())[:2]
            raise UsageError(
                f"{metric} is not the same thing in all of these runs: {key} is {one} in {first}, "
                f"and {other} in {second}",
                hint="name runs with one of them",
            )


def number(value: Any) -> float | None:
    """``value`` as a finite number, or None, also beyond `LARGEST`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LARGEST:
        return None
    return float(value)


def _common(runs: Sequence[Measured]) -> list[str]:
    """The metrics that every run has logged."""
    keys = {key: None for line in runs[0].metrics for key in line if key != "step"}
    return [key for key in keys if all(run.points(key) for run in runs)]
