"""How runs went: the curve that they are judged by, and those of everything else they logged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from sandbox.commands.comparison.curves import curves_of
from sandbox.commands.comparison.grouping import Group
from sandbox.commands.comparison.measured import (
    MEASURES,
    SECONDS,
    Measured,
    choose_metric,
)
from sandbox.core.errors import SandboxError
from sandbox.core.statistics import ENOUGH_SEEDS
from sandbox.ui.chart import readable, short_count
from sandbox.ui.comparison import Curve, count_of_seeds, explain
from sandbox.ui.report.curves import Size, look_of, panel
from sandbox.ui.report.page import Chart

MOST_FURTHER = 12
"""charts of metrics that runs are not judged by"""
SMALL = Size(300, 185)
STAGES = {"train": "in training", "valid": "on validation data"}
"""what comes before the name of a metric that is measured twice"""
IN_TRAINING = "rollout/"
"""how metrics begin that come from the episodes an agent learns from"""
FEWEST_VALUES = 2
"""that make a curve"""

Curves = Mapping[str, Sequence[Curve]]


def main_chart(groups: Sequence[Group[Measured]], metric: str, threshold: float | None, steps: str) -> Chart:
    """The metric that runs are judged by, against steps and against seconds."""
    curves = curves_of(groups, metric)
    measure = MEASURES.get(metric, metric)
    goal = None if is_of_training(metric) else threshold
    most = 1.0 if is_accuracy(metric) else None
    panels = [
        panel(
            curves,
            over=over,
            horizontal=words,
            threshold=goal,
            most=most,
            alt=alt_of(measure, curves, over, words),
        )
        for over, words in (("steps", steps), ("seconds", "seconds of training"))
    ]
    enough = all(_seeds(one) >= ENOUGH_SEEDS for one in curves.values() if len(one) > 1)
    several = len(curves) > 1 or any(len(one) > 1 for one in curves.values())
    legend = [
        (look_of(index), f"{label} ({count_of_seeds(_seeds(one))})")
        for index, (label, one) in enumerate(curves.items())
    ]
    caption = explain(list(curves.values()), enough)
    return Chart(measure[:1].upper() + measure[1:], panels, legend if several else (), caption)


def further_charts(groups: Sequence[Group[Measured]], metric: str | None, steps: str) -> list[Chart]:
    """Everything else that changed on the way, small; what is measured in training and on validation data as
    one chart, where there is one group."""
    runs = [run for group in groups for run in group.runs]
    keys = [key for key in _keys(runs) if key != metric]
    charts, done = [], set()
    for key in sorted(keys, key=_rank):
        if key in done or len(charts) == MOST_FURTHER:
            continue
        twins = _twins(key, keys) if len(groups) == 1 else [key]
        done |= set(twins)
        charts.append(_small(groups, twins, steps))
    return charts


def metric_of(runs: Sequence[Measured]) -> str | None:
    """What all runs are judged by; None where they have nothing in common."""
    try:
        return choose_metric(runs)
    except SandboxError:
        return None


def is_of_training(metric: str) -> bool:
    """Whether a metric is about the episodes an agent learns from: no threshold is about those."""
    return metric.startswith(IN_TRAINING)


def is_accuracy(metric: str) -> bool:
    """Whether a metric is the part of answers that are right: never more than 1, and told in percent."""
    return "accuracy" in metric.rpartition("/")[2]


def alt_of(measure: str, curves: Curves, over: str, words: str) -> str:
    """What a chart says, in words: where each group begins, ends, and what was its best."""
    told = []
    for label, group in curves.items():
        values = [value for curve in group for value in curve.values]
        ends = [(getattr(curve, over)[-1], curve.values[-1]) for curve in group if curve.values]
        if not ends:
            continue
        first = sum(curve.values[0] for curve in group if curve.values) / len(ends)
        last = sum(value for _, value in ends) / len(ends)
        end = max(float(place) for place, _ in ends)
        name = f"{label}: " if len(curves) > 1 else ""
        told.append(
            f"{name}from {readable(first)} to {readable(last)} after {short_count(end)} {words}, "
            f"all values between {readable(min(values))} and {readable(max(values))}"
        )
    return f"Line chart: {measure}, against {words}. {'; '.join(told)}."


def _small(groups: Sequence[Group[Measured]], keys: Sequence[str], steps: str) -> Chart:
    if len(keys) == 1:
        curves: Curves = curves_of(groups, keys[0])
        legend, title = [], keys[0]
    else:
        title = keys[0].partition("/")[2]
        curves = {}
        for key in keys:
            stage = key.partition("/")[0]
            curves[STAGES[stage]] = curves_of(groups, key)[groups[0].label]
        legend = [(look_of(index), label) for index, label in enumerate(curves)]
    alt = alt_of(title, curves, "steps", steps)
    most = 1.0 if is_accuracy(title) else None
    drawn = panel(curves, over="steps", horizontal=steps, alt=alt, most=most, size=SMALL)
    return Chart(title, [drawn], legend)


def _keys(runs: Sequence[Measured]) -> list[str]:
    """Metrics that every run has logged more than once, and that say more than how many steps there were."""
    names = {key: None for line in runs[0].metrics for key in line if key not in ("step", SECONDS)}
    return [key for key in names if not key.startswith("time/") and all(_tells(run, key) for run in runs)]


def _tells(run: Measured, key: str) -> bool:
    """Whether the values of a metric change, other than by so much each step."""
    points = run.points(key)
    if len(points) < FEWEST_VALUES or len({point.value for point in points}) == 1:
        return False
    steps, values = (np.array([getattr(one, name) for one in points]) for name in ("step", "value"))
    straight = np.polyval(np.polyfit(steps, values, 1), steps) if np.ptp(steps) > 0 else values * 0
    return len(points) == FEWEST_VALUES or bool(np.ptp(values - straight) > 1e-6 * np.ptp(values))


def _twins(key: str, keys: Sequence[str]) -> list[str]:
    stage, _, name = key.partition("/")
    return (
        [one for one in (f"{other}/{name}" for other in STAGES) if one in keys] if stage in STAGES else [key]
    )


def _rank(key: str) -> int:
    """What people look for first: scores, then losses, then the rest."""
    return 0 if key in MEASURES else 1 if "loss" in key else 2


def _seeds(curves: Sequence[Curve]) -> int:
    return len({curve.seed for curve in curves})
