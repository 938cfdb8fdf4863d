"""NaN ends a run with exit code 5, and the last good checkpoint is named."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from sandbox.__main__ import main
from sandbox.core.metrics import read_metrics
from sandbox.core.run import Run
from sandbox.nn.checkpoint import load_state
from tests.agents.run_folders import check_points, error_of, resume, train_words

Captured = pytest.CaptureFixture[str]
pytestmark = pytest.mark.usefixtures("short_evaluations")

MODULE = '''
import gymnasium as gym
import numpy as np
from gymnasium import spaces


class Spoiled(gym.Env):
    """After `after` steps of an instance, its observation or its reward is NaN or infinite."""

    def __init__(self, what="observation", value="nan", after=100, continuous=False):
        self.observation_space = spaces.Box(-np.inf, np.inf, (2,), np.float32)
        self.action_space = spaces.Box(-1, 1, (1,), np.float32) if continuous else spaces.Discrete(2)
        self.what, self.value, self.left = what, float(value), after

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return self._look(), {}

    def step(self, action):
        assert np.isfinite(action).all(), "an action that is no number reached the simulator"
        self.left -= 1
        self.steps += 1
        reward = self.value if self.left <= 0 and self.what == "reward" else 1.0
        return self._look(), reward, False, self.steps == 10, {}

    def _look(self):
        spoiled = self.left <= 0 and self.what == "observation"
        return np.full(2, self.value if spoiled else self.steps / 10, np.float32)


gym.register("Spoiled-v0", Spoiled, disable_env_checker=True)
'''


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "spoiled_env.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path / "runs"


@pytest.mark.parametrize("normalised", ["false", "true"])
@pytest.mark.parametrize("continuous", ["false", "true"])
@pytest.mark.parametrize(("what", "value"), [("observation", "nan"), ("reward", "nan"), ("reward", "inf")])
def test_an_environment_that_reports_nan(
    root: Path, capsys: Captured, what: str, value: str, continuous: str, normalised: str
) -> None:
    words = train_words(root, "spoiled", "CartPole-v1")
    words[1:1] = ["spoiled_env:Spoiled-v0", "--env-arg", f"what={what}", "--env-arg", f"value='{value}'"]
    words += ["--env-arg", f"continuous={continuous}", "--eval-every", "0", "--policy", "MlpPolicy"]
    words += ["--set", f"normalize_observation={normalised}", "--set", f"normalize_reward={normalised}"]
    error = error_of(capsys, words, 5)
    assert error.endswith("; the last good checkpoint is step-000000000256")
    assert " at step 4" in error or "the policy's actions" in error
    assert Run(root / "spoiled").status == "diverged"
    assert check_points(root / "spoiled") == ["step-000000000256"]
    load_state(root / "spoiled" / "checkpoints" / "step-000000000256")
    assert main([*words[:-1], words[-1], "--name", "again", "--json"]) == 5
    answer = json.loads(capsys.readouterr().out)
    assert answer["code"] == 5
    assert answer["checkpoint"] == "step-000000000256"


@pytest.mark.parametrize("distributional", ["false", "true"])
@pytest.mark.parametrize(("what", "value"), [("observation", "nan"), ("reward", "nan"), ("reward", "inf")])
def test_a_replay_that_holds_nan(
    root: Path, capsys: Captured, what: str, value: str, distributional: str
) -> None:
    words = train_words(root, "spoiled", "CartPole-v1", "--algo", "dqn")
    words[1:1] = ["spoiled_env:Spoiled-v0", "--env-arg", f"what={what}", "--env-arg", f"value='{value}'"]
    words += ["--env-arg", "after=70", "--eval-every", "0", "--set", f"distributional={distributional}"]
    error = error_of(capsys, words, 5)
    assert error.endswith("; the last good checkpoint is step-000000000256")
    assert Run(root / "spoiled").status == "diverged"
    assert check_points(root / "spoiled")[-1] == "step-000000000256"
    load_state(root / "spoiled" / "checkpoints" / "step-000000000256")


@pytest.mark.parametrize("env", ["CartPole-v1", "Pendulum-v1"])
@pytest.mark.parametrize("rate", ["1e30", "1e38"])
def test_an_absurd_learning_rate(root: Path, capsys: Captured, env: str, rate: str) -> None:
    error = error_of(capsys, train_words(root, "wild", env, "--set", f"learning_rate={rate}"), 5)
    assert error.endswith("; no checkpoint was written before")
    assert Run(root / "wild").status == "diverged"


def test_a_diverged_run_is_not_resumed_by_chance_and_diverges_again(root: Path, capsys: Captured) -> None:
    error_of(capsys, train_words(root, "wild", "CartPole-v1", "--set", "learning_rate=1e30"), 5)
    assert error_of(capsys, ["resume", "--out", str(root)], 4).startswith("no unfinished run")
    assert resume(root, "wild") == 5


def test_an_evaluation_that_is_nan_is_never_the_best(root: Path) -> None:
    """The loss stays finite: the agent just learned nothing that could be called better."""
    words = train_words(root, "spoiled", "CartPole-v1")
    words[1:1] = ["spoiled_env:Spoiled-v0", "--env-arg", "what=reward", "--env-arg", "after=100"]
    # An update takes two steps in each environment, and an evaluation ten: those are spoiled first.
    assert main([*words, "--set", "n_steps=2", "--steps", "160", "--eval-every", "8"]) == 0
    means = [
        line["eval/mean_reward"]
        for line in read_metrics(root / "spoiled" / "metrics.jsonl")
        if "eval/mean_reward" in line
    ]
    assert means[:9] == [10.0] * 9
    assert math.isnan(means[-1])
    info = Run(root / "spoiled").info
    assert info["best"] == 10.0
    assert info["evaluation"]["mean"] == 10.0
