"""All that a page says about one run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from sandbox.commands.comparison.grouping import Group
from sandbox.commands.comparison.measured import MEASURES, SECONDS, Measured, number
from sandbox.commands.comparison.outcomes import outcome
from sandbox.commands.comparison.table import number_text
from sandbox.commands.reporting.ancestry import ancestors
from sandbox.commands.reporting.asked import asked
from sandbox.commands.reporting.repeated import repeated
from sandbox.commands.reporting.shown import figures
from sandbox.commands.reporting.subject import Subject
from sandbox.commands.reporting.went import further_charts, is_accuracy, is_of_training, main_chart, metric_of
from sandbox.commands.reporting.words import count_of_steps, facts_of, said, share
from sandbox.ui.chart import duration
from sandbox.ui.console import Console
from sandbox.ui.report.page import Fact, RunPart

Number = tuple[str, str, str]
"""A name, its value, and what to know about it."""
SCORES = {
    "mean": "mean return",
    "mse": "squared error a pixel",
    "nats": "nats a picture",
    "noise_mse": "squared error of the noise",
}
"""names of scores that say little by themselves"""
ON_THE_WAY = {
    "eval/mean_reward": ("last evaluation", "best evaluation while training"),
    "rollout/ep_rew_mean": ("last return in training", "best return in training"),
}
"""names of the last and of the best value of a metric; others are measured on validation data"""
NORMAL_95 = 1.96
"""standard errors on either side of a mean"""
ENOUGH_EPISODES = 30
"""below which that is not known well enough"""


def run_part(
    subject: Subject, number_on_page: int, console: Console, *, alone: bool, curves: bool, make: bool
) -> RunPart:
    """Gather everything.

    Args:
        number_on_page: from 1 on.
        alone: the page is about this run.
        curves: they are not elsewhere on the page.
        make: pictures and videos that the run does not have yet may be made.
    """
    measured = subject.measured
    groups = [] if measured is None else [Group(subject.run.name, [], {}, [measured])]
    metric = None if measured is None else metric_of([measured])
    result = None
    if measured is not None and metric is not None:
        goal = None if is_of_training(metric) else measured.threshold
        result = outcome(measured, metric, goal, judged=subject.kind is not None)
    charts = []
    if measured is not None and metric is not None and curves:
        charts = [main_chart(groups, metric, measured.threshold, subject.steps)]
    shown, notes = figures(subject, console, make=make)
    return RunPart(
        anchor=f"run-{number_on_page}",
        name=subject.run.name,
        title=subject.title if alone else f"{subject.title}, seed {subject.info['seed']}",
        status=subject.status,
        numbers=numbers_of(subject, metric, result),
        facts=_facts(subject),
        asked=asked(subject),
        charts=charts,
        more=further_charts(groups, metric, subject.steps) if curves and groups else [],
        outcome=_outcome(subject),
        figures=shown,
        repeat=repeated(subject),
        ancestors=ancestors(subject),
        notes=[*subject.notes, *notes],
    )


def numbers_of(subject: Subject, metric: str | None, result: Mapping[str, Any] | None) -> list[Number]:
    """Those that are read first."""
    numbers = [score] if (score := _score(subject)) else []
    if metric is not None and result is not None:
        last, best_one = ON_THE_WAY.get(metric, ("last on validation data", "best on validation data"))
        if not score:
            numbers.append((last, _value(metric, result["final"]), MEASURES.get(metric, metric)))
        numbers.append((best_one, _value(metric, result["best"]), MEASURES.get(metric, metric)))
        if subject.measured is not None and (reached := _reached(subject.measured, metric, result)):
            numbers.append(reached)
    best = number(subject.info.get("best"))
    if not numbers and best is not None:
        value = str(number_text(best)) if subject.kind is None else _value(subject.kind.score, best)
        numbers.append(("best", value, ""))
    seconds = _seconds(subject)
    if seconds is not None:
        numbers.append(("training", duration(seconds), count_of_steps(subject.info.get("steps"))))
    return numbers


def _reached(run: Measured, metric: str, result: Mapping[str, Any]) -> Number | None:
    """Whether the task's threshold was reached: by the final evaluation, or where there is none yet by those
    on the way. None where there is no threshold, or only returns in training, which nothing is held to."""
    if run.threshold is None:
        return None
    name, first = f"threshold {run.threshold:g}", ""
    if result["steps_to_threshold"] is not None:
        seconds = result["seconds_to_threshold"]
        first = f"after {count_of_steps(result['steps_to_threshold'])}"
        first += f", {duration(seconds)}" if seconds else ""
    if result["final_is"] == "evaluation":
        solved = run.info.get("solved")
        if not isinstance(solved, bool):
            solved = result["final"] >= run.threshold
        if solved:
            return name, "reached", first or "by the final evaluation"
        return name, "not reached", "by the final evaluation" + (f"; on the way {first}" if first else "")
    if is_of_training(metric):
        return None
    return name, "reached" if first else "not yet" if run.status == "running" else "not reached", first


def _score(subject: Subject) -> Number | None:
    """The score of the last evaluation, with its name and its interval."""
    evaluation = subject.info.get("evaluation")
    if subject.kind is None or not isinstance(evaluation, Mapping):
        return None
    value = number(evaluation.get(subject.kind.score))
    if value is None:
        return None
    name = SCORES.get(subject.kind.score, subject.kind.score)
    details = []
    if (found := interval_of(evaluation, value)) is not None:
        low, high = (_value(subject.kind.score, end) for end in found)
        details.append(f"95 %: {low} to {high}")
    if "split" in evaluation:
        details.append(f"{evaluation['split']} data")
    if "episodes" in evaluation:
        details.append(f"{said(evaluation['episodes'])} episodes")
    return name, _value(subject.kind.score, value), ", ".join(details)


def _value(metric: str, value: float) -> str:
    """A number; an accuracy in percent, as on the terminal."""
    return share(value) if is_accuracy(metric) else str(number_text(value))


def interval_of(evaluation: Mapping[str, Any], mean: float) -> tuple[float, float] | None:
    """The 95 % interval: the evaluation's own, or of a mean over enough episodes as their spread says.

    It does not reach beyond the least and the largest return that the evaluation had.
    """
    own = evaluation.get("interval")
    if isinstance(own, list) and len(own) == 2 and None not in (number(own[0]), number(own[1])):
        return float(own[0]), float(own[1])
    spread, count = number(evaluation.get("std")), number(evaluation.get("episodes"))
    if spread is None or count is None or count < ENOUGH_EPISODES:
        return None
    half = NORMAL_95 * spread / math.sqrt(count - 1)  # `std` is that of the episodes, not of a sample
    least, largest = number(evaluation.get("min")), number(evaluation.get("max"))
    low = mean - half if least is None else max(mean - half, min(least, mean))
    return low, mean + half if largest is None else min(mean + half, max(largest, mean))


def _seconds(subject: Subject) -> float | None:
    known = number(subject.info.get("train_seconds"))
    if known is None and subject.measured is not None:
        logged = [number(line.get(SECONDS)) for line in subject.measured.metrics]
        known = max((one for one in logged if one is not None), default=None)
    return known


def _facts(subject: Subject) -> list[Fact]:
    info = subject.info
    told = [("seed", said(info["seed"])), ("begun", str(info["created"]).replace("T", " ")[:19])]
    if isinstance(info.get("shape"), list):
        told.append(("pictures", "×".join(map(str, info["shape"]))))
    told.append(("folder", str(subject.run.relative())))
    return told


def _outcome(subject: Subject) -> list[Fact]:
    """The last evaluation in full."""
    evaluation = subject.info.get("evaluation")
    return facts_of(evaluation) if isinstance(evaluation, Mapping) else []
