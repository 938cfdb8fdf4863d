"""Every error that a user can cause, in one tree; the class decides the exit code.

    SandboxError 1
    ├── UsageError 2        ConfigError · UnknownName · UnsupportedSpace
    ├── MissingExtra 3
    ├── NotFound 4          RunNotFound · EnvironmentNotFound
    ├── Broken 4            RunBroken · CheckpointBroken
    ├── Diverged 5
    ├── GateFailed 6
    ├── Refused 7           RunLocked · NoDevice
    └── Interrupted 130 (Ctrl-C) or 143 (SIGTERM)

An error says what is wrong, with which thing, and (``hint``) what to do about it.
"""

# ruff: noqa: N818 - the names say what is wrong; "Error" behind each would add nothing

from __future__ import annotations

import signal
from collections.abc import Iterable
from typing import Any

from sandbox.core.spelling import suggest


class SandboxError(Exception):
    """Something the user can understand and act on; never shown with a traceback.

    Args:
        message: One line: what is wrong, and with which thing.
        hint: What to do about it, preferably a command to copy.
        data: What ``--json`` adds to the error object (JSON values only).
    """

    exit_code: int = 1

    def __init__(self, message: str, hint: str | None = None, data: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.data = data or {}

    def __str__(self) -> str:
        if not self.hint:
            return self.message
        return f"{self.message} ({'try: ' if self.hint.startswith('python -m ') else ''}{self.hint})"


class UsageError(SandboxError):
    """The command line or the arguments of a call are wrong."""

    exit_code = 2


class ConfigError(UsageError):
    """A config holds an unknown key or a value that does not fit.

    ``key`` names the offending field; reading a file, the message gains the file and the line of that key.
    """

    def __init__(
        self,
        message: str,
        hint: str | None = None,
        data: dict[str, Any] | None = None,
        *,
        key: str | None = None,
    ) -> None:
        super().__init__(message, hint, data)
        self.key = key


class UnknownName(UsageError):
    """A short name (of a command, an algorithm, …) that nothing answers to.

    Args:
        kind: What was asked for, as in "unknown algorithm 'pp0'".
        name: What the user typed.
        known: All names that would have worked.
        hint: Replaces the list of known names.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str], hint: str | None = None) -> None:
        names = sorted(known)
        close = suggest(name, names)
        message = f"unknown {kind} {name!r}" + (f": did you mean {close!r}?" if close else "")
        super().__init__(message, hint or (f"known: {', '.join(names)}" if names else None))
        self.suggestion = close


class UnsupportedSpace(UsageError):
    """An environment has an observation or action space that the algorithm cannot use."""


class MissingExtra(SandboxError):
    """Something needs an optional dependency that is not installed.

    Args:
        what: What needs it, as in "LunarLander-v3".
        extra: Name of the extra in ``pyproject.toml``.
    """

    exit_code = 3

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(
            f"{what} needs the extra [{extra}], which is not installed",
            hint=f"python -m pip install 'rl-sandbox[{extra}]'   (in a clone: pip install -e '.[{extra}]')",
            data={"extra": extra},
        )
        self.extra = extra


class NotFound(SandboxError):
    """A file, a run or an environment that is not there."""

    exit_code = 4


class RunNotFound(NotFound):
    """No run matches what the user typed."""


class EnvironmentNotFound(NotFound):
    """No environment is registered under this id."""


class Broken(SandboxError):
    """A file or folder that is there, but damaged or incomplete."""

    exit_code = 4


class RunBroken(Broken):
    """A run folder with a missing or damaged file; the message names it."""


class CheckpointBroken(Broken):
    """A checkpoint that is missing, truncated or altered; the message names file and reason."""


class Diverged(SandboxError):
    """Training produced NaN or infinity; the message names the last good checkpoint."""

    exit_code = 5


class GateFailed(SandboxError):
    """An evaluation stayed below the score that was demanded; ``data`` holds the evaluation."""

    exit_code = 6


class Refused(SandboxError):
    """The machine refuses: disk, permission, lock, network, device or display."""

    exit_code = 7


class RunLocked(Refused):
    """Another process is working on this run."""


class NoDevice(Refused):
    """The device that was asked for is not available."""


class Interrupted(SandboxError):
    """A signal ended the work after everything was saved; ``hint`` is the command that continues it.

    Args:
        message: What was saved, and where.
        signum: The signal; it sets the exit code to 128 + signum (130 for SIGINT, 143 for SIGTERM).
    """

    def __init__(
        self,
        message: str,
        hint: str | None = None,
        data: dict[str, Any] | None = None,
        *,
        signum: int = signal.SIGINT,
    ) -> None:
        super().__init__(message, hint, data)
        self.exit_code = 128 + int(signum)
