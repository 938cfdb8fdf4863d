"""``compare``: learning curves of several runs in one picture, and a table of what came out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from tyro.conf import Positional, UseAppendAction, arg

from sandbox.commands.comparison.chosen import find_all, the_task
from sandbox.commands.comparison.grouping import Group, group_runs
from sandbox.commands.comparison.measured import (
    MEASURES,
    Measured,
    check_metric,
    check_scale,
    choose_metric,
    measure,
)
from sandbox.commands.comparison.outcomes import compare
from sandbox.commands.comparison.table import remarks, show
from sandbox.core.errors import Refused, UsageError
from sandbox.core.runs import default_root
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
        runs = [measure(run) for run in find_all(self.names, root, "compare")]
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


def draw(
    path: Path, groups: Sequence[Group[Measured]], task: str, metric: str, threshold: float | None
) -> None:
    """Draw the picture; raises Refused where it cannot be written."""
    from sandbox.commands.comparison.curves import curves_of, steps_of, title_of
    from sandbox.ui.comparison import learning_curves

    runs = [run for group in groups for run in group.runs]
    try:
        learning_curves(
            path,
            curves_of(groups, metric),
            title=title_of(runs, task),
            measure=MEASURES.get(metric, metric),
            steps=steps_of(runs[0]),
            threshold=threshold,
        )
    except OSError as error:
        raise Refused(f"cannot write {path}: {error.strerror}", hint="choose another --png") from None
