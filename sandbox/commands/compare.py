"""``compare``: learning curves of several runs in one picture, and a table of what came out."""

from __future__ import annotations

import fnmatch
import glob
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from tyro.conf import Positional, UseAppendAction, arg

from sandbox.commands.comparison.grouping import Group, group_runs, repeats
from sandbox.commands.comparison.measured import (
    MEASURES,
    Measured,
    check_metric,
    check_scale,
    choose_metric,
    measure,
)
from sandbox.commands.comparison.outcomes import outcome, summary
from sandbox.commands.comparison.table import remarks, show
from sandbox.core.errors import Refused, RunNotFound, UsageError
from sandbox.core.runs import Run, default_root, find_run, list_runs
from sandbox.ui.console import Console


@dataclass(frozen=True)
class Compare:
    """Draw the learning curves of several runs, and print a table with intervals over their seeds.

    RUN is a name, a unique beginning of one, a path, "latest", or a quoted pattern such as "2026*CartPole*"
    for many. Runs whose configs differ in nothing but the seed are one group.

    Examples:
        python -m sandbox compare "*CartPole*"
        python -m sandbox compare runs/ours-* runs/theirs-* --by algo --png ours-and-theirs.png
        python -m sandbox compare first second --metric rollout/ep_rew_mean --json
    """

    names: Annotated[Positional[tuple[str, ...]], arg(metavar="RUN …")]
    """The runs."""
    by: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="KEY")] = ()
    """Group by this setting, such as algo or n_steps; may be repeated. "run" keeps all runs apart."""
    metric: str | None = None
    """A key of metrics.jsonl; what agents are judged by, or models on validation pictures, unless given."""
    threshold: float | None = None
    """When a run counts as successful; what its config says, unless given."""
    png: Path | None = None
    """The picture; compare-SUBJECT.png here, unless given."""
    out: Path | None = None
    """Folder with the runs; SANDBOX_RUNS or ./runs, unless given."""

    def run(self, console: Console) -> dict[str, Any]:
        """Compare; returns what ``--json`` prints.

        Raises:
            UsageError: The runs are of several tasks, or an option does not fit.
            RunNotFound, RunBroken: A run is not there, damaged, or has logged nothing yet.
            Refused: The picture cannot be written.
        """
        root = default_root() if self.out is None else self.out
        check_paths(self.png, root)
        runs = [measure(run) for run in find_all(self.names, root)]
        task = the_task(runs)
        metric = choose_metric(runs) if self.metric is None else check_metric(self.metric, runs)
        check_scale(metric, runs)
        groups = group_runs(runs, self.by)
        result = compare(groups, metric, self.threshold, judged=self.metric is None)
        picture = Path(f"compare-{task.replace('/', '-')}.png") if self.png is None else self.png
        existed = picture.exists()
        draw(picture, groups, task, metric, result["threshold"])
        show(result, console)
        for remark in remarks(groups, result):
            console.note(remark)
        console.print(f"picture {picture}{' (replaced)' if existed else ''}")
        return {"schema": "sandbox.compare/1", "task": task, **result, "picture": str(picture)}


def check_paths(png: Path | None, root: Path) -> None:
    """Raise UsageError where a picture can never be written, before anything is read."""
    if root.suffix.lower() == ".png":
        raise UsageError(f"--out is the folder with the runs, not {root.name!r}", hint=f"--png {root}")
    if png is None:
        return
    if png.suffix.lower() != ".png":
        raise UsageError(f"--png must end in .png, not {png.name!r}")
    if png.is_dir():
        raise UsageError(f"--png: {png} is a folder")


def find_all(names: Sequence[str], root: Path) -> list[Run]:
    """The runs that the names and patterns mean, in their order, each once.

    Raises:
        UsageError: There are no names.
        RunNotFound: Nothing matches one of them.
    """
    if not names:
        raise UsageError("compare needs a RUN", hint='python -m sandbox compare "*"')
    found: dict[Path, Run] = {}
    for name in names:
        for run in _matching(name, root) if "*" in name else [find_run(name, root)]:
            found.setdefault(run.path.resolve(), run)
    return list(found.values())


def _matching(pattern: str, root: Path) -> list[Run]:
    """The runs whose name, or whose path, the pattern matches, the oldest first."""
    runs = [run for run in reversed(list_runs(root)) if fnmatch.fnmatchcase(run.name, pattern)]
    found = glob.glob(str(Path(pattern).expanduser()))  # noqa: PTH207 - Path.glob takes no absolute patterns
    paths = sorted(map(Path, found))
    runs += [Run(path) for path in paths if (path / "run.json").exists()]
    if not runs:
        raise RunNotFound(f"no run matches {pattern!r} in {root}", hint="python -m sandbox runs")
    return runs


def the_task(runs: Sequence[Measured]) -> str:
    """The environment or data set of all runs.

    Raises:
        UsageError: There is more than one, or agents are among classifiers.
    """
    kinds = {str(run.info["what"]): run.run.name for run in runs}
    if len(kinds) > 1:
        one, other = list(kinds.items())[:2]
        raise UsageError(
            "runs of different commands cannot be compared: "
            f"{one[1]} is from {one[0]}, {other[1]} from {other[0]}",
            hint=f'name fewer runs, such as "*{one[0]}*"',
        )
    tasks = Counter(str(run.info["subject"]) for run in runs)
    if len(tasks) > 1:
        told = ", ".join(f"{task} ({count})" for task, count in tasks.items())
        raise UsageError(
            f"results of different tasks cannot be compared: {told}",
            hint=f'one task at a time, such as "*{next(iter(tasks)).rpartition("/")[2]}*"',
        )
    return next(iter(tasks))


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


def draw(
    path: Path, groups: Sequence[Group[Measured]], task: str, metric: str, threshold: float | None
) -> None:
    """Draw the picture; raises Refused where it cannot be written."""
    from sandbox.ui.comparison import Curve, learning_curves

    curves = {}
    for group in groups:
        seeds = repeats(group.runs)
        curves[group.label] = [
            Curve(*zip(*run.points(metric), strict=True), seed=seed, ended=run.finished)
            for run, seed in zip(group.runs, seeds, strict=True)
        ]
    agents = "env" in groups[0].runs[0].info
    algos = {str(run.settings["algo"]) for group in groups for run in group.runs}
    algos = {algo.upper() for algo in algos} if agents else algos
    algo = algos.pop() if len(algos) == 1 else ""
    try:
        learning_curves(
            path,
            curves,
            title=f"{algo} on {task.removeprefix(f'{algo}-')}" if algo else task,
            measure=MEASURES.get(metric, metric),
            steps="environment steps" if agents else "gradient steps",
            threshold=threshold,
        )
    except OSError as error:
        raise Refused(f"cannot write {path}: {error.strerror}", hint="choose another --png") from None
