"""The commands that train, called from Python: `sandbox.train`."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sandbox import load_run
from sandbox.core.arguments import parse_command
from sandbox.core.config import read_toml
from sandbox.core.errors import UsageError
from sandbox.core.machine import threads_kept
from sandbox.core.plugins import names, resolve
from sandbox.ui.console import Console

_PREFIX = "train-"


def train(what: str, subjects: tuple[str, ...], quiet: bool, options: dict[str, Any]) -> Any:
    """See `sandbox.train`."""
    if _PREFIX + what not in names("commands"):
        known = [name.removeprefix(_PREFIX) for name in names("commands") if name.startswith(_PREFIX)]
        raise UsageError(f"there is nothing to train called {what!r}", hint=f"known: {', '.join(known)}")
    command = resolve("commands", _PREFIX + what)
    options = {name: _plain(value) for name, value in options.items()}
    _refuse_undoing(command, options)
    words = [*map(str, subjects), *_words(command, options)]
    with _typed([_PREFIX + what, *words]):
        asked = parse_command(command, words, f"python -m sandbox {_PREFIX}{what}")
        with threads_kept():
            result = asked.run(Console(json=quiet, quiet=quiet))
    # Who names a module to train with has imported it already.
    loaded = [load_run(one["run"], trust=True) for one in result.get("runs", [result]) if "run" in one]
    if not loaded:
        return result  # a dry run
    return loaded if "runs" in result else loaded[0]


def _words(command: Any, options: dict[str, Any]) -> Iterator[str]:
    """Keyword arguments as they are typed; what is None, or a flag's default, is left out."""
    defaults = {field.name: field.default for field in dataclasses.fields(command)}
    for name, value in options.items():
        option = name.replace("_", "-")
        if isinstance(value, bool):
            if value is not defaults.get(name, False):
                yield f"--{option}" if value else f"--no-{option}"
        elif isinstance(value, dict):
            yield from (f"--{option}={key}={one}" for key, one in value.items())
        elif isinstance(value, list | tuple):
            yield from (f"--{option}={one}" for one in value)
        elif value is not None:
            yield f"--{option}={value}"


def _plain(value: Any) -> Any:
    """A number of NumPy's, or of torch's, as Python has it; anything else as it is."""
    return value.item() if getattr(value, "shape", None) == () else value


def _refuse_undoing(command: Any, options: dict[str, Any]) -> None:
    """Raise UsageError for a flag at its default that the config file sets: no word on the command line says
    it."""
    file = options.get("config")
    if file is None:
        return
    values, _ = read_toml(file)
    tables = [table for table in values.values() if isinstance(table, dict)]
    for field in dataclasses.fields(command):
        value = options.get(field.name)
        if isinstance(value, bool) and value is field.default:
            said = [table[field.name] for table in (values, *tables) if field.name in table]
            if any(isinstance(one, bool) and one is not value for one in said):
                message = f"{field.name}={value} cannot undo what {file} says"
                raise UsageError(message, hint="change it in the file")


@contextmanager
def _typed(words: list[str]) -> Iterator[None]:
    """For so long the command line is this one, so that the run's manifest says how to repeat it."""
    before = sys.argv
    sys.argv = ["sandbox", *words]
    try:
        yield
    finally:
        sys.argv = before
