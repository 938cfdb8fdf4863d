"""`--algo dqn` on the command line: trained, looked at, gone on with, and refused in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from agents import DQN
from agents.actors import PolicyActor
from agents.build import build_agent
from agents.config import AgentConfig
from agents.resolve import resolve_config
from sandbox import load_run
from sandbox.__main__ import main
from sandbox.core.config import load_toml
from sandbox.core.errors import UsageError
from sandbox.ui.hud import bars_of
from tests.agents.run_folders import assert_same_run, error_of, left_behind, train
from tests.agents.tasks import same_weights, small_dqn

Captured = pytest.CaptureFixture[str]
CARTPOLE = "Sandbox/CartPole-v0"
TORQUES = ["train-agent", "Pendulum", "--algo", "dqn", "--wrap", "discretize:5"]

pytestmark = pytest.mark.usefixtures("short_evaluations")


@pytest.fixture(scope="module")
def swinging(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one small run, "small", on a pendulum with five torques."""
    root = tmp_path_factory.mktemp("torques") / "runs"
    options = ["--steps", "1k", "--eval-every", "500", "--out", str(root), "--name", "small", "--quiet"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("agents.training.CONFIRM_EPISODES", 4)
        assert main([*TORQUES, *options]) == 0
    return root


def answer(capsys: Captured, *words: str) -> dict[str, Any]:
    capsys.readouterr()
    assert main([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_cartpole_in_one_line(runs_root: Path, capsys: Captured) -> None:
    result = answer(capsys, "train-agent", "CartPole", "--algo", "dqn", "--steps", "2k")
    assert (result["algo"], result["env"]) == ("dqn", "CartPole-v1")
    assert result["steps"] <= 2_016
    agent = load_run(result["run"])
    assert isinstance(agent, DQN)
    assert 1 <= result["evaluation"]["mean"] <= 500


@pytest.mark.parametrize(
    ("assignments", "expected"),
    [
        (["n_step=5"], {"n_step": 5}),
        (["preset=rainbow"], {"dueling": True, "prioritized": True, "distributional": False}),
        (["preset=rainbow", "dueling=false"], {"dueling": False, "prioritized": True}),
        (["gradient_steps=-1", "net_arch=[16]"], {"gradient_steps": -1, "net_arch": [16]}),
        (["learning_rate=lin_0.001", "noisy=true"], {"learning_rate": "lin_0.001", "noisy": True}),
    ],
    ids=str,
)
def test_settings_are_what_was_asked_for(
    assignments: list[str], expected: dict[str, Any], tmp_path: Path
) -> None:
    config = resolve_config("CartPole", {"algo": "dqn"}, settings=assignments)
    assert {name: getattr(config.settings, name) for name in expected} == expected
    agent = build_agent(config)
    kept = {name: value for name, value in expected.items() if name != "net_arch"}
    assert {name: agent.setting(name) for name in kept} == kept


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ("--set n_step=0", 2, "n_step must be a whole number, at least 1, not 0"),
        ("--set n_step=half", 2, "'half' is not a whole number"),
        ("--set n_steps=3", 2, "unknown key 'n_steps': did you mean 'n_step'?"),
        ("--set preset=sunshine", 2, 'preset must be "" or "rainbow"'),
        ("--set double=maybe", 2, "double"),
        ("--set gradient_steps=0", 2, "gradient_steps must be a whole number, at least 1, or -1"),
        ("--set exploration_fraction=1.5", 2, "exploration_fraction must be between 0 and 1"),
        ("--set train_freq=0", 2, "train_freq must be a whole number, at least 1"),
        ("--set learning_rate=fast", 2, "'fast' is no schedule"),
        ("--set buffer_size=10 --envs 64", 2, "buffer_size must be at least"),
        ("--set buffer_size=99999999999999", 7, "GiB"),
        ("--set ent_coef=0.1", 2, "unknown key 'ent_coef'"),
        ("--policy CnnRnnPolicy", 2, "no policy 'CnnRnnPolicy'"),
        ("--wrap discretize:5", 2, "actions must be continuous"),
    ],
)
def test_wrong_values_are_refused_in_one_line(
    words: str, code: int, says: str, runs_root: Path, capsys: Captured
) -> None:
    error = error_of(capsys, ["train-agent", "CartPole", "--algo", "dqn", *words.split()], code)
    assert says in error
    assert not list(runs_root.glob("*"))


@pytest.mark.parametrize("env", ["MountainCarContinuous", "MountainCarContinuous-v0"])
def test_a_continuous_task_names_the_way_out(env: str, runs_root: Path, capsys: Captured) -> None:
    assert main(["train-agent", env, "--algo", "dqn"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("error: DQN cannot act in Box")
    assert "--wrap discretize:5" in lines[1]
    assert len(lines) == 2
    assert not list(runs_root.glob("*"))


# A run


def test_a_run_with_torques_is_evaluated(swinging: Path, capsys: Captured) -> None:
    result = answer(capsys, "evaluate", str(swinging / "small"), "--episodes", "3")
    assert (result["algo"], result["env"]) == ("dqn", "Pendulum-v1")
    assert -2_000 < result["evaluation"]["mean"] < 0
    shown = answer(capsys, "runs", "show", str(swinging / "small"))
    assert "dqn" in json.dumps(shown)


def test_a_run_with_torques_is_watched(swinging: Path, tmp_path: Path, capsys: Captured) -> None:
    video = tmp_path / "swing.gif"
    words = [
        "watch",
        "small",
        "--out",
        str(swinging),
        "--record",
        str(video),
        "--episodes",
        "1",
        "--seed",
        "3",
    ]
    answer(capsys, *words)
    assert video.stat().st_size > 1_000


def test_what_is_shown_are_the_values_of_the_actions(swinging: Path) -> None:
    agent = load_run(str(swinging / "small"))
    view = agent.actor("it").act(np.array([1.0, 0.0, 0.5], np.float32))
    with torch.no_grad():
        values = agent.q_net(torch.tensor([[1.0, 0.0, 0.5]]))[0]
    assert view.q_values is not None
    assert view.q_values.tolist() == pytest.approx(values.tolist())
    assert view.action == int(values.argmax())
    assert bars_of(view, agent.action_space)[1]


@pytest.mark.parametrize(
    "options", [{}, {"preset": "rainbow", "distributional": True, "noisy": True}], ids=str
)
def test_a_watched_agent_takes_the_best_action_and_always_the_same(options: dict[str, Any]) -> None:
    agent = small_dqn(CARTPOLE, **options).learn(40)
    actor, seen = PolicyActor(agent.policy, "it"), np.array([0.1, 0.2, -0.1, 0.5], np.float32)
    views = [actor.act(seen) for _ in range(3)]
    assert len({view.action for view in views}) == 1
    assert views[0].action == agent.predict(seen, deterministic=True)[0]
    assert views[0].q_values is not None
    assert len(views[0].q_values) == 2


def test_a_run_that_is_finished_is_not_gone_on_with(swinging: Path, capsys: Captured) -> None:
    assert "finished" in error_of(capsys, ["resume", str(swinging / "small")], 2)


@pytest.mark.parametrize("env", ["CartPole-v1", "Pendulum-v1"])
def test_worker_processes_train_the_same_run(tmp_path: Path, env: str) -> None:
    root = tmp_path / "runs"
    options = ("--algo", "dqn", *(("--wrap", "discretize:3") if env == "Pendulum-v1" else ()))
    assert train(root, "sync", env, *options) == 0
    assert train(root, "async", env, *options, "--vec", "async") == 0
    assert_same_run(root / "sync", root / "async")


def test_another_seed_is_another_run(tmp_path: Path) -> None:
    root = tmp_path / "runs"
    for seed in ("1", "2"):
        assert train(root, seed, CARTPOLE, "--algo", "dqn", "--seed", seed) == 0
    assert left_behind(root / "1")["checkpoints"] != left_behind(root / "2")["checkpoints"]


# In Python


def test_a_run_of_python_can_be_made_again(runs_root: Path) -> None:
    limit = {"env_kwargs": {"max_episode_steps": 50}}
    options: dict[str, Any] = {"preset": "rainbow", "noisy": True, "learning_rate": "lin_1e-3", **limit}
    options["policy_kwargs"] = {"activation_fn": torch.nn.SiLU}
    agent = small_dqn(CARTPOLE, n_envs=4, **options).learn(256, run=True)
    without = small_dqn(CARTPOLE, n_envs=4, **options).learn(256)
    assert same_weights(agent, without)
    (run,) = runs_root.iterdir()
    config = load_toml(run / "config.toml", AgentConfig)
    assert (config.algo, config.envs, config.steps) == ("dqn", 4, 256)
    again = build_agent(config)
    assert {name: again.setting(name) for name in DQN.saved_settings} == {
        name: agent.setting(name) for name in DQN.saved_settings
    }
    assert str(again.policy) == str(agent.policy)
    assert same_weights(load_run(str(run), checkpoint="last"), agent)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"learning_rate": lambda progress: progress / 100}, "learning_rate"),
        ({"policy_kwargs": {"optimizer_class": torch.optim.SGD}}, "optimizer_class"),
    ],
    ids=["schedule", "optimizer"],
)
def test_what_a_config_cannot_hold_is_refused(
    arguments: dict[str, Any], message: str, runs_root: Path
) -> None:
    agent = small_dqn(CARTPOLE, **arguments)
    with pytest.raises(UsageError, match=message):
        agent.learn(32, run=True)
    assert not runs_root.exists()
