"""The front door: ``python -m sandbox COMMAND …``. Dispatch, signals and exit codes.

Exit codes: 0 fine · 1 our bug · 2 usage · 3 a missing extra · 4 not found or broken · 5 diverged ·
6 a gate failed · 7 the machine refuses · 130 and 143 interrupted.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sandbox import __version__
from sandbox.core.errors import Interrupted, Refused, SandboxError, UnknownName, UsageError
from sandbox.core.plugins import COMMANDS, names, resolve
from sandbox.core.signals import raise_interrupt
from sandbox.ui.console import Console

PROG = "python -m sandbox"
_GROUPS = {"make": "make", "look": "look", "manage": "manage", "more": "from other packages"}
_EXAMPLES = """examples:
  python -m sandbox train-agent CartPole
  python -m sandbox train-agent CartPole --steps 50k --seed 1 --name first
  python -m sandbox evaluate latest --gate 475
  python -m sandbox resume
  python -m sandbox runs"""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_REFUSALS = (*_FULL, errno.EROFS, errno.EACCES, errno.EPERM)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; never raises for anything that a user can cause."""
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")  # its greeting would be part of the output
    words = list(sys.argv[1:] if argv is None else argv)
    json, quiet = _take_flag(words, "--json"), _take_flag(words, "--quiet")
    console = Console(json=json, quiet=quiet)
    with _sigterm_raises():
        try:
            # What libraries print must not get between scripts and their JSON.
            with _stdout_to_stderr() if json else contextlib.nullcontext():
                result = _dispatch(words, console)
            console.emit(result or {})
            return 0
        except SandboxError as error:
            return _report(console, error)
        except KeyboardInterrupt as stop:
            return _report(console, _interrupted(console, getattr(stop, "exit_code", 130)))
        except OSError as error:
            if error.errno in _REFUSALS:
                return _report(console, _refusal(console, error))
            return _report_bug(console, error)
        except Exception as error:  # noqa: BLE001 - the last resort: a bug becomes exit code 1
            return _report_bug(console, error)


def _dispatch(words: list[str], console: Console) -> dict[str, Any] | None:
    """Find the command, parse its arguments, run it."""
    # Texts that were asked for are printed under --json, too.
    plain = Console()
    if not words or words[0] in ("-h", "--help", "help"):
        plain.print(overview())
        return None
    if words[0] == "--version":
        console.print(f"sandbox {__version__}")
        return {"version": __version__}
    name, arguments, prog = words[0], words[1:], f"{PROG} {words[0]}"
    if name.startswith("-"):
        raise UsageError(f"unknown option {name!r}: the command comes first", hint=f"{PROG} --help")
    if name not in COMMANDS and name not in names("commands"):
        raise UnknownName("command", name, names("commands"), hint=f"{PROG} --help")
    command = resolve("commands", name)

    from sandbox.core.arguments import command_help, parse_command

    if hasattr(command, "route"):
        command, arguments, prog = command.route(arguments, prog)
    if "-h" in arguments or "--help" in arguments:
        plain.print(command_help(command, prog))
        return None
    return parse_command(command, arguments, prog).run(console)


def overview() -> str:
    """Return the program's ``--help``: commands by group, and examples to copy."""
    lines = [f"usage: {PROG} COMMAND …", ""]
    lines += [
        "Train agents, classifiers and models that draw pictures, and trust the runs that come out.",
        "",
    ]
    shown = {name: f"{name} {command.usage}".strip() for name, command in COMMANDS.items()}
    foreign = [name for name in names("commands") if name not in COMMANDS]
    width = max(len(text) for text in [*shown.values(), *foreign]) + 2
    for group, title in _GROUPS.items():
        members = [
            f"  {shown[name]:<{width}}{COMMANDS[name].help}"
            for name in shown
            if COMMANDS[name].group == group
        ]
        if group == "more":
            members += [f"  {name}" for name in foreign]
        if members:
            lines += [f"{title}:", *members, ""]
    lines += [
        _EXAMPLES,
        "",
        f"{PROG} COMMAND --help explains a command; --json suits scripts, --quiet drops progress.",
    ]
    return "\n".join(lines)


def _take_flag(words: list[str], flag: str) -> bool:
    """Remove ``flag`` from ``words``, wherever it stands before a ``--``; tell whether it was there."""
    end = words.index("--") if "--" in words else len(words)
    kept = [word for word in words[:end] if word != flag]
    found = len(kept) < end
    words[:end] = kept
    return found


@contextlib.contextmanager
def _stdout_to_stderr() -> Iterator[None]:
    """Let everything that is printed go to stderr, what C libraries print included."""
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        os.dup2(2, 1)
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        _flush_c_streams()
        os.dup2(kept, 1)
        os.close(kept)


def _flush_c_streams() -> None:
    """What C libraries still hold back would be written at the exit, behind the JSON."""
    import ctypes

    with contextlib.suppress(OSError, AttributeError, TypeError):  # Windows has no such handle
        ctypes.CDLL(None).fflush(None)


@contextlib.contextmanager
def _sigterm_raises() -> Iterator[None]:
    """Let SIGTERM unwind as Ctrl-C does, so that files are closed and locks given back."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGTERM, raise_interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous if previous is not None else signal.SIG_DFL)


def _report(console: Console, error: SandboxError) -> int:
    """Tell people on stderr, or scripts on stdout, what went wrong; return the exit code."""
    code = error.exit_code
    if console.json:
        console.emit({**error.data, "error": error.message, "hint": error.hint, "code": code})
        return code
    # Whoever pressed Ctrl-C has made no mistake.
    stopped = isinstance(error, Interrupted)
    console.note(error.message if stopped else f"error: {error.message}")
    if error.hint:
        console.note(f"{'to go on' if stopped else 'hint'}: {error.hint}")
    return code


def _interrupted(console: Console, code: int) -> Interrupted:
    """A stop that nobody prepared for: what the last checkpoint holds is what there is."""
    run, signum = console.run, code - 128
    if run is None:
        return Interrupted("interrupted", signum=signum)
    with contextlib.suppress(OSError, SandboxError):
        if run.status == "killed":  # Says running, and nobody works on it: that was us.
            run.update(status="interrupted")
        if run.status == "finished":
            return Interrupted("interrupted; the run is finished", signum=signum)
    saved = any(run.checkpoints_dir.glob("step-*"))
    what = "the last checkpoint is intact" if saved else "there was no checkpoint yet, so it would start anew"
    return Interrupted(f"interrupted; {what}", f"{PROG} resume {run.relative()}", signum=signum)


def _refusal(console: Console, error: OSError) -> Refused:
    """A full disk, a read-only folder: one line that names the file, or the run if the system does not."""
    run = console.run.relative() if console.run is not None and console.run.path.exists() else None
    where = error.filename or run
    hint = "choose another --out"
    if error.errno in _FULL:
        hint = "free some space" + (f", then: {PROG} resume {run}" if run else "")
    elif run:
        hint = f"make it writable, then: {PROG} resume {run}"
    return Refused(f"{error.strerror or error}" + (f": {where}" if where else ""), hint=hint)


def _report_bug(console: Console, error: Exception) -> int:
    """Show the traceback, keep it in the run, and return 1."""
    import traceback

    text = "".join(traceback.format_exception(error))
    kept = ""
    run = console.run
    if run is not None:
        with contextlib.suppress(OSError):
            (run.path / "traceback.txt").write_text(text, encoding="utf-8")
            kept = f"; the traceback is in {run.relative() / 'traceback.txt'}"
        with contextlib.suppress(OSError, SandboxError):
            if run.status == "killed":  # Says running, and nobody works on it: that was us.
                run.update(status="failed")
    console.note(text.rstrip())
    message = f"{type(error).__name__}: {error}"
    place = _place_outside(error)
    whose = f"raised in {place}, which is not sandbox's" if place else "this is a bug in sandbox"
    return _report(console, SandboxError(message, hint=whose + kept))


def _place_outside(error: Exception) -> str | None:
    """Where a user's own code (an environment, say) raised the error; None where ours or a library's did."""
    import sysconfig
    import traceback

    house = Path(__file__).resolve().parents[1]
    ours = tuple(str(house / name) for name in ("sandbox", "agents", "envs", "generative"))
    installed = tuple(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib"))
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename.startswith(ours):
            return None
        if not frame.filename.startswith((*installed, "<")):
            return f"{frame.filename}, line {frame.lineno}"
    return None


if __name__ == "__main__":
    sys.exit(main())
