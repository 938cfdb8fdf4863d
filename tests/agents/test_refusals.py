"""A machine that refuses ends a run with one line and exit code 7, and harms nothing that was saved."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.__main__ import main
from sandbox.core.metrics import MetricsWriter
from sandbox.core.run import Run
from tests.agents.run_folders import (
    PROCESSES,
    SLOW,
    assert_same_run,
    ended,
    error_of,
    left_behind,
    lines_of,
    quick_ends,
    resume,
    start,
    train,
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


def _as_nobody(words: list[str], warm_up: list[str], said: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        quick_ends(patch)
        main(warm_up)  # imports everything: nobody may not be allowed to read this repository
        with said.open("w") as file:
            patch.setattr("sys.stderr", file)
            if os.getuid() == 0:  # root writes wherever it likes
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            code = main(words)
    os._exit(code)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may look into, unlike pytest's."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.parametrize("command", ["resume", "train-agent"])
def test_a_folder_that_is_read_only(root: Path, open_folder: Path, tmp_path: Path, command: str) -> None:
    runs = shutil.copytree(root, open_folder / "runs")
    new = train_words(root, "warm-up")
    resumed = ["resume", str(runs / "stopped")]
    words = resumed if command == "resume" else ["train-agent", "CartPole-v1", "--out", str(runs)]
    files = {path: path.read_bytes() for path in runs.rglob("*") if path.is_file()}
    folders = [runs, *(path for path in runs.rglob("*") if path.is_dir())]
    for path in [*folders, *files]:
        path.chmod(0o555 if path in folders else 0o444)
    process = PROCESSES.Process(target=_as_nobody, args=(words, new, tmp_path / "said"))
    process.start()
    code = ended(process)
    for folder in folders:
        folder.chmod(0o755)
    said = (tmp_path / "said").read_text()
    assert code == 7, said
    assert "Permission denied" in said
    assert str(runs) in said
    assert len(said.splitlines()) == 2, said
    assert {path: path.read_bytes() for path in runs.rglob("*") if path.is_file()} == files


def test_two_processes_cannot_work_on_one_run(root: Path, capsys: Captured) -> None:
    log = root / "busy" / "metrics.jsonl"
    assert train(root, "alone", "CartPole-v1", *SLOW) == 0
    process = start(train_words(root, "busy", "CartPole-v1", *SLOW))
    wait_for(lambda: lines_of(log) >= 3, process)
    os.kill(process.pid, signal.SIGSTOP)  # it stays where it is while we try
    assert error_of(capsys, ["resume", str(root / "busy")], 7) == "run busy is still running"
    assert main(["runs", "remove", str(root / "busy"), "--yes"]) == 7
    os.kill(process.pid, signal.SIGCONT)
    assert ended(process) == 0
    assert_same_run(root / "alone", root / "busy")


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
