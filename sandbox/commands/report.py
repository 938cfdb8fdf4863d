"""``report``: a run, or several side by side, as one page of HTML that needs nothing beside it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional, UseAppendAction, arg

from sandbox import __version__
from sandbox.core.errors import Refused, UsageError
from sandbox.core.files import check_writable, write_atomically
from sandbox.core.runs import default_root
from sandbox.ui.console import Console

if TYPE_CHECKING:
    from sandbox.commands.reporting.subject import Subject
    from sandbox.ui.report.page import Page

SCHEMA = "sandbox.report/1"
LARGE_BYTES = 20_000_000
"""Of a larger page people are told: mail programs refuse it."""


@dataclass(frozen=True)
class Report:
    """Write a page of HTML about a run, or about several side by side.

    It holds what was asked, how it went, what came out, how to repeat it and what it was trained from, with
    videos, pictures and curves in the page itself: one file, to be opened from disk, sent or printed. What a
    run does not have yet, such as a video of an agent, is made first and kept in the run's folder.

    RUN is a name, a unique beginning of one, a path, "latest", or a quoted pattern such as "2026*CartPole*"
    for many. Runs of one task are compared; those of different tasks stand below each other.

    Examples:
        python -m sandbox report latest
        python -m sandbox report "*CartPole*" --html cartpole.html
        python -m sandbox report first second --by n_steps --as-is
    """

    names: Annotated[Positional[tuple[str, ...]], arg(metavar="RUN …")]
    """The runs."""
    html: Path | None = None
    """The page; report.html in the run's folder, or for several runs report-TASK.html here, unless given."""
    as_is: bool = False
    """Show what the runs have; record no video, and measure nothing."""
    by: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="KEY")] = ()
    """Group several runs by this setting, such as algo; may be repeated. "run" keeps all runs apart."""
    trust: bool = False
    """Allow the runs to import the modules that their environments and algorithms name."""
    metric: str | None = None
    """Compare several runs by this key of metrics.jsonl; by what they are judged by, unless given."""
    out: Path | None = None
    """Folder with the runs; SANDBOX_RUNS or ./runs, unless given."""

    def run(self, console: Console) -> dict[str, Any]:
        """Write the page; returns what ``--json`` prints.

        Raises:
            UsageError: an option does not fit.
            RunNotFound, RunBroken: a run is not there, or its run.json is damaged.
            Refused: the page cannot be written.
        """
        check_page(self.html)
        from sandbox.commands.comparison.chosen import find_all
        from sandbox.commands.reporting.subject import look_at
        from sandbox.ui.report.page import render

        root = default_root() if self.out is None else self.out
        subjects = [look_at(run, self.trust) for run in find_all(self.names, root, "report")]
        self._check(len(subjects))
        path = self.html or usual_path(subjects)
        check_writable(path)
        page = self._page(subjects, console)
        content = render(page).encode()
        existed = path.exists()
        write(path, content)
        size = size_text(len(content))
        if len(content) > LARGE_BYTES:
            console.note(f"the page has {size}: its videos are in it, and mail programs may refuse it")
        console.print(f"page   {path} ({size}{', replaced' if existed else ''})")
        notes = [note for part in (*page.tasks, *page.runs) for note in part.notes]
        if notes:
            many = f"{len(notes)} remarks are on the page, first" if notes[1:] else "a remark is on the page"
            console.note(f"{many}: {notes[0]}")
        return {
            "schema": SCHEMA,
            "path": str(path),
            "bytes": len(content),
            "runs": [str(subject.run.relative()) for subject in subjects],
            "sections": page.sections,
            "figures": sum(bool(figure.source) for run in page.runs for figure in run.figures),
            "videos": sum(figure.is_video for run in page.runs for figure in run.figures),
            "notes": notes,
        }

    def _check(self, runs: int) -> None:
        if runs == 1 and (self.by or self.metric):
            raise UsageError("--by and --metric compare several runs, and this is one")

    def _page(self, subjects: Sequence[Subject], console: Console) -> Page:
        from sandbox.commands.reporting.run_part import run_part
        from sandbox.commands.reporting.together import task_parts, tasks_of
        from sandbox.ui.report.page import Page

        alone = len(subjects) == 1
        tasks = [] if alone else task_parts(subjects, self.by, self.metric)
        compared = {place for task in tasks for place in task.compared}
        runs = []
        with console.progress(len(subjects), "report", "runs") as progress:
            for index, subject in enumerate(subjects, 1):
                curves = subject.run.path.resolve() not in compared
                part = run_part(subject, index, console, alone=alone, curves=curves, make=not self.as_is)
                runs.append(part)
                if not alone:
                    progress.update(index)
        title = subjects[0].title if alone else f"{len(subjects)} runs: {', '.join(tasks_of(subjects))}"
        made = f"{datetime.now().astimezone():%Y-%m-%d %H:%M}, rl-sandbox {__version__}"
        return Page(title, f"Written by python -m sandbox report, {made}", runs, tasks)


def check_page(html: Path | None) -> None:
    """Raise UsageError where a page can never be written, before anything is read."""
    if html is None:
        return
    if html.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"--html must end in .html, not {html.name!r}")
    if html.is_dir():
        raise UsageError(f"--html: {html} is a folder", hint=f"--html {html / 'report.html'}")


def usual_path(subjects: Sequence[Subject]) -> Path:
    """Where a page goes unless a place is named."""
    if len(subjects) == 1:
        return subjects[0].run.relative() / "report.html"
    tasks = {str(subject.info["subject"]) for subject in subjects}
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", tasks.pop()).strip("-.") if len(tasks) == 1 else ""
    return Path(f"report-{name}.html" if name else "report.html")


def size_text(count: int) -> str:
    """A number of bytes for people: ``48 kB``, ``1.2 MB``."""
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"


def write(path: Path, content: bytes) -> None:
    """Replace the page in one step; raises Refused where that fails."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    except OSError as error:
        raise Refused(f"cannot write {path}: {error.strerror}", hint="choose another --html") from None
