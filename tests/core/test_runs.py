"""Run folders: made once, found by what one types, honest about their state."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from sandbox.core.errors import Refused, RunBroken, RunLocked, RunNotFound, UsageError
from sandbox.core.runs import Run, create_run, find_run, latest_unfinished, list_runs


def make(root: Path, name: str | None = None, **info: Any) -> Run:
    return create_run(root, "train-agent", "CartPole-v1", 0, "ppo", name=name, **info)


def test_a_new_run_says_what_it_is(runs_root: Path) -> None:
    run = create_run(runs_root, "train-agent", "ALE/Pong-v5", 3, "ppo", parent="first", algo="ppo")
    assert run.path.parent == runs_root
    assert "-train-agent-ALE-Pong-v5-s3-" in run.name
    info = run.info
    assert info["subject"] == "ALE/Pong-v5"
    assert (info["kind"], info["seed"], info["steps"], info["best"]) == ("ppo", 3, 0, None)
    assert (info["parent"], info["algo"]) == ("first", "ppo")


def test_the_environment_variable_names_the_folder_of_all_runs(runs_root: Path) -> None:
    run = create_run(None, "train-agent", "CartPole-v1", 0, "ppo")
    assert run.path.parent == runs_root
    assert [found.name for found in list_runs()] == [run.name]


def test_nothing_is_ever_overwritten(runs_root: Path) -> None:
    run = make(runs_root, name="first")
    before = (run.path / "run.json").read_bytes()
    with pytest.raises(UsageError, match="exists already"):
        make(runs_root, name="first")
    assert (run.path / "run.json").read_bytes() == before


@pytest.mark.parametrize(
    "name", ["", "..", "a/b", "-x", ".hidden", "latest", "x" * 300, "new\nline", "/tmp/x"]
)
def test_a_name_that_is_none_for_a_folder_is_refused(runs_root: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name of a run"):
        make(runs_root, name=name)


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    with pytest.raises(Refused, match="cannot write to"):
        make(blocked / "runs")

    def read_only(self: Path, *arguments: object, **options: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(self))

    monkeypatch.setattr(Path, "mkdir", read_only)
    with pytest.raises(Refused, match="Read-only file system"):
        make(tmp_path / "runs")


def test_changes_are_kept(runs_root: Path) -> None:
    run = make(runs_root)
    run.update(status="finished", steps=4096, best={"score": 475.0})
    assert Run(run.path).info["best"] == {"score": 475.0}
    assert run.status == "finished"


def test_a_run_is_running_while_it_is_locked_and_killed_when_nobody_holds_it(runs_root: Path) -> None:
    run = make(runs_root)
    assert run.status == "killed"
    with run.lock():
        assert run.status == "running"
        with pytest.raises(RunLocked, match=f"in use by process {os.getpid()}"), Run(run.path).lock():
            pass
    assert not run.is_locked()
    with run.lock():
        pass


@pytest.mark.parametrize("forks", [False, True], ids=["alone", "with a forked worker"])
def test_kill_9_frees_the_lock(runs_root: Path, forks: bool) -> None:
    run = make(runs_root)
    worker = "if os.fork() == 0:\n    os.write(1, b'worker %d\\n' % os.getpid()); time.sleep(60)\n"
    code = (
        "from sandbox.core.runs import Run\nimport os, time\n"
        f"lock = Run({str(run.path)!r}).lock()\nlock.__enter__()\n"
        + (worker if forks else "")
        + "os.write(1, b'locked\\n')\ntime.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said = [process.stdout.readline().split() for _ in range(1 + forks)]
    assert run.status == "running"
    process.kill()
    process.wait()
    try:
        for _ in range(100):
            if not run.is_locked():
                break
            time.sleep(0.02)
        assert run.status == "killed"
        with run.lock():
            pass
    finally:
        for words in said:
            if words[0] == "worker":
                os.kill(int(words[1]), 9)
        process.stdout.close()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "is missing"),
        ("{", "not valid JSON"),
        ("[]", "not a JSON object"),
        ("[" * 100_000, "not valid JSON"),
        ("\udcff", "not valid JSON"),
        ('{"schema": "sandbox.run/1"}', "it lacks kind, what, subject, seed, status, created"),
    ],
)
def test_a_damaged_run_json_is_named(runs_root: Path, text: str | None, words: str) -> None:
    run = make(runs_root, name="first")
    run.checkpoints_dir.mkdir()
    if text is None:
        (run.path / "run.json").unlink()
    else:
        (run.path / "run.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(RunBroken, match=words) as caught:
        find_run("first", runs_root)
    assert str(run.path / "run.json") in caught.value.message
    assert run.status == "broken"
    assert [found.name for found in list_runs(runs_root)] == ["first"]


def test_a_run_of_a_newer_version_is_refused(runs_root: Path) -> None:
    run = make(runs_root)
    info = json.loads((run.path / "run.json").read_text()) | {"schema": "sandbox.run/9"}
    (run.path / "run.json").write_text(json.dumps(info))
    with pytest.raises(RunBroken, match=r"sandbox\.run/9"):
        run.info  # noqa: B018


def test_a_run_is_found_by_name_beginning_path_and_latest(runs_root: Path, tmp_path: Path) -> None:
    first = make(runs_root, name="alpha-1", created="2026-01-01T00:00:00+00:00")
    second = make(runs_root, name="beta-1", created="2026-01-02T00:00:00+00:00")
    for text in ("alpha-1", "al", str(first.path)):
        assert find_run(text, runs_root).name == first.name
    assert find_run("latest", runs_root).name == second.name
    assert find_run(str(first.path), tmp_path / "elsewhere").name == first.name
    (second.path / "run.json").write_text("{")
    assert find_run("latest", runs_root).name == first.name


def test_a_whole_name_wins_over_longer_ones(runs_root: Path) -> None:
    make(runs_root, name="run-10")
    make(runs_root, name="run-1")
    assert find_run("run-1", runs_root).name == "run-1"
    with pytest.raises(UsageError, match=r"2 runs begin with 'run': run-10?, run-10?"):
        find_run("run", runs_root)


def test_an_unknown_run_gets_a_suggestion(runs_root: Path) -> None:
    make(runs_root, name="20260131-train-agent-CartPole")
    with pytest.raises(RunNotFound, match="did you mean '20260131-train-agent-CartPole'") as caught:
        find_run("cart", runs_root)
    assert caught.value.hint == "python -m sandbox runs"
    with pytest.raises(RunNotFound, match="there are no runs"):
        find_run("latest", runs_root / "empty")
    with pytest.raises(UsageError):
        find_run("", runs_root)


def test_the_latest_unfinished_run_is_one_that_can_go_on(runs_root: Path) -> None:
    make(runs_root, name="a", created="2026-01-01T00:00:00+00:00").update(status="interrupted")
    make(runs_root, name="b", created="2026-01-02T00:00:00+00:00").update(status="finished")
    with pytest.raises(RunNotFound, match="no unfinished run"):
        latest_unfinished(runs_root / "none")
    assert latest_unfinished(runs_root).name == "a"
    killed = make(runs_root, name="c", created="2026-01-03T00:00:00+00:00")
    assert latest_unfinished(runs_root).name == "c"
    with killed.lock():
        assert latest_unfinished(runs_root).name == "a"


def test_a_path_is_shown_as_one_would_type_it(runs_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make(runs_root, name="first")
    monkeypatch.chdir(runs_root.parent)
    assert str(run.relative()) == "runs/first"
    monkeypatch.chdir("/")
    assert run.relative().is_absolute() or str(run.relative()).endswith("runs/first")
