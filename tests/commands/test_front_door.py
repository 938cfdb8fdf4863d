"""``python -m sandbox``: instant help, one line for every mistake, exit codes that mean something."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import sandbox
from sandbox.__main__ import main
from sandbox.core.errors import Diverged, Interrupted
from sandbox.core.plugins import COMMANDS, Command
from sandbox.core.runs import Run, create_run
from sandbox.ui.console import Console

Captured = pytest.CaptureFixture[str]


def python(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, **options)


@dataclass(frozen=True)
class Fails:
    """Fail in the way the test asks for.

    Examples:
        python -m sandbox fails
    """

    how: str = "fine"
    out: Path | None = None

    def run(self, console: Console) -> dict[str, Any] | None:
        print("a library talks to stdout")
        console.print("for people")
        if self.out is not None:
            console.run = create_run(self.out, "train-agent", "CartPole-v1", 0, "ppo", name="first")
        problem = {
            "full disk": OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "runs/x"),
            "read only": OSError(errno.EROFS, os.strerror(errno.EROFS), "runs/x"),
            "denied": PermissionError(errno.EACCES, os.strerror(errno.EACCES), "runs/x"),
            "worker died": BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE)),
            "bug": RuntimeError("ouch"),
            "ctrl-c": KeyboardInterrupt(),
            "nan": Diverged("the loss is NaN", hint="lower the learning rate", data={"checkpoint": "step-1"}),
            "saved": Interrupted("saved", hint="resume it", signum=signal.SIGTERM),
        }.get(self.how)
        if self.how == "sigterm":
            os.kill(os.getpid(), signal.SIGTERM)
        if problem is not None:
            raise problem
        return {"schema": "test/1", "value": 1}


@pytest.fixture(autouse=True)
def fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COMMANDS, "fails", Command(f"{__name__}:Fails", "fail", "more"))


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom sandbox.__main__ import main\nmain(['--help'])\n"
        "heavy = {'numpy', 'torch', 'tyro', 'rich', 'gymnasium', 'tomli_w'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    result = python("-c", code)
    assert result.returncode == 0, result.stderr
    for name in ("train-agent", "resume", "evaluate", "runs", "list", "bench"):
        assert f"\n  {name}" in result.stdout
    assert "python -m sandbox train-agent CartPole\n" in result.stdout


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = (
        "import sys, sandbox\nassert callable(sandbox.load_run)\n"
        "assert not {'numpy', 'torch', 'tyro', 'dataclasses'} & set(sys.modules)"
    )
    assert python("-c", code).returncode == 0


def test_alone_it_prints_its_help() -> None:
    assert python("-m", "sandbox").stdout == python("-m", "sandbox", "--help").stdout


def test_the_version_is_that_of_the_package(capsys: Captured) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"sandbox {sandbox.__version__}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_with_an_example(name: str, capsys: Captured) -> None:
    assert main([name, "--help"]) == 0
    out = capsys.readouterr().out
    assert f"usage: python -m sandbox {name}" in out
    assert f"examples:\n  python -m sandbox {name}" in out


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["trian-agent"], 2, "unknown command 'trian-agent': did you mean 'train-agent'?"),
        (["--frobnicate"], 2, "unknown option '--frobnicate': the command comes first"),
        (["fails", "--hwo", "x"], 2, "unknown option '--hwo': did you mean '--how'?"),
        (["fails", "--how"], 2, "--how needs a value"),
        (["fails", "--how", "nan"], 5, "the loss is NaN"),
        (["fails", "--how", "full disk"], 7, "No space left on device: runs/x"),
        (["fails", "--how", "read only"], 7, "Read-only file system: runs/x"),
        (["fails", "--how", "denied"], 7, "Permission denied: runs/x"),
        (["bench", "agnets"], 2, "unknown bench 'agnets': did you mean 'agents'?"),
        (["list", "evns"], 2, "unknown list 'evns': did you mean 'envs'?"),
    ],
)
def test_a_mistake_is_one_line_and_an_exit_code(
    words: list[str], code: int, message: str, capsys: Captured
) -> None:
    assert main(words) == code
    err = capsys.readouterr().err
    assert err.splitlines()[0] == f"error: {message}"
    assert "Traceback" not in err

    assert main([*words, "--json"]) == code
    answer = json.loads(capsys.readouterr().out)
    assert answer["error"] == message
    assert answer["code"] == code
    assert "hint" in answer


@pytest.mark.parametrize(
    ("how", "code", "message"),
    [("ctrl-c", 130, "interrupted"), ("sigterm", 143, "interrupted"), ("saved", 143, "saved")],
)
def test_a_stop_is_no_error_to_people_and_one_to_scripts(
    how: str, code: int, message: str, capsys: Captured
) -> None:
    assert main(["fails", "--how", how]) == code
    assert capsys.readouterr().err.splitlines()[0] == message

    assert main(["fails", "--how", how, "--json"]) == code
    answer = json.loads(capsys.readouterr().out)
    assert (answer["error"], answer["code"]) == (message, code)


def test_json_is_one_object_whatever_a_library_prints(capsys: Captured) -> None:
    assert main(["fails", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == {"schema": "test/1", "value": 1}
    assert err == "a library talks to stdout\n"
    assert main(["--json", "fails", "--how", "nan"]) == 5
    assert json.loads(capsys.readouterr().out)["checkpoint"] == "step-1"


def test_a_bug_is_exit_code_1_and_leaves_its_traceback_in_the_run(runs_root: Path, capsys: Captured) -> None:
    assert main(["fails", "--how", "bug", "--out", str(runs_root)]) == 1
    run = Run(runs_root / "first")
    assert "RuntimeError: ouch" in (run.path / "traceback.txt").read_text()
    assert run.status == "failed"
    err = capsys.readouterr().err
    assert "Traceback" in err
    # The command stands in this file, as somebody's environment would: the blame goes where it belongs.
    assert "error: RuntimeError: ouch\nhint: raised in " in err
    assert ", which is not sandbox's; the traceback is in" in err


def test_a_bug_of_ours_is_called_one(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    monkeypatch.setattr("sandbox.commands.runs.list_runs", None)
    assert main(["runs"]) == 1
    assert "hint: this is a bug in sandbox" in capsys.readouterr().err


def test_a_worker_that_dies_is_not_taken_for_a_reader_that_went_away(capsys: Captured) -> None:
    assert main(["fails", "--how", "worker died"]) == 1
    assert "BrokenPipeError" in capsys.readouterr().err


def test_an_interruption_nobody_prepared_for_says_how_to_go_on(runs_root: Path, capsys: Captured) -> None:
    assert main(["fails", "--how", "ctrl-c", "--out", str(runs_root)]) == 130
    assert f"to go on: python -m sandbox resume {runs_root / 'first'}" in capsys.readouterr().err


def test_sigterm_is_handed_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    main(["fails"])
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_stdout_is_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            [sys.executable, "-m", "sandbox", "runs"], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert result.returncode == 7
    assert result.stderr.splitlines()[0] == "error: No space left on device"
    assert len(result.stderr.splitlines()) == 2


def test_what_c_libraries_print_does_not_get_between_scripts_and_their_json() -> None:
    script = (
        "import ctypes, sys; from sandbox.commands.listing import List; from sandbox.__main__ import main\n"
        "library = ctypes.CDLL(None)\n"
        "List.run = lambda self, console: library.puts(b'noise') and {'schema': 'fake/1'}\n"
        "sys.exit(main(['list', '--json']))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {"schema": "fake/1"}
    assert "noise" in done.stderr
