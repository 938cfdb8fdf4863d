"""A classifier's run that is stopped, however that happens, ends with the bytes of one that never was."""

from __future__ import annotations

import os
import random
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sandbox.__main__ import main
from sandbox.core.run import Run
from sandbox.nn.transfer import FILE
from tests.agents.run_folders import (
    at_metric_line,
    check_points,
    ended,
    error_of,
    lines_of,
    press_ctrl_c,
    press_ctrl_c_twice,
    resume,
    start,
    wait_for,
)
from tests.supervised.run_folders import assert_same_run, train, train_words, without_curves

Captured = pytest.CaptureFixture[str]

AVERAGED, PLAIN = ("--set", "ema_decay=0.9"), ("--set", "ema_decay=0")
KINDS = [
    ("backbone", (*AVERAGED, "--augment")),
    ("backbone", PLAIN),
    ("cnn", (*PLAIN, "--augment")),  # with dropout and batch norm
    ("cnn", AVERAGED),
]
SLOW = ("--set", "steps=3000")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    without_curves(monkeypatch)
    return tmp_path / "runs"


@pytest.mark.parametrize(("model", "options"), KINDS)
def test_stopped_twice_and_resumed_is_never_stopped(
    root: Path, model: str, options: tuple[str, ...], capsys: Captured
) -> None:
    assert train(root, "whole", model, *options) == 0
    with at_metric_line(4, press_ctrl_c):
        assert train(root, "stopped", model, *options) == 130
    assert Run(root / "stopped").status == "interrupted"
    with at_metric_line(3, press_ctrl_c):
        assert resume(root, "stopped") == 130
    with at_metric_line(3, press_ctrl_c_twice):
        assert resume(root, "stopped") == 130
    capsys.readouterr()
    assert resume(root, "stopped") == 0
    shown = capsys.readouterr().err
    assert "continuing at step" in shown
    assert "differs from an uninterrupted one" not in shown
    assert_same_run(root / "whole", root / "stopped")


@pytest.mark.parametrize("line", [2, 6])
def test_a_fine_tuned_run_may_stop_with_its_backbone_frozen_or_not(root: Path, line: int) -> None:
    """Of 24 steps, 7 are with a frozen backbone; there is a line every three steps, and a look every six."""
    assert train(root, "parent") == 0
    options = ("--init-from", str(root / "parent"), "--fine-tune", "--balanced", "--mixup", "0.3")
    assert train(root, "whole", "backbone", *options) == 0
    with at_metric_line(line, press_ctrl_c):
        assert train(root, "stopped", "backbone", *options) == 130
    assert resume(root, "stopped") == 0
    assert_same_run(root / "whole", root / "stopped")


@pytest.mark.parametrize(("model", "options"), KINDS[::2])
def test_kill_9_between_any_two_changes_of_a_file(
    root: Path, tmp_path: Path, model: str, options: tuple[str, ...]
) -> None:
    """Several times in a row: before a rename, in the middle of a checkpoint, before the best is marked.

    Only before its config is written, at the twelfth change at the latest, is there nothing to resume.
    """
    words = train_words(root, "whole", model, *options)
    assert ended(start(words, events=tmp_path / "events")) == 0
    moments = random.Random(f"{model} {options}")
    events = int((tmp_path / "events").read_text())
    words = train_words(root, "killed", model, *options)
    for _ in range(4):
        assert ended(start(words, kill_at=moments.randint(12, events // 2))) in (-signal.SIGKILL, 0)
        words = ["resume", str(root / "killed"), "--quiet"]
        if Run(root / "killed").status == "finished":
            break
    else:
        assert ended(start(words)) == 0
    assert_same_run(root / "whole", root / "killed")


def test_signals_through_the_front_door(root: Path, tmp_path: Path) -> None:
    """SIGTERM to a process of its own; then the command that it printed, which Ctrl-C stops; then again."""
    words = train_words(root, "stopped", "linear", *SLOW)
    log = root / "stopped" / "metrics.jsonl"
    for signum, code, lines in ((signal.SIGTERM, 143, 20), (signal.SIGINT, 130, 300)):
        process = sandbox(words, tmp_path)
        while lines_of(log) < lines and process.poll() is None:
            time.sleep(0.002)
        process.send_signal(signum)
        _, err = process.communicate(timeout=120)
        assert process.returncode == code, err
        said = [line for line in err.splitlines() if not line.startswith("continuing")]
        assert said[0] == "stopping: this update is finished and saved first (once more stops at once)"
        assert said[1].startswith("stopped at step ")
        assert said[1].endswith("; the run is saved")
        assert said[2] in (
            f"to go on: python -m sandbox resume {name}" for name in ("stopped", "runs/stopped")
        )
        assert Run(root / "stopped").status == "interrupted"
        words = [*shlex.split(said[2])[6:], "--quiet"]
    process = sandbox(words, tmp_path)
    assert process.wait(120) == 0
    assert ended(start(train_words(root, "whole", "linear", *SLOW))) == 0
    assert_same_run(root / "whole", root / "stopped")


def sandbox(words: list[str], cwd: Path) -> subprocess.Popen[str]:
    path = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-m", "sandbox", *words],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_kill_9_at_random_times(root: Path) -> None:
    assert ended(start(train_words(root, "whole", "cnn", "--set", "steps=120"))) == 0
    moments, log = random.Random(7), root / "killed" / "metrics.jsonl"
    words = train_words(root, "killed", "cnn", "--set", "steps=120")
    for _ in range(3):
        process, lines = start(words), moments.randint(1, 50)
        wait_for(lambda lines=lines: lines_of(log) >= lines, process)
        time.sleep(moments.random() / 50)
        process.kill()
        assert ended(process) in (-signal.SIGKILL, 0)
        words = ["resume", str(root / "killed"), "--quiet"]
    if Run(root / "killed").status != "finished":
        assert ended(start(words)) == 0
    assert_same_run(root / "whole", root / "killed")


def test_an_early_stop_stays_one_when_the_last_evaluation_never_came(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--set", "patience=2", "--set", "eval_every=3", "--set", "steps=3000")
    assert train(root, "whole", "linear", *options) == 0
    end = Run(root / "whole").info["steps"]
    assert end < 3000

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("sandbox.supervised.training.measure", dies)
        assert train(root, "stopped", "linear", *options) == 130
    assert Run(root / "stopped").status == "interrupted"
    with monkeypatch.context() as patch:
        patch.setattr("sandbox.nn.fit.Training.update", dies)  # nothing is trained any more
        assert resume(root, "stopped") == 0
    assert_same_run(root / "whole", root / "stopped")


def test_a_run_that_is_stopped_before_its_first_checkpoint_starts_anew(root: Path, capsys: Captured) -> None:
    assert train(root, "whole") == 0
    with at_metric_line(1, press_ctrl_c_twice):
        assert train(root, "stopped") == 130
    assert check_points(root / "stopped") == []
    assert resume(root, "stopped") == 0
    assert "there is no checkpoint yet: starting anew, with the same seed" in capsys.readouterr().err
    assert_same_run(root / "whole", root / "stopped")


def test_the_parent_of_a_run_is_not_needed_any_more_once_it_has_a_checkpoint(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does "latest" mean another run than it did."""
    monkeypatch.setenv("SANDBOX_RUNS", str(root))
    assert train(root, "parent") == 0
    for name in ("whole", "stopped", "anew"):
        for other in ("whole", "stopped"):
            if (root / other).exists():
                (root / other).rename(root.parent / other)  # the latest is the parent again
        line = {"whole": 99, "stopped": 4, "anew": 1}[name]
        with at_metric_line(line, press_ctrl_c if name == "stopped" else press_ctrl_c_twice):
            assert train(root, name, "backbone", "--init-from", "latest") == (0 if name == "whole" else 130)
    for name in ("whole", "stopped"):
        (root.parent / name).rename(root / name)
    assert Run(root / "whole").info["parent"] == "parent"
    assert resume(root, "anew") == 0
    assert_same_run(root / "whole", root / "anew")
    (root / "parent" / FILE).unlink()
    assert resume(root, "stopped") == 0
    assert_same_run(root / "whole", root / "stopped")


def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(root: Path, capsys: Captured) -> None:
    assert train(root, "whole") == 0
    with at_metric_line(10, press_ctrl_c_twice):
        assert train(root, "stopped") == 130
    last = root / "stopped" / "checkpoints" / check_points(root / "stopped")[-1]
    (last / "state.json").write_text("{")
    assert resume(root, "stopped") == 0
    assert f"warning: {last}" in capsys.readouterr().err
    assert_same_run(root / "whole", root / "stopped")

    last = root / "stopped" / "checkpoints" / check_points(root / "stopped")[-1]
    (last / "state.json").write_text("{")
    capsys.readouterr()
    assert main(["evaluate", str(root / "stopped"), "--checkpoint", "last"]) == 0
    assert f"warning: {last}" in capsys.readouterr().err


def test_a_finished_run_has_nothing_left_to_resume(root: Path, capsys: Captured) -> None:
    assert train(root, "whole", "linear") == 0
    error = error_of(capsys, ["resume", str(root / "whole")], 2)
    assert error == "run whole is finished, at 24 steps: nothing is left to resume"


def test_a_checkpoint_that_does_not_fit_the_config_is_one_line(root: Path, capsys: Captured) -> None:
    with at_metric_line(4, press_ctrl_c):
        assert train(root, "stopped", "linear") == 130
    config = root / "stopped" / "config.toml"
    config.write_text(config.read_text().replace('model = "linear"', 'model = "mlp"'))
    assert "does not fit" in error_of(capsys, ["resume", str(root / "stopped")], 4)
    assert "does not fit" in error_of(capsys, ["evaluate", str(root / "stopped")], 4)


def test_a_loss_that_is_no_number_ends_the_run_with_code_5(root: Path, capsys: Captured) -> None:
    options = ("--set", "learning_rate=1e30", "--set", "optimizer=sgd", "--set", "schedule=constant")
    error = error_of(capsys, train_words(root, "wild", "mlp", *options), 5)
    assert error.endswith("; no checkpoint was written before")
    assert Run(root / "wild").status == "diverged"
    assert error_of(capsys, ["resume", "--out", str(root)], 4).startswith("no unfinished run")
