"""Ctrl-C and SIGTERM: the first one asks to save, the second one orders to stop."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sandbox.core.run import Run
from tests.agents.run_folders import (
    SLOW,
    assert_same_run,
    at_metric_line,
    check_points,
    ended,
    left_behind,
    lines_of,
    resume,
    start,
    train,
    train_words,
    wait_for,
)

pytestmark = pytest.mark.usefixtures("short_evaluations")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def _sandbox(words: list[str], cwd: Path) -> subprocess.Popen[str]:
    path = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-m", "sandbox", *words],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_ctrl_c_saves_and_the_command_it_prints_goes_on(root: Path, tmp_path: Path) -> None:
    words = train_words(root, "stopped", "CartPole-v1", *SLOW)
    process = _sandbox(words, tmp_path)
    while lines_of(root / "stopped" / "metrics.jsonl") < 5 and process.poll() is None:
        time.sleep(0.002)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130, err
    said = err.splitlines()
    assert said[0] == "stopping: this update is finished and saved first (once more stops at once)"
    assert said[1].startswith("stopped at step ")
    assert said[2] == "to go on: python -m sandbox resume runs/stopped"
    assert len(said) == 3

    go_on = _sandbox([*shlex.split(said[2])[6:], "--json"], tmp_path)
    out, err = go_on.communicate()
    assert go_on.returncode == 0, err
    assert '"schema"' in out
    assert train(root, "whole", "CartPole-v1", *SLOW) == 0
    assert Run(root / "stopped").status == "finished"
    one, other = left_behind(root / "whole"), left_behind(root / "stopped")
    assert one["checkpoints"].items() <= other["checkpoints"].items()
    assert one["metrics"] == other["metrics"]


@pytest.mark.parametrize(
    ("signum", "code", "options"),
    [(signal.SIGINT, 130, ()), (signal.SIGTERM, 143, ()), (signal.SIGINT, 130, ("--vec", "async"))],
)
def test_a_signal_asks_and_a_second_one_orders(
    root: Path, signum: int, code: int, options: tuple[str, ...]
) -> None:
    options = (*options, *SLOW)
    assert train(root, "whole", "CartPole-v1", *options) == 0
    log = root / "stopped" / "metrics.jsonl"
    process = start(train_words(root, "stopped", "CartPole-v1", *options))
    wait_for(lambda: lines_of(log) >= 8, process)
    os.kill(process.pid, signum)
    assert ended(process) == code
    assert Run(root / "stopped").status == "interrupted"
    saved = check_points(root / "stopped")

    def order() -> None:
        signal.raise_signal(signum)
        signal.raise_signal(signum)

    with at_metric_line(2, order):
        assert resume(root, "stopped") == code
    assert check_points(root / "stopped") == saved
    assert Run(root / "stopped").status == "interrupted"
    assert resume(root, "stopped") == 0
    assert_same_run(root / "whole", root / "stopped")
