"""A run as `report` sees it: what can be read of it, and what cannot."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.commands.comparison.measured import Measured, measure
from sandbox.core.config import read_toml
from sandbox.core.errors import SandboxError
from sandbox.core.kinds import Kind
from sandbox.core.metrics import read_metrics
from sandbox.core.plugins import kind_of
from sandbox.core.run import Run

ACRONYM = 4
"""letters: names of kinds that are no longer are written in capitals"""


@dataclass(frozen=True)
class Subject:
    """A run, its files as far as they can be read, and remarks about those that cannot."""

    run: Run
    info: dict[str, Any]
    status: str
    kind: Kind | None
    """None where the package that brought it is not there"""
    measured: Measured | None
    """None where nothing is logged yet, or a file is damaged"""
    config: dict[str, Any] | None
    notes: list[str] = field(default_factory=list)

    @property
    def title(self) -> str:
        """``PPO on CartPole-v1``."""
        name, subject = str(self.info["kind"]), str(self.info["subject"])
        who = str(self.info.get("algo") or name).upper() if "env" in self.info else name
        who = who.upper() if len(who) <= ACRONYM else who[:1].upper() + who[1:]
        return f"{who} on {subject.removeprefix(f'{name}-')}"

    @property
    def steps(self) -> str:
        """What its steps count."""
        return "environment steps" if "env" in self.info else "gradient steps"


def look_at(run: Run) -> Subject:
    """Read what there is; only a run.json that cannot be used is an error (RunBroken)."""
    info, notes = run.info, []
    kind = measured = config = None
    try:
        kind = kind_of(info["kind"])
    except SandboxError as error:
        notes.append(f"Its kind of run is not known here: {error.message}.")
    try:
        config = read_toml(run.config_path)[0]
    except (SandboxError, OSError) as error:
        notes.append(f"Its settings cannot be read: {_message(error)}.")
    try:
        if read_metrics(run.metrics_path):
            measured = measure(run)
        elif run.status != "finished":
            notes.append("There are no curves: nothing is logged yet.")
    except (SandboxError, OSError) as error:
        if config is not None:
            notes.append(f"There are no curves: {_message(error)}.")
    return Subject(run, info, run.status, kind, measured, config, notes)


def _message(error: SandboxError | OSError) -> str:
    return error.message if isinstance(error, SandboxError) else str(error.strerror)


def read_text(path: Path) -> str:
    """A text file of a run; empty where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
