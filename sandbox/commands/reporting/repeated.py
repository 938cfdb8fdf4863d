"""How a run can be repeated: command, revision, versions, machine, sums of the data."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sandbox.commands.reporting.asked import command_of
from sandbox.commands.reporting.subject import Subject
from sandbox.commands.reporting.words import facts_of, said
from sandbox.ui.report.page import Repeat, Table

TOLD = {"schema", "command", "git", "versions", "data", "continued", "environment"}
"""entries of a manifest that have a place of their own"""
STOPPED = ("interrupted", "killed")
"""how runs end that can go on"""


def repeated(subject: Subject) -> Repeat:
    """See `sandbox.ui.report.page.Repeat`; without a manifest there is only the seed."""
    manifest = subject.manifest
    seed = ("seed", str(subject.info["seed"]))
    if manifest is None:
        missing = ("manifest.json", "it is missing or damaged: command, versions and machine are not known")
        return Repeat(_resumed(subject), [seed, missing], [])
    facts = [seed, ("git revision", _revision(manifest.get("git")))]
    facts += facts_of({key: value for key, value in manifest.items() if key not in TOLD})
    environment = manifest.get("environment")
    if isinstance(environment, Mapping) and environment:
        facts.append(("environment", " ".join(f"{key}={value}" for key, value in environment.items())))
    tables = [
        _table("Versions of packages", ("package", "version"), manifest.get("versions")),
        _table("Checksums of the data (SHA-256)", ("file", "sum"), manifest.get("data")),
    ]
    return Repeat(_commands(subject, manifest), facts, [table for table in tables if table.rows])


def _commands(subject: Subject, manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    typed = command_of(subject)
    commands = [*_resumed(subject), *([("As it was started:", typed)] if typed else [])]
    continued = manifest.get("continued")
    for record in continued if isinstance(continued, list) else []:
        words = record.get("command") if isinstance(record, Mapping) else None
        if isinstance(words, list):
            commands.append((f"Continued on {said(record.get('time'))}:", shlex.join(map(str, words))))
    if subject.config is not None and (again := _from_config(subject)):
        commands.append(("With every setting as it was, whatever the presets say by then:", again))
    return commands


def _resumed(subject: Subject) -> list[tuple[str, str]]:
    """The command that goes on with a run that was stopped."""
    if subject.status not in STOPPED:
        return []
    run = subject.run
    name = run.name if run.path.parent == Path("runs") else str(run.relative())
    words = ["python", "-m", "sandbox", "resume", name, *(["--trust"] if subject.trust else [])]
    return [("It was stopped, and goes on from there by:", shlex.join(words))]


def _from_config(subject: Subject) -> str:
    """The command with the config file; empty where the kind of run has none."""
    words_of = getattr(subject.kind, "words_of", None)
    if words_of is None:
        return ""
    file = subject.run.relative() / subject.run.config_path.name
    return shlex.join(["python", "-m", "sandbox", *words_of(subject.run), "--config", str(file)])


def _revision(git: Any) -> str:
    if not isinstance(git, Mapping) or not git.get("revision"):
        return "not known: the code did not come from a repository"
    return f"{git['revision']}{', and changes that were not committed' * bool(git.get('dirty'))}"


def _table(caption: str, columns: tuple[str, str], values: Any) -> Table:
    rows = [[str(key), said(value)] for key, value in values.items()] if isinstance(values, Mapping) else []
    return Table(caption, columns, rows)
