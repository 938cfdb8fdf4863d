"""frames:ENV@RUN: what an agent of a run sees and does, as pictures with labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sandbox.__main__ import main
from sandbox.data.catalog import load
from sandbox.data.frames import playing
from sandbox.data.pictures import SPLITS

SMALL = {"train": 60, "validation": 20, "test": 20}


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(playing, "COUNTS", SMALL)
    monkeypatch.setattr("sandbox.data.frames.data_set.COUNTS", SMALL)
    monkeypatch.setenv("SANDBOX_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize(
    ("env", "options"),
    [
        ("Catch", []),  # pixels, made smaller by a wrapper
        ("CartPole", ["--envs", "4"]),  # features
        ("Rooms", []),  # with a memory
    ],
)
def test_a_run_plays_as_it_was_trained(
    env: str, options: list[str], runs_root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    words = ["train-agent", env, "--steps", "512", "--device", "cpu", "--name", "player", "--quiet", *options]
    assert main(words) == 0
    first = load(f"frames:{env}@player")
    assert first.shape == (3, 40, 40)
    assert first.name == f"frames:{env}@{runs_root.resolve() / 'player'}"
    assert all(len(first.split(split)) for split in SPLITS)
    monkeypatch.setenv("SANDBOX_CACHE", str(tmp_path / "another"))
    again = load(f"frames:{env}@player")
    for split in SPLITS:
        assert np.array_equal(again.split(split).images, first.split(split).images)
        assert torch.equal(again.split(split).labels, first.split(split).labels)
