"""Which runs are meant by the names and patterns on a command line, and what task they have in common."""

from __future__ import annotations

import fnmatch
import glob
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from sandbox.commands.comparison.measured import Measured
from sandbox.core.errors import RunNotFound, UsageError
from sandbox.core.runs import Run, find_run, list_runs


def find_all(names: Sequence[str], root: Path, command: str) -> list[Run]:
    """The runs that the names and patterns mean, in their order, each once.

    Args:
        names: as they were typed.
        root: folder with the runs.
        command: who asks, for the error.

    Raises:
        UsageError: There are no names.
        RunNotFound: Nothing matches one of them.
    """
    if not names:
        raise UsageError(f"{command} needs a RUN", hint=f'python -m sandbox {command} "*"')
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
            hint="compare runs of one command; `report` takes both",
        )
    tasks = Counter(str(run.info["subject"]) for run in runs)
    if len(tasks) > 1:
        told = ", ".join(f"{task} ({count})" for task, count in tasks.items())
        raise UsageError(
            f"results of different tasks cannot be compared: {told}",
            hint=f'one task at a time, such as "*{next(iter(tasks)).rpartition("/")[2]}*"',
        )
    return next(iter(tasks))
