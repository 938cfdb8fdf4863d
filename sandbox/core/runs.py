"""Runs: create one, find one, list them all."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sandbox.core.config import to_toml
from sandbox.core.errors import Refused, RunBroken, RunNotFound, UsageError
from sandbox.core.files import to_json, write_atomically
from sandbox.core.manifest import write_manifest
from sandbox.core.run import SCHEMA, Run
from sandbox.core.spelling import suggest

__all__ = [
    "SCHEMA",
    "Run",
    "create_run",
    "default_root",
    "find_run",
    "latest_unfinished",
    "list_runs",
    "start_run",
]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,199}")
_UNFINISHED = ("interrupted", "killed", "failed")


def create_run(
    root: str | Path | None,
    what: str,
    subject: str,
    seed: int,
    kind: str,
    name: str | None = None,
    parent: str | None = None,
    **info: Any,
) -> Run:
    """Make a new run folder with its run.json; nothing is ever overwritten.

    Args:
        root: Folder of all runs; None for `default_root`.
        what: The command, such as ``train-agent``.
        subject: Environment or data set.
        kind: Entry of the table of kinds, which later loads, resumes and evaluates the run.
        name: Name of the folder instead of ``<date>-<time>-<what>-<subject>-s<seed>-<id>``.
        parent: The run that this one starts from.
        **info: More entries of run.json.

    Raises:
        UsageError: The name is taken, or is none for a folder.
        Refused: The folder cannot be written.
    """
    root = default_root() if root is None else Path(root)
    if name == "latest":
        raise UsageError("'latest' cannot be the name of a run: it means the latest one")
    if name is not None and not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be the name of a run", hint="use letters, digits, '.', '_', '+' and '-'"
        )
    run = Run(root / (name or _fresh_name(what, subject, seed)))
    entries = {
        "schema": SCHEMA,
        "kind": kind,
        "what": what,
        "subject": subject,
        "seed": int(seed),
        "status": "running",
        "created": datetime.now().astimezone().isoformat(timespec="milliseconds"),
        "steps": 0,
        "best": None,
        "parent": parent,
    } | info
    if root.exists() and not root.is_dir():
        raise Refused(f"{root} is a file: runs need a folder", hint="choose another --out")
    try:
        root.mkdir(parents=True, exist_ok=True)
        run.path.mkdir()
        write_atomically(run.path / "run.json", to_json(entries, indent=2) + "\n")
    except FileExistsError:
        raise UsageError(f"{run.relative()} exists already", hint="choose another --name") from None
    except OSError as error:
        with contextlib.suppress(OSError):
            run.path.rmdir()
        raise Refused(f"cannot write to {root}: {error.strerror}", hint="choose another --out") from None
    return run


def start_run(
    root: str | Path | None,
    what: str,
    subject: str,
    kind: str,
    config: Any,
    command: Sequence[str],
    about: Mapping[str, Any],
    name: str | None = None,
    parent: str | None = None,
    **info: Any,
) -> Run:
    """Make a new run folder with config.toml and manifest.json; otherwise as `create_run`.

    Args:
        config: The dataclass that decides everything; its ``seed`` is the run's.
        command: What was typed.
        about: More entries of the manifest, such as device and threads.
    """
    run = create_run(root, what, subject, config.seed, kind, name, parent, **info)
    try:
        write_atomically(run.config_path, to_toml(config))
        write_manifest(run, command, about)
    except OSError:
        shutil.rmtree(run.path, ignore_errors=True)  # without them it can neither be resumed nor understood
        raise
    return run


def default_root() -> Path:
    """The folder of all runs: the environment variable SANDBOX_RUNS, or ``runs`` in the working folder."""
    return Path(os.environ.get("SANDBOX_RUNS") or "runs")


def _fresh_name(what: str, subject: str, seed: int) -> str:
    """``20260131-101500-train-agent-CartPole-v1-s0-3f9a``: sorts by time, reads aloud, never repeats."""
    slug = re.sub(r"[^A-Za-z0-9._]+", "-", subject).strip("-._")[:60] or "run"
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{what}-{slug}-s{seed}-{secrets.token_hex(2)}"


def list_runs(root: str | Path | None = None) -> list[Run]:
    """Return all runs below ``root``, the newest first; damaged ones too (see `Run.problem`).

    A folder counts as a run if it has a run.json, or parts of a run without one.
    """
    root = default_root() if root is None else Path(root)
    try:
        folders = [path for path in root.iterdir() if not path.name.startswith(".") and path.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    runs = [Run(path) for path in folders if _looks_like_run(path)]
    return sorted(runs, key=_age_order, reverse=True)


def find_run(text: str, root: str | Path | None = None) -> Run:
    """Return the run that ``text`` means: ``latest``, a name, a unique beginning of one, or a path.

    Raises:
        RunNotFound: Nothing matches; the hint names what is close.
        RunBroken: ``text`` is a path or name of a folder without a usable run.json.
        UsageError: Several runs begin with ``text``.
    """
    root = default_root() if root is None else Path(root)
    if not text:
        raise UsageError("the name of a run is empty", hint="python -m sandbox runs")
    if text == "latest":
        return _latest(root)
    for path in ([root / text] if _NAME.fullmatch(text) else []) + [Path(text).expanduser()]:
        if path.is_dir():
            return _usable(Run(path))
    runs = list_runs(root)
    matches = [run for run in runs if run.name.startswith(text)]
    if len(matches) == 1:
        return _usable(matches[0])
    if matches:
        names = ", ".join(run.name for run in matches[:5]) + (", …" if len(matches) > 5 else "")
        raise UsageError(f"{len(matches)} runs begin with {text!r}: {names}", hint="type more of the name")
    raise _not_found(text, root, runs)


def latest_unfinished(root: str | Path | None = None) -> Run:
    """Return the newest run that was interrupted, killed or failed, and that nobody works on now.

    Raises:
        RunNotFound: There is none.
    """
    root = default_root() if root is None else Path(root)
    for run in list_runs(root):
        if run.status in _UNFINISHED:
            return run
    raise RunNotFound(f"no unfinished run in {root}", hint="python -m sandbox runs")


def _latest(root: Path) -> Run:
    for run in list_runs(root):
        if run.problem is None:
            return run
    raise RunNotFound(f"there are no runs in {root}", hint="python -m sandbox train-agent CartPole")


def _usable(run: Run) -> Run:
    """Return ``run``, or raise RunBroken if run.json cannot be used."""
    run.info  # noqa: B018 - reading is the check
    return run


def _not_found(text: str, root: Path, runs: list[Run]) -> RunNotFound:
    names = [run.name for run in runs]
    close = next((name for name in names if text.casefold() in name.casefold()), None) or suggest(text, names)
    message = f"no run matches {text!r} in {root}" + (f": did you mean {close!r}?" if close else "")
    return RunNotFound(message, hint="python -m sandbox runs")


def _looks_like_run(path: Path) -> bool:
    return any((path / part).exists() for part in ("run.json", "manifest.json", "checkpoints"))


def _age_order(run: Run) -> tuple[float, str]:
    """Sort key: when the run was created; a damaged one counts from its folder's last change."""
    try:
        return datetime.fromisoformat(run.info["created"]).timestamp(), run.name
    except (RunBroken, OSError, TypeError, ValueError, OverflowError):
        pass
    try:
        return run.path.stat().st_mtime, run.name
    except OSError:
        return 0.0, run.name
