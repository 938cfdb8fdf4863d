"""The same seed on the same machine is the same run, in any process; and it runs without growing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sandbox.core.metrics import MetricsWriter
from sandbox.core.run import Run
from tests.agents.run_folders import assert_same_run, left_behind, train, train_words

pytestmark = pytest.mark.usefixtures("short_evaluations")

MB = 2**20
NORMALISED = ("--set", "normalize_observation=true", "--set", "normalize_reward=true")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def test_two_processes_train_the_same_run(root: Path) -> None:
    """Even where Python's hashes, and with them the order of sets, are others."""
    repository = Path(__file__).parents[2]
    variables = {**os.environ, "PYTHONPATH": str(repository), "PYTHONHASHSEED": "12345"}
    words = train_words(root, "elsewhere", "Sandbox/CartPole-v0", *NORMALISED)
    subprocess.run([sys.executable, "-m", "sandbox", *words], env=variables, check=True, capture_output=True)
    assert train(root, "here", "Sandbox/CartPole-v0", *NORMALISED) == 0
    # The other process has the long last evaluation.
    here, elsewhere = left_behind(root / "here"), left_behind(root / "elsewhere")
    for kept in ("metrics", "checkpoints", "best"):
        assert here[kept] == elsewhere[kept]


@pytest.mark.parametrize("env", ["CartPole-v1", "Pendulum-v1"])
def test_worker_processes_train_the_same_run(root: Path, env: str) -> None:
    assert train(root, "sync", env) == 0
    assert train(root, "async", env, "--vec", "async") == 0
    assert_same_run(root / "sync", root / "async")


def test_another_seed_is_another_run(root: Path) -> None:
    assert train(root, "one", "CartPole-v1", "--seed", "1") == 0
    assert train(root, "two", "CartPole-v1", "--seed", "2") == 0
    one, two = left_behind(root / "one"), left_behind(root / "two")
    assert one["metrics"] != two["metrics"]
    assert one["checkpoints"] != two["checkpoints"]


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc/self/statm")
def test_a_long_run_does_not_grow(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """300 000 steps with evaluations, checkpoints and a log; the first half warms the allocators up."""
    resident: dict[int, int] = {}
    original = MetricsWriter.write

    def write(self: MetricsWriter, step: int, values: Any) -> None:
        original(self, step, values)
        resident[step] = _resident_bytes()

    monkeypatch.setattr(MetricsWriter, "write", write)
    options = ["--steps", "300k", "--envs", "64", "--set", "n_steps=32", "--set", "batch_size=1024"]
    options += ["--eval-every", "20k", "--checkpoint-every", "20k", "--keep-checkpoints", "2"]
    assert train(root, "long", "Sandbox/CartPole-v0", *options) == 0
    assert Run(root / "long").info["steps"] >= 300_000
    before = max(size for step, size in resident.items() if step <= 150_000)
    after = max(size for step, size in resident.items() if step > 150_000)
    assert after - before < 8 * MB


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
