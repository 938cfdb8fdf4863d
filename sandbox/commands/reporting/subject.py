"""A run as `report` sees it: what can be read of it, and what cannot."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.commands.comparison.curves import algorithm_label
from sandbox.commands.comparison.measured import Measured, measure
from sandbox.core.config import read_toml
from sandbox.core.errors import Broken, SandboxError
from sandbox.core.kinds import Kind
from sandbox.core.manifest import read_manifest
from sandbox.core.metrics import read_metrics
from sandbox.core.plugins import kind_of
from sandbox.core.run import Run
from sandbox.ui.report.exhibit import strange

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
    manifest: dict[str, Any] | None = None
    notes: list[str] = field(default_factory=list)
    trust: bool = False
    """the run may import modules that its config names"""

    @property
    def title(self) -> str:
        """``PPO on CartPole-v1``."""
        name, subject = str(self.info["kind"]), str(self.info["subject"])
        who = algorithm_label(str(self.info.get("algo") or name)) if "env" in self.info else name
        if "env" not in self.info:
            who = who.upper() if len(who) <= ACRONYM else who[:1].upper() + who[1:]
        return f"{who} on {subject.removeprefix(f'{name}-')}"

    @property
    def steps(self) -> str:
        """What its steps count."""
        return "environment steps" if "env" in self.info else "gradient steps"


def look_at(run: Run, trust: bool = False) -> Subject:
    """Read what there is; only a run.json that cannot be used is an error (RunBroken)."""
    info, notes = run.info, []
    kind = measured = config = None
    try:
        kind = kind_of(info["kind"])
    except SandboxError as error:
        notes.append(f"Its kind of run is not known here: {error.message}.")
    try:
        config = read_toml(_own(run, run.config_path))[0]
    except (SandboxError, OSError) as error:
        notes.append(f"Its settings cannot be read: {_message(error)}.")
    try:
        if read_metrics(_own(run, run.metrics_path)):
            measured = None if config is None else measure(run)
        elif run.status != "finished":
            notes.append("There are no curves: nothing is logged yet.")
    except (SandboxError, OSError) as error:
        if config is not None:
            notes.append(f"There are no curves: {_message(error)}.")
    manifest = None if strange(run, run.manifest_path) else read_manifest(run)
    return Subject(run, info, run.status, kind, measured, config, manifest, notes, trust)


def _message(error: SandboxError | OSError) -> str:
    return error.message if isinstance(error, SandboxError) else str(error.strerror)


def _own(run: Run, path: Path) -> Path:
    """The path of a file of the run's own. Raises Broken where it is a link to elsewhere, or a pipe."""
    if problem := strange(run, path):
        raise Broken(f"{path}: {problem}")
    return path
