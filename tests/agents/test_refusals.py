"""A machine that refuses ends a run with one line and exit code 7, and harms nothing that was saved."""

from __future__ import annotations

import errno
import os
import resource
from pathlib import Path

import pytest

from sandbox.__main__ import main
from sandbox.core.metrics import MetricsWriter
from sandbox.core.run import Run
from tests.agents.run_folders import (
    PROCESSES,
    assert_same_run,
    ended,
    error_of,
    left_behind,
    lines_of,
    quick_ends,
    resume,
    start,
    train_words,
    wait_for,
)

Captured = pytest.CaptureFixture[str]
pytestmark = pytest.mark.usefixtures("short_evaluations")


def _on_a_small_disk(words: list[str], limit: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        quick_ends(patch)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        code = main(words)
    os._exit(code)


@pytest.mark.parametrize("limit", [1000, 3000, 5000])
def test_a_file_that_cannot_grow_ends_the_run_in_one_line(root: Path, limit: int) -> None:
    """A checkpoint or metrics.jsonl meets the limit; what was saved before stays good."""
    process = PROCESSES.Process(target=_on_a_small_disk, args=(train_words(root, "full"), limit))
    process.start()
    assert ended(process) == 7
    assert left_over(root / "full") == []
    if (root / "full").exists():
        assert Run(root / "full").status == "failed"
        assert resume(root, "full") == 0
        assert_same_run(root / "whole", root / "full")


def left_over(run: Path) -> list[Path]:
    """Half-written files."""
    return [path for path in run.rglob(".*") if path.name != ".lock"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
@pytest.mark.parametrize("call", ["checkpoint", "metrics", "run.json"])
def test_a_disk_that_refuses_is_one_line_and_harms_nothing(
    root: Path, stopped: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    before = left_behind(stopped)["checkpoints"]
    seams = {
        "checkpoint": "sandbox.nn.state_files._write_tensors",
        "run.json": "sandbox.core.run.write_atomically",
    }
    with monkeypatch.context() as patch:
        if call == "metrics":
            patch.setattr(MetricsWriter, "write", refuse)
        else:
            patch.setattr(seams[call], refuse)
        error = error_of(capsys, ["resume", str(stopped)], 7)
    assert error == f"{os.strerror(number)}: {stopped}"
    assert left_behind(stopped)["checkpoints"].items() >= before.items()
    assert left_over(stopped) == []
    assert resume(root, "stopped") == 0
    assert_same_run(root / "whole", stopped)


def _as_nobody(words: list[str]) -> None:
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    os._exit(main(words))


def test_a_folder_that_is_read_only(root: Path, stopped: Path, capfd: Captured) -> None:
    (root / "empty").mkdir()
    for folder in [root / "empty", stopped, *(path for path in stopped.rglob("*") if path.is_dir())]:
        folder.chmod(0o555)
    for path in [root, *root.parents][:3]:
        path.chmod(path.stat().st_mode | 0o555)
    before = {path: path.read_bytes() for path in stopped.rglob("*") if path.is_file()}
    for words in (["resume", str(stopped)], train_words(root / "empty", "new")):
        process = PROCESSES.Process(target=_as_nobody, args=(words,))
        process.start()
        assert ended(process) == 7
    assert {path: path.read_bytes() for path in stopped.rglob("*") if path.is_file()} == before
    stopped.chmod(0o755)


def test_two_processes_cannot_work_on_one_run(root: Path, capsys: Captured) -> None:
    log = root / "busy" / "metrics.jsonl"
    process = start(train_words(root, "busy", "CartPole-v1", "--steps", "1536"))
    wait_for(lambda: lines_of(log) >= 3, process)
    os.kill(process.pid, 19)  # SIGSTOP: it stays where it is while we try
    assert error_of(capsys, ["resume", str(root / "busy")], 7) == "run busy is still running"
    assert main(["runs", "remove", str(root / "busy"), "--yes"]) == 7
    os.kill(process.pid, 18)
    assert ended(process) == 0
    assert_same_run(root / "whole", root / "busy")


def test_of_two_that_resume_at_the_same_moment_one_is_refused(
    root: Path, stopped: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both saw the run unlocked; the lock itself decides."""
    monkeypatch.setattr(Run, "is_locked", lambda _: False)
    before = left_behind(stopped)
    with Run(stopped).lock():
        error = error_of(capsys, ["resume", str(stopped)], 7)
        assert error == f"run stopped is in use by process {os.getpid()}"
    assert left_behind(stopped) == before
    assert resume(root, "stopped") == 0
    assert_same_run(root / "whole", stopped)
