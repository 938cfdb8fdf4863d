"""One run: a folder that explains itself, its status and its lock."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sandbox.core.errors import RunBroken, RunLocked
from sandbox.core.files import to_json, write_atomically
from sandbox.core.locks import FolderLock, LockHeld, is_locked

SCHEMA = "sandbox.run/1"
REQUIRED_KEYS = ("schema", "kind", "what", "subject", "seed", "status", "created")


class Run:
    """One run folder. Creating the object reads nothing; a damaged folder shows when it is asked.

    Args:
        path: The folder.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.path.name or self.path.resolve().name

    @property
    def info(self) -> dict[str, Any]:
        """What run.json says, read anew each time.

        Raises:
            RunBroken: run.json is missing, not JSON, or lacks keys; the message names it.
        """
        file = self.path / "run.json"
        try:
            info = json.loads(file.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise RunBroken(f"{file} is missing: this is no run folder, or a damaged one") from None
        except (ValueError, RecursionError):
            raise RunBroken(f"{file} is damaged: not valid JSON") from None
        if not isinstance(info, dict):
            raise RunBroken(f"{file} is damaged: not a JSON object")
        missing = [key for key in REQUIRED_KEYS if key not in info]
        if missing:
            raise RunBroken(f"{file} is damaged: it lacks {', '.join(missing)}")
        if not isinstance(info["kind"], str):
            raise RunBroken(f"{file} is damaged: {info['kind']!r} is no kind of run")
        if info["schema"] != SCHEMA:
            raise RunBroken(
                f"{file} has the schema {info['schema']!r}; this version reads {SCHEMA!r}",
                hint="a newer version of rl-sandbox may be needed",
            )
        return info

    @property
    def problem(self) -> str | None:
        """Why run.json cannot be used, in one line, or None."""
        try:
            self.info  # noqa: B018
        except RunBroken as error:
            return error.message
        except OSError as error:
            return f"{self.path / 'run.json'}: {error.strerror}"
        return None

    @property
    def status(self) -> str:
        """finished, interrupted, running, diverged, failed; killed (says running, but nobody holds the lock)
        or broken (run.json cannot be used). Never raises."""
        if self.problem:
            return "broken"
        status = str(self.info["status"])
        if self.is_locked():
            return "running"
        return "killed" if status == "running" else status

    def update(self, **changes: Any) -> dict[str, Any]:
        """Change entries of run.json in one step, and return all of them.

        Raises:
            RunBroken: run.json cannot be read.
            OSError: It cannot be written; the old one is untouched.
        """
        info = self.info | changes
        write_atomically(self.path / "run.json", to_json(info, indent=2) + "\n")
        return info

    @contextlib.contextmanager
    def lock(self) -> Iterator[Run]:
        """Hold the run while working on it. The lock ends with the process, however that ends.

        Raises:
            RunLocked: Another process (named by its id), or this one, holds it.
        """
        try:
            held = FolderLock(self.path / ".lock")
        except LockHeld as error:
            holder = f"process {error.pid}" if error.pid else "another process"
            raise RunLocked(
                f"run {self.name} is in use by {holder}", hint="wait until it has ended, or stop it"
            ) from None
        try:
            yield self
        finally:
            held.release()

    def is_locked(self) -> bool:
        """Whether some process is working on the run right now."""
        return is_locked(self.path / ".lock")

    def relative(self) -> Path:
        """The path as a user would type it: relative to the working folder where it lies below that."""
        path = Path(os.path.abspath(self.path))  # noqa: PTH100 - links stay as they were typed
        here = Path.cwd()
        return path.relative_to(here) if path.is_relative_to(here) else path

    @property
    def config_path(self) -> Path:
        """The fully resolved config, usable with ``--config``."""
        return self.path / "config.toml"

    @property
    def manifest_path(self) -> Path:
        """Command, versions, machine."""
        return self.path / "manifest.json"

    @property
    def metrics_path(self) -> Path:
        """One JSON object a line."""
        return self.path / "metrics.jsonl"

    @property
    def checkpoints_dir(self) -> Path:
        """Holds one ``step-…`` folder a checkpoint."""
        return self.path / "checkpoints"

    @property
    def plots_dir(self) -> Path:
        """Curves."""
        return self.path / "plots"

    @property
    def videos_dir(self) -> Path:
        """Recordings."""
        return self.path / "videos"

    @property
    def samples_dir(self) -> Path:
        """Generated pictures."""
        return self.path / "samples"
