"""What a run has to show: what its kind knows of, or else the pictures and videos that lie in its folder."""

from __future__ import annotations

from sandbox.commands.reporting.subject import Subject
from sandbox.core.errors import SandboxError
from sandbox.ui.console import Console
from sandbox.ui.report.exhibit import Exhibit, Figure, embed, strange

ENDINGS = (".png", ".jpg", ".jpeg", ".gif", ".mp4")
MOST_FILES = 12


def figures(subject: Subject, console: Console, *, make: bool) -> tuple[list[Figure], list[str]]:
    """The figures, and remarks about what there could have been."""
    notes: list[str] = []
    exhibits_of = getattr(subject.kind, "exhibits", None)
    found: list[Exhibit] = []
    try:
        if exhibits_of is None:
            found = lying_about(subject)
        else:
            can = make and subject.config is not None  # nothing can be made without its settings
            found = exhibits_of(subject.run, notes.append, can, subject.trust)
    except SandboxError as error:
        notes.append(f"Not all that came out can be shown: {error.message}.")
    except OSError as error:
        notes.append(f"Not all that came out can be shown: {error}.")
    shown = [embed(one, subject.run) for one in found]
    for figure in shown:
        if figure.problem:
            console.note(f"{figure.exhibit.path}: {figure.problem}")
    return shown, notes


def lying_about(subject: Subject) -> list[Exhibit]:
    """The newest files, for kinds that do not say what theirs are."""
    run = subject.run
    files = [
        path
        for folder in (run.videos_dir, run.samples_dir, run.plots_dir)
        if folder.is_dir()
        for path in folder.iterdir()
        if path.suffix.lower() in ENDINGS and path.is_file() and not strange(run, path)
    ]
    files.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    return [Exhibit(path, path.stem, f"{path.name} of the run {run.name}") for path in files[:MOST_FILES]]
