"""``runs``: list the run folders, show one, remove some."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import Positional, arg

from sandbox.core.config import read_toml
from sandbox.core.errors import Refused, SandboxError, UsageError
from sandbox.core.runs import Run, default_root, find_run, list_runs
from sandbox.ui.console import Console


@dataclass(frozen=True)
class Runs:
    """List, show or remove runs.

    RUN is a name, a unique beginning of one, a path, or "latest".

    Examples:
        python -m sandbox runs
        python -m sandbox runs show latest
        python -m sandbox runs show latest --settings
        python -m sandbox runs remove 20260131-1015 --yes
    """

    action: Positional[Literal["list", "show", "remove"]] = "list"
    """What to do."""
    names: Annotated[Positional[tuple[str, ...]], arg(metavar="[RUN …]")] = ()
    """The runs to show or to remove."""
    settings: bool = False
    """Of show: print all settings, too."""
    yes: bool = False
    """Remove without asking."""
    out: Path | None = None
    """Folder with the runs; SANDBOX_RUNS or ./runs, unless given."""

    def run(self, console: Console) -> dict[str, Any]:
        """List, show or remove; returns what ``--json`` prints."""
        root = default_root() if self.out is None else self.out
        if self.action == "list":
            if self.names:
                raise UsageError(
                    "runs list takes no RUN", hint=f"python -m sandbox runs show {self.names[0]}"
                )
            return list_all(root, console)
        if not self.names:
            raise UsageError(
                f"runs {self.action} needs a RUN", hint=f"python -m sandbox runs {self.action} latest"
            )
        runs = [find_run(text, root) for text in self.names]
        if self.action == "show":
            shown = [show(run, console, settings=self.settings) for run in runs]
            return shown[0] if len(shown) == 1 else {"schema": "sandbox.runs/1", "runs": shown}
        return remove(runs, console, yes=self.yes)


def list_all(root: Path, console: Console) -> dict[str, Any]:
    """Print one line a run, the newest first; damaged ones say what is wrong with them."""
    runs = [summary(run) for run in list_runs(root)]
    if not runs:
        console.print(f"no runs in {root} yet: python -m sandbox train-agent CartPole")
    else:
        columns = ("name", "subject", "algo", "status", "steps", "best", "age")
        console.table(columns, [[_cell(entry[column]) for column in columns] for entry in runs])
    for entry in runs:
        if entry["problem"]:
            console.print(f"broken: {entry['problem']}")
    return {"schema": "sandbox.runs/1", "root": str(root), "runs": runs}


def summary(run: Run) -> dict[str, Any]:
    """Return what a list says about a run; a damaged one has None where nothing is known."""
    problem = run.problem
    info = {} if problem else run.info
    best = info.get("best")
    return {
        "name": run.name,
        "path": str(run.relative()),
        "subject": info.get("subject"),
        "kind": info.get("kind"),
        "algo": info.get("algo") or info.get("kind"),
        "status": run.status,
        "steps": info.get("steps"),
        "best": best.get("score") if isinstance(best, dict) else best,
        "age": age(info.get("created")),
        "created": info.get("created"),
        "problem": problem,
    }


def show(run: Run, console: Console, *, settings: bool = False) -> dict[str, Any]:
    """Print what the folder's files say about a run, all its settings if asked; return it."""
    info, status = run.info, run.status
    config, trouble = _read_config(run)
    checkpoints = _checkpoints(run)
    last, best = _pointer(run, "LAST"), _pointer(run, "BEST")
    console.print(f"{run.relative()}\n")
    lines = {key: _cell(value) for key, value in info.items() if key != "schema" and value not in (None, [])}
    lines |= {key: _row(value) for key, value in info.items() if isinstance(value, list) and value}
    lines["status"] = status
    lines["age"] = age(info["created"])
    lines["checkpoints"] = ", ".join(checkpoints) or "none"
    lines |= {key: value for key, value in (("last", last), ("best checkpoint", best)) if value}
    width = max(len(key) for key in lines)
    for key, value in lines.items():
        console.print(f"  {key:<{width}}  {value}")
    if config is not None and not settings:
        console.print(f"\nAll settings are in {run.config_path.name}; --settings shows them.")
    elif config is not None:
        console.print(f"\n{run.config_path.name}:\n" + run.config_path.read_text(encoding="utf-8").rstrip())
    if trouble:
        console.print(f"\nbroken: {trouble}")
    return {
        "schema": "sandbox.run-summary/1",
        "run": str(run.relative()),
        "name": run.name,
        "status": status,
        "info": info,
        "config": config,
        "checkpoints": checkpoints,
        "last": last,
        "best": best,
        "problem": trouble,
    }


def remove(runs: list[Run], console: Console, *, yes: bool) -> dict[str, Any]:
    """Delete run folders, after asking on a terminal; ``--yes`` is needed elsewhere.

    Raises:
        UsageError: Nobody is there to ask, and ``yes`` is not set; or the user said no.
        Refused: A folder is more than a run: a link, or with other runs or the working folder in it.
        RunLocked: Another process is working on one of them; nothing is removed then.
    """
    runs = list({run.path.resolve(): run for run in runs}.values())  # a run may be named twice
    for run in runs:
        _check_removable(run)
    if not yes:
        _ask(runs, console)
    for run in runs:
        with run.lock():
            _delete(run)
        console.print(f"removed {run.relative()}")
    return {"schema": "sandbox.removed/1", "removed": [str(run.relative()) for run in runs]}


def _check_removable(run: Run) -> None:
    if run.path.is_symlink():
        raise Refused(f"{run.relative()} is a link, not a run folder", hint="remove the link by hand")
    if Path.cwd().is_relative_to(run.path.resolve()):
        raise Refused(f"{run.relative()} holds the working folder", hint="change to another folder first")
    inner = next((file for file in run.path.glob("*/**/run.json")), None)
    if inner is not None:
        raise Refused(f"{run.relative()} holds another run, {inner.parent}", hint="remove that one first")
    with run.lock():
        pass


def _ask(runs: list[Run], console: Console) -> None:
    names = " ".join(run.name for run in runs)
    if console.json or not sys.stdin.isatty():
        raise UsageError(
            f"not removing {names} without --yes", hint=f"python -m sandbox runs remove {names} --yes"
        )
    console.print("\n".join(str(run.relative()) for run in runs))
    try:
        reply = input(f"remove {len(runs)} run{'s' * (len(runs) > 1)} for good? [y/N] ")
    except EOFError:
        reply = ""
    if reply.strip().lower() not in ("y", "yes"):
        raise UsageError("nothing was removed")


def _delete(run: Run) -> None:
    """Delete everything in a run folder, run.json last: a removal that is cut short can be repeated."""
    for path in run.path.iterdir():
        if path.name == "run.json":
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    (run.path / "run.json").unlink()
    run.path.rmdir()


def _read_config(run: Run) -> tuple[dict[str, Any] | None, str | None]:
    """Return config.toml's values, or why they cannot be read."""
    try:
        return read_toml(run.config_path)[0], None
    except SandboxError as error:
        return None, error.message
    except OSError as error:
        return None, f"{run.config_path}: {error.strerror}"


def _checkpoints(run: Run) -> list[str]:
    try:
        return sorted(path.name for path in run.checkpoints_dir.iterdir() if path.name.startswith("step-"))
    except OSError:
        return []


def _pointer(run: Run, name: str) -> str | None:
    """Return the one line of LAST or BEST."""
    try:
        return (run.path / name).read_text(encoding="utf-8").strip() or None
    except (OSError, ValueError):
        return None


def age(created: Any) -> str | None:
    """Return how long ago an ISO time was, such as ``5 min``, ``3 h`` or ``2 d``; None if it is no time."""
    try:
        seconds = (datetime.now().astimezone() - datetime.fromisoformat(created).astimezone()).total_seconds()
    except (TypeError, ValueError, OverflowError):
        return None
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return f"{max(0, int(seconds))} s"


def _cell(value: Any) -> Any:
    if value is None:
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_cell(item)}" for key, item in value.items())
    if isinstance(value, list):
        return f"[{_row(value)}]"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _row(values: list[Any]) -> str:
    return ", ".join(str(_cell(value)) for value in values)
