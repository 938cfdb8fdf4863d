"""Runs of one task side by side: groups by what sets them apart, their curves, and a table with intervals."""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.commands.comparison.curves import title_of
from sandbox.commands.comparison.grouping import group_runs
from sandbox.commands.comparison.measured import Measured, check_metric, check_scale, choose_metric
from sandbox.commands.comparison.outcomes import compare
from sandbox.commands.comparison.table import remarks, tables
from sandbox.commands.reporting.subject import Subject
from sandbox.commands.reporting.went import further_charts, is_of_training, main_chart
from sandbox.commands.reporting.words import said
from sandbox.core.errors import RunBroken, UnknownName, UsageError
from sandbox.ui.report.page import Table, TaskPart

CAPTIONS = ("What came out", "What it took")


def task_parts(subjects: Sequence[Subject], by: Sequence[str], metric: str | None) -> list[TaskPart]:
    """A part for each task that several of the runs are about, in their order.

    Raises:
        UnknownName: no run of one of the tasks has such a setting or metric.
        UsageError: a setting or metric is asked for, and there is nothing to compare.
    """
    tasks: dict[tuple[str, str], list[Subject]] = {}
    for subject in subjects:
        tasks.setdefault((str(subject.info["what"]), str(subject.info["subject"])), []).append(subject)
    together = [(task, members) for (_, task), members in tasks.items() if len(members) > 1]
    parts = [_part(index, task, members, by, metric) for index, (task, members) in enumerate(together, 1)]
    if (by or metric) and not any(part.compared for part in parts):
        raise UsageError("--by and --metric compare runs of one task, and no two of these have curves")
    return parts


def tasks_of(subjects: Sequence[Subject]) -> list[str]:
    """The tasks, each once, in their order."""
    return list({str(subject.info["subject"]): None for subject in subjects})


def _part(
    index: int, task: str, subjects: Sequence[Subject], by: Sequence[str], metric: str | None
) -> TaskPart:
    anchor = f"task-{index}"
    runs = [one.measured for one in subjects if one.measured is not None and one.kind is not None]
    left_out = [one.run.name for one in subjects if one.measured is None or one.kind is None]
    notes = [f"Not compared, since they have no curves: {', '.join(left_out)}."] if left_out else []
    if len(runs) < 2:
        return TaskPart(anchor, f"{task}: {len(subjects)} runs", notes=notes)
    title = f"{title_of(runs, task)}: {len(runs)} runs compared"
    try:
        return _compared(anchor, title, subjects[0].steps, runs, by, metric, notes)
    except UnknownName:
        raise
    except (UsageError, RunBroken) as error:
        return TaskPart(
            anchor, title, notes=[*notes, f"These runs have no curve in common: {error.message}."]
        )


def _compared(
    anchor: str,
    title: str,
    steps: str,
    runs: Sequence[Measured],
    by: Sequence[str],
    asked_for: str | None,
    notes: list[str],
) -> TaskPart:
    metric = choose_metric(runs) if asked_for is None else check_metric(asked_for, runs)
    check_scale(metric, runs)
    groups = group_runs(runs, by)
    result = compare(groups, metric, None, judged=asked_for is None)
    if is_of_training(metric):
        result["threshold"] = None
    found = [
        Table(caption, columns, [[said(cell) for cell in row] for row in rows])
        for caption, (columns, rows) in zip(CAPTIONS, tables(result), strict=True)
    ]
    charts = [main_chart(groups, metric, result["threshold"], steps)]
    more = further_charts(groups, metric, steps)
    places = [run.run.path.resolve() for run in runs]
    return TaskPart(anchor, title, charts, found, more, [*notes, *remarks(groups, result)], places)
