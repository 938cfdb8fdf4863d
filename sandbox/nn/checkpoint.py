"""The checkpoints of one run: which are kept, which is the last, which is the best."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import shorten
from typing import Any

from sandbox.core.errors import CheckpointBroken
from sandbox.core.files import write_atomically
from sandbox.nn.state_files import load_state, remove_leftovers, remove_state, save_state

__all__ = ["Checkpoints", "load_state", "misfit", "save_state"]

_NAME = re.compile(r"step-(\d{12,})")


class Checkpoints:
    """The folder ``RUN/checkpoints``; beside it ``LAST`` and ``BEST`` hold a line each, a checkpoint's name.

    One process writes (it holds the run's lock); any number may read. ``keep`` counts the newest ones to
    keep, at least one; two or more leave something to fall back on. The best one is kept besides.
    """

    def __init__(self, folder: Path, keep: int = 3) -> None:
        """Nothing is created or read until it is needed."""
        if keep < 1:
            raise ValueError(f"keep must be at least 1, not {keep}")
        self.folder = Path(folder)
        self._bulk = self.folder.parent / "bulk"
        self.keep = keep

    def names(self) -> list[str]:
        """Names of the checkpoints, oldest first, broken ones included."""
        if not self.folder.is_dir():
            return []
        found = (entry.name for entry in self.folder.iterdir() if entry.is_dir())
        return sorted(filter(_NAME.fullmatch, found), key=_step_of)

    def has(self, step: int) -> bool:
        """Whether there is a checkpoint of ``step``, broken or not."""
        return f"step-{step:012d}" in self.names()

    def were_written(self) -> bool:
        """Whether a checkpoint was ever written here, even if all are gone by now."""
        return bool(self.names()) or (self.folder.parent / "LAST").exists()

    def save(self, step: int, state: Mapping[str, Any], bulk: Mapping[str, Any] | None = None) -> Path:
        """Write a checkpoint of ``state`` after ``step`` steps, then forget old ones.

        ``bulk`` is what only the newest checkpoint keeps, in the folder ``RUN/bulk``: a replay buffer, say.

        Checkpoints of later steps are removed: training went back before them, so they belong to no run.
        Raises as ``save_state`` does; until the new checkpoint is complete, all others stay.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self.tidy()
        name = f"step-{step:012d}"
        if bulk is not None:  # first, so that a complete checkpoint has its bulk
            save_state(self._bulk / name, bulk)
        save_state(self.folder / name, state)
        self._mark("LAST", name)
        self._prune(step)
        self._prune_bulk(keep=name)
        return self.folder / name

    def load_bulk(self, step: int) -> dict[str, Any] | None:
        """The ``bulk`` of the checkpoint of ``step``; None where there is none (any more).

        Raises CheckpointBroken if it is damaged.
        """
        folder = self._bulk / f"step-{step:012d}"
        return load_state(folder) if folder.exists() else None

    def tidy(self) -> None:
        """Remove what a killed process left half-written or half-removed. For the process that writes."""
        for folder in (self.folder, self._bulk):
            remove_leftovers(folder)

    def mark_best(self, step: int) -> None:
        """Call the checkpoint of ``step`` the best from now on. Raises CheckpointBroken if there is none."""
        name = f"step-{step:012d}"
        if not self.has(step):
            raise CheckpointBroken(f"{self.folder / name}: there is no such checkpoint to be called the best")
        self._mark("BEST", name)

    def best(self) -> str | None:
        """The name in ``BEST``, None where none was marked yet. Raises CheckpointBroken if it is garbage."""
        return self._marked("BEST")

    def load(
        self, which: str | int = "last", on_broken: Callable[[str], None] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Load ``last``, ``best``, ``first`` or the checkpoint of a step; returns its step and its state.

        ``last`` goes back to the newest checkpoint that is whole and tells ``on_broken``, in a sentence each,
        which are not. ``best`` is the last while none is marked. Raises CheckpointBroken if nothing loads.
        """
        which = str(which)
        if which == "best":
            which = self.best() or "last"
        if which == "last":
            return self._load_last(on_broken or (lambda sentence: None))
        names = self.names()
        if which == "first" and names:
            which = names[0]
        name = f"step-{int(which):012d}" if which.isdecimal() else which
        if name not in names:
            raise CheckpointBroken(f"{self.folder}: there is no checkpoint {which!r}", hint=_known(names))
        return _step_of(name), load_state(self.folder / name)

    def _load_last(self, on_broken: Callable[[str], None]) -> tuple[int, dict[str, Any]]:
        names = self.names()
        try:
            marked = self._marked("LAST")
        except CheckpointBroken as error:
            marked = None
            on_broken(error.message)
        # A newer one than LAST names is whole too: the process was killed between the two writes.
        if marked is not None and marked not in names:
            on_broken(f"{self.folder / marked} is missing")
        for name in reversed(names):
            try:
                return _step_of(name), load_state(self.folder / name)
            except CheckpointBroken as error:
                on_broken(error.message)
        raise CheckpointBroken(f"{self.folder}: there is no checkpoint that can be loaded")

    def _prune(self, step: int) -> None:
        try:
            best = self.best()
        except CheckpointBroken:
            return  # any of them may be the best; the next mark_best mends the file
        names = self.names()
        until_now = [name for name in names if _step_of(name) <= step]
        kept = {*until_now[-self.keep :], *(name for name in until_now if name == best)}
        for name in names:
            if name not in kept:
                remove_state(self.folder / name)
        if best is not None and best not in until_now:
            (self.folder.parent / "BEST").unlink(missing_ok=True)

    def _prune_bulk(self, keep: str) -> None:
        if self._bulk.is_dir():
            for folder in self._bulk.iterdir():
                if folder.name != keep:
                    remove_state(folder)

    def _mark(self, file: str, name: str) -> None:
        write_atomically(self.folder.parent / file, f"{name}\n")

    def _marked(self, file: str) -> str | None:
        path = self.folder.parent / file
        try:
            text = path.read_bytes().decode("ascii", errors="replace")
        except FileNotFoundError:
            return None
        name = text.removesuffix("\n")
        if not _NAME.fullmatch(name):
            raise CheckpointBroken(f"{path} does not hold a checkpoint's name")
        return name


def misfit(error: Exception) -> str:
    """Why weights do not fit a model, in a line: torch names each of them, over pages."""
    lines = str(error).splitlines() or [type(error).__name__]
    first, *more = lines[1:] or lines  # torch's first says only of what model
    return shorten(first.strip(), 120, placeholder=" …") + (" (and more)" if more else "")


def _step_of(name: str) -> int:
    return int(name.removeprefix("step-"))


def _known(names: list[str]) -> str:
    return "there are: " + ", ".join(str(_step_of(name)) for name in names) if names else "there is none"
