"""What a run was trained from: the run whose backbone it began with, that one's, and so on."""

from __future__ import annotations

from pathlib import Path

from sandbox.commands.reporting.subject import Subject, look_at
from sandbox.commands.reporting.words import said
from sandbox.core.errors import SandboxError
from sandbox.core.run import Run
from sandbox.ui.report.page import Ancestor


def ancestors(subject: Subject) -> list[Ancestor]:
    """The nearest first. A run that is not there any more is named, and ends the chain."""
    found: list[Ancestor] = []
    seen = {subject.run.path.resolve()}
    while (name := subject.info.get("parent")) is not None:
        run = _find(subject, str(name))
        if run is None:
            return [*found, Ancestor(str(name), "its backbone was the start; there is no such run here now")]
        if run.path.resolve() in seen:
            return found
        seen.add(run.path.resolve())
        try:
            subject = look_at(run)
        except SandboxError as error:
            return [*found, Ancestor(run.name, f"its backbone was the start; {error.message}")]
        found.append(Ancestor(run.name, _told(subject)))
    return found


def _find(subject: Subject, name: str) -> Run | None:
    """The parent: where the config says that its backbone lies, or beside the run."""
    places = [subject.run.path.parent / name] if Path(name).name == name else []
    source = (subject.config or {}).get("init_from")
    if isinstance(source, str) and Path(source).parent.name == name:
        places.insert(0, Path(source).parent)
    return next((Run(place) for place in places if (place / "run.json").is_file()), None)


def _told(subject: Subject) -> str:
    parts = [f"{subject.title}, seed {subject.info['seed']}", f"{said(subject.info.get('steps'))} steps"]
    if subject.measured is not None and subject.kind is not None:
        score = subject.measured.score()
        parts += [] if score is None else [f"{subject.kind.score} {said(score)}"]
    return f"{', '.join(parts)} ({subject.status}): {subject.run.relative()}"
