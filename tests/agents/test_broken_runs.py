"""What is damaged is named in one line, the good before it is used, and nothing else is harmed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox.__main__ import main
from sandbox.core.run import REQUIRED_KEYS
from tests.agents.run_folders import (
    assert_same_run,
    check_points,
    error_of,
    left_behind,
    resume,
    train,
)

Captured = pytest.CaptureFixture[str]


pytestmark = pytest.mark.usefixtures("short_evaluations")


def truncate(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0x10
    file.write_bytes(content)


def empty(file: Path) -> None:
    file.write_bytes(b"")


def remove(file: Path) -> None:
    file.unlink()


# Checkpoints


@pytest.mark.parametrize("damage", [truncate, flip, empty, remove])
@pytest.mark.parametrize("file", ["state.json", "tensors.safetensors", "checksums.json"])
def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(
    root: Path, stopped: Path, capsys: Captured, file: str, damage: Callable[[Path], None]
) -> None:
    last, before = check_points(stopped)[-1], check_points(stopped)[-2]
    damage(stopped / "checkpoints" / last / file)
    assert resume(root, "stopped") == 0
    err = capsys.readouterr().err
    assert f"warning: {stopped / 'checkpoints' / last}" in err
    assert f"continuing at step {int(before[5:])}" in err
    assert_same_run(root / "whole", stopped)


def test_when_no_checkpoint_is_left_there_is_one_line(root: Path, stopped: Path, capsys: Captured) -> None:
    for name in check_points(stopped):
        truncate(stopped / "checkpoints" / name / "tensors.safetensors")
    metrics = (stopped / "metrics.jsonl").read_bytes()
    for words in (
        ["resume", str(stopped)],
        ["evaluate", str(stopped)],
        ["evaluate", str(stopped), "--checkpoint", "last"],
    ):
        assert str(stopped / "checkpoints") in error_of(capsys, words, 4)
    assert (stopped / "metrics.jsonl").read_bytes() == metrics

    shutil.rmtree(stopped / "checkpoints")
    assert main(["resume", str(stopped)]) == 4
    err = capsys.readouterr().err
    assert f"warning: {stopped / 'checkpoints'}" in err
    assert "hint: start it again: python -m sandbox train-agent --config" in err
    assert (stopped / "metrics.jsonl").read_bytes() == metrics


def test_evaluate_says_when_the_last_checkpoint_is_another(stopped: Path, capsys: Captured) -> None:
    last, before = check_points(stopped)[-1], check_points(stopped)[-2]
    flip(stopped / "checkpoints" / last / "state.json")
    assert main(["evaluate", str(stopped), "--checkpoint", "last", "--episodes", "2", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["steps"] == int(before[5:])
    assert f"warning: {stopped / 'checkpoints' / last}" in err


def test_a_damaged_best_checkpoint_does_not_cost_the_end_of_a_run(
    root: Path, stopped: Path, capsys: Captured
) -> None:
    best = (stopped / "BEST").read_text().strip()
    assert best != check_points(stopped)[-1]
    flip(stopped / "checkpoints" / best / "tensors.safetensors")
    config = stopped / "config.toml"
    config.write_text(config.read_text().replace("eval_every = 256", "eval_every = 0"))
    assert resume(root, "stopped") == 0
    assert "evaluating the last weights instead of the best" in capsys.readouterr().err
    assert best in error_of(capsys, ["evaluate", str(stopped)], 4)
    assert main(["evaluate", str(stopped), "--checkpoint", "last"]) == 0


@pytest.mark.parametrize(("keep", "expected"), [("1", 1), ("2", 2)])
def test_as_many_checkpoints_are_kept_as_asked_for_and_the_best(
    tmp_path: Path, keep: str, expected: int
) -> None:
    root = tmp_path / "runs"
    assert train(root, "few", "CartPole-v1", "--keep-checkpoints", keep) == 0
    best = (root / "few" / "BEST").read_text().strip()
    names = check_points(root / "few")
    assert best in names
    assert names[-1] == "step-000000001536"
    assert len(set(names) - {best}) in (expected - 1, expected)


# The run's other files


def bad_json(file: Path) -> None:
    file.write_text("{not json")


def binary(file: Path) -> None:
    file.write_bytes(bytes(range(256)))


def a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize("damage", [remove, empty, bad_json, binary, a_folder])
@pytest.mark.parametrize("file", ["run.json", "config.toml"])
def test_a_missing_or_damaged_file_is_named(
    stopped: Path, capsys: Captured, file: str, damage: Callable[[Path], None]
) -> None:
    damage(stopped / file)
    for command in (["evaluate"], ["resume"]):
        assert str(stopped / file) in error_of(capsys, [*command, str(stopped)], 4)
    if file == "run.json":
        assert main(["runs", "list", "--out", str(stopped.parent), "--json"]) == 0
        listed = {run["name"]: run for run in json.loads(capsys.readouterr().out)["runs"]}
        assert listed["stopped"]["status"] == "broken"
        assert listed["whole"]["status"] == "finished"


@pytest.mark.parametrize("value", [None, 5, "?", [], {}, True, 1e400])
@pytest.mark.parametrize("key", [*REQUIRED_KEYS, "train_seconds", "steps", "best", "evaluation"])
def test_no_value_in_run_json_makes_a_command_crash(
    stopped: Path, capsys: Captured, key: str, value: Any
) -> None:
    info = json.loads((stopped / "run.json").read_text()) | {key: value}
    (stopped / "run.json").write_text(json.dumps(info))
    for words in (["runs", "list", "--out", str(stopped.parent)], ["runs", "show", str(stopped)]):
        assert main(words) in (0, 4)
    if key in ("kind", "schema"):
        for words in (["evaluate", str(stopped)], ["resume", str(stopped)]):
            assert main(words) in (2, 4)
    capsys.readouterr()


@pytest.mark.parametrize("value", [None, "?", [], True])
@pytest.mark.parametrize("key", ["train_seconds", "steps", "best", "status", "created", "seed"])
def test_what_run_json_says_of_the_past_does_not_matter_to_resume(
    root: Path, stopped: Path, key: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.training.AgentSession.after_update", lambda *_: False)
    info = json.loads((stopped / "run.json").read_text()) | {key: value}
    (stopped / "run.json").write_text(json.dumps(info))
    assert resume(root, "stopped") == 0


def test_a_key_of_the_config_is_named_with_its_line(stopped: Path, capsys: Captured) -> None:
    config = stopped / "config.toml"
    lines = config.read_text().splitlines()
    number = next(index for index, line in enumerate(lines) if line.startswith("steps = "))
    for wrong, message in (('steps = "many"', "steps"), ("stepz = 5", "stepz")):
        lines[number] = wrong
        config.write_text("\n".join(lines))
        error = error_of(capsys, ["evaluate", str(stopped)], 4)
        assert message in error
        assert f"{config}, line {number + 1}" in error


def test_a_config_that_does_not_fit_the_checkpoint_is_one_line(stopped: Path, capsys: Captured) -> None:
    config = stopped / "config.toml"
    text = config.read_text()
    config.write_text(text.replace("[\n    8,\n]", "[16]"))
    assert config.read_text() != text
    for command in ("evaluate", "resume"):
        assert "does not fit this agent" in error_of(capsys, [command, str(stopped)], 4)
    config.write_text(text.replace("normalize_reward = false", "normalize_reward = true"))
    assert "does not fit this agent" in error_of(capsys, ["resume", str(stopped)], 4)


def test_lines_after_the_checkpoint_are_cut_off_and_so_is_a_torn_one(root: Path, stopped: Path) -> None:
    metrics = stopped / "metrics.jsonl"
    last = int(check_points(stopped)[-1][5:])
    with metrics.open("a") as file:
        file.write(json.dumps({"step": last + 64, "train/loss": 1.0}) + "\n" + '{"step": 9999, "train/lo')
    assert resume(root, "stopped") == 0
    assert_same_run(root / "whole", stopped)


def test_metrics_that_are_missing_or_damaged(root: Path, stopped: Path, capsys: Captured) -> None:
    metrics = stopped / "metrics.jsonl"
    text = metrics.read_text()
    metrics.write_text("{torn in the middle\n" + text)
    assert f"{metrics}: line 1 is damaged" in error_of(capsys, ["resume", str(stopped)], 4)
    assert main(["evaluate", str(stopped), "--episodes", "2"]) == 0
    metrics.unlink()
    assert resume(root, "stopped") == 0
    whole = left_behind(root / "whole")
    rest = left_behind(stopped)
    assert rest["metrics"] == whole["metrics"][-len(rest["metrics"]) :]
    assert rest["result"] == whole["result"]
