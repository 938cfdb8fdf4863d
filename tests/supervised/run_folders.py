"""Small runs of `train-classifier` for tests: made, stopped, resumed, and compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.__main__ import main
from sandbox.nn.transfer import FILE
from tests.agents import run_folders as agents_runs

CONFIG = """
data = "digits"
model = "{model}"
backbone = "tiny"
threads = 1
pictures = 60
keep_checkpoints = 99
[fit]
steps = 24
batch_size = 16
schedule = "cosine"
log_every = 3
eval_every = 6
"""
"""24 steps with four looks, a checkpoint at each"""


def train_words(root: Path, name: str, model: str = "backbone", *options: str) -> list[str]:
    """The command line of `train`."""
    config = root.parent / f"{root.name}-{model}.toml"
    config.write_text(CONFIG.format(model=model))
    words = ["train-classifier", "--config", str(config), "--out", str(root), "--name", name, "--quiet"]
    return [*words, *options]


def train(root: Path, name: str, model: str = "backbone", *options: str) -> int:
    """Train a small run `root/name` in this process; returns the exit code."""
    return main(train_words(root, name, model, *options))


def left_behind(run: Path) -> dict[str, Any]:
    """All that must not depend on interruptions."""
    weights = run / FILE
    return {
        **agents_runs.left_behind(run),
        "backbone": weights.read_bytes() if weights.exists() else None,
        "epochs": json.loads((run / "run.json").read_text()).get("epochs"),
    }


def assert_same_run(one: Path, other: Path) -> None:
    """`other`, which may have been stopped, left behind what `one` did.

    It may have more checkpoints, of the moments when it was stopped.
    """
    first, second = left_behind(one), left_behind(other)
    for name, files in first.pop("checkpoints").items():
        assert second["checkpoints"].get(name) == files, name
    for name, kept in first.items():
        assert second[name] == kept, name


def without_curves(patch: pytest.MonkeyPatch) -> None:
    """Draw no curve at the end of a run."""
    patch.setattr("sandbox.supervised.drawings.draw_curve", lambda run: None)


def answer(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> dict[str, Any]:
    """What a command prints with --json."""
    capsys.readouterr()
    assert main([*words, "--json"]) == code
    return json.loads(capsys.readouterr().out)
