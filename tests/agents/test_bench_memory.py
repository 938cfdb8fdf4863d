"""`bench memory`: who is trained on what, with which settings, how it ends, and what is said of it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from agents import presets
from agents.bench.judge import Rules, measure
from agents.bench.remembering import command
from agents.bench.remembering.command import row_of
from agents.bench.remembering.tasks import AGENTS, ALGOS, RIGHT_ARM, TASKS, Task, Trial, trials
from agents.policy_names import remembers
from agents.resolve import resolve_config
from agents.settings import DQNSettings
from envs.tmaze import TMaze
from sandbox.__main__ import main

Captured = pytest.CaptureFixture[str]


def task(name: str) -> Task:
    return next(task for task in TASKS if task.name == name)


def trial(name: str, algo: Any, agent: Any) -> Trial:
    return Trial(task(name), algo, agent)


EVERYBODY = [trial for task in TASKS for trial in trials(task, ALGOS, AGENTS)]


def test_dqn_is_trained_where_actions_are_discrete_and_contrib_where_it_runs() -> None:
    assert len(EVERYBODY) == 2 * (len(TASKS) + 10) + 7
    found = {(trial.task.name, trial.algo, trial.agent) for trial in EVERYBODY}
    assert ("pendulum", "dqn", "memory") not in found
    assert {name for name, _, agent in found if agent == "contrib"} == {
        *("tmaze-10", "tmaze-50", "tmaze-100", "cartpole", "pendulum", "lunarlander", "mountaincar")
    }
    assert {algo for _, algo, agent in found if agent == "contrib"} == {"ppo"}


@pytest.mark.parametrize("one", EVERYBODY, ids=lambda one: one.name)
def test_everybody_gets_the_same_task_the_same_steps_and_the_same_looks(one: Trial) -> None:
    if one.task.name == "lunarlander":
        pytest.importorskip("Box2D", reason="LunarLander needs the extra [box2d]")
    with_memory = replace(one, agent="memory").config(seed=3)
    config = one.config(seed=3)
    assert (config.env, config.env_args, config.seed) == (with_memory.env, with_memory.env_args, 3)
    assert config.steps == with_memory.steps
    assert (config.eval_every, config.eval_episodes) == (with_memory.eval_every, with_memory.eval_episodes)
    assert config.threshold == one.task.threshold
    assert not config.early_stop  # the judge ends it, off the clock
    assert remembers(config.policy) == (one.agent != "memoryless")
    rules = one.rules(config, limit_s=7.0)
    assert (rules.every, rules.episodes, rules.limit_s) == (config.eval_every, config.eval_episodes, 7.0)
    assert not (rules.stop_when_reached and one.agent == "memoryless")


@pytest.mark.parametrize("name", [task.name for task in TASKS])
def test_an_agent_with_memory_sees_single_frames_and_the_other_one_the_same(name: str) -> None:
    if name == "lunarlander":
        pytest.importorskip("Box2D", reason="LunarLander needs the extra [box2d]")
    for algo in task(name).algos:
        remembered, seen = (trial(name, algo, who).config(0).wrap for who in ("memory", "memoryless"))
        assert not any(wrapper.startswith("frame_stack") for wrapper in remembered)
        assert seen == [*remembered, *(["frame_stack:4"] if name == "pong-flicker" else [])]


def test_contrib_has_the_zoos_settings_for_the_task_without_velocities() -> None:
    config = trial("cartpole", "ppo", "contrib").config(0)
    settings: Any = config.settings
    assert (config.algo, config.policy, config.wrap) == ("sb3-ppo-lstm", "MlpLstmPolicy", ["mask_velocity"])
    assert (config.envs, settings.n_steps, settings.batch_size, settings.n_epochs) == (8, 32, 256, 20)


def test_where_the_zoo_has_none_contrib_has_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    tuned = {"envs": 24, "settings": {"n_steps": 12, "batch_size": 48, "gamma": 0.97, "memory_size": 33}}
    monkeypatch.setattr(presets.memory, "PPO", {"Sandbox/TMaze-v0 policy=memory": tuned})
    config = trial("tmaze-10", "ppo", "contrib").config(0)
    settings: Any = config.settings
    assert (config.envs, settings.n_steps, settings.batch_size, settings.gamma) == (24, 12, 48, 0.97)
    assert settings.lstm_hidden_size == 33


def test_without_memory_the_same_settings_have_layers_and_batches_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tuned = {"policy": "lstm", "settings": {"batch_size": 7, "net_arch": [], "gamma": 0.97}}
    monkeypatch.setattr(presets.memory, "DQN", {"Sandbox/TMaze-v0 obs=features": tuned})
    remembered, memoryless = (trial("tmaze-50", "dqn", who).config(0) for who in ("memory", "memoryless"))
    settings: Any = memoryless.settings
    assert (remembered.policy, memoryless.policy) == ("MlpLstmPolicy", "MlpPolicy")
    assert (settings.batch_size, settings.net_arch, settings.gamma) == (DQNSettings().batch_size, None, 0.97)


def test_where_there_is_a_preset_without_memory_its_batch_counts() -> None:
    own: Any = trial("cartpole", "dqn", "memoryless").config(0).settings
    plain: Any = resolve_config("CartPole", {"algo": "dqn"}).settings
    assert own.batch_size == plain.batch_size


def test_a_success_is_the_right_arm_however_many_bumps_it_took() -> None:
    maze = TMaze(64, obs="features", length=10)
    seen, _ = maze.reset(seed=0)
    north = seen[:, 0] > 0
    totals = np.zeros(64)
    bumps, forward = [1] * 9, [0] * 10  # at the limit of 20 steps
    for action in [*bumps, *forward]:
        totals += maze.step(np.full(64, action))[1]
    totals += maze.step(np.full(64, 2))[1]
    assert north.any()
    assert ((totals > RIGHT_ARM) == north).all()


def test_the_share_of_successes_is_of_the_last_evaluation() -> None:
    config = resolve_config("CartPole", {"steps": 64, "envs": 2, "device": "cpu"}, settings=["n_steps=32"])
    found = {
        above: measure(config, Rules("Sandbox/CartPole-v0", 64, 2, success=above))["success"]
        for above in (0.0, 1_000.0, None)
    }
    assert found == {0.0: 1.0, 1_000.0: 0.0, None: None}


def test_a_row_says_percent_of_successes_where_there_is_such_a_thing() -> None:
    keys = ("task", "algorithm", "agent", "policy", "asked", "best_return", "reached", "steps_to_threshold")
    run = dict.fromkeys((*keys, "seconds_to_threshold", "steps", "training_seconds", "cpu_seconds"))
    assert row_of({**run, "success": 0.97})["success_percent"] == 97
    assert row_of({**run, "success": None})["success_percent"] is None
    assert "steps" not in row_of({**run, "success": None})  # of which tables would make lines of their own


def test_the_command_reports_rows_and_curves(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    small = {"steps": 64, "envs": 2, "settings": {"n_steps": 16, "batch_size": 32, "n_epochs": 1}}
    monkeypatch.setattr(presets.memory, "PPO", {"Sandbox/TMaze-v0 obs=features": small})
    monkeypatch.setattr(command, "QUICK", 1)
    words = ["bench", "memory", "--quick", "--seeds", "1", "--first-seed", "2", "--tasks", "tmaze-10"]
    assert main([*words, "--algos", "ppo", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert [row["agent"] for row in result["rows"]] == ["memory", "memoryless", "contrib"]
    for row, run in zip(result["rows"], result["runs"], strict=True):
        assert (row["task"], row["algorithm"], row["asked"]) == ("tmaze-10", "PPO", "95 % right")
        assert (run["seed"], run["env_args"]["length"], run["threshold"]) == (2, 10, 0.95)
        assert row["total_steps"] == run["steps"]
        assert 0 <= row["success_percent"] <= 100


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--tasks", "tmaze-11"], "tmaze-10"),
        (["--seeds", "0"], "at least 1"),
        (["--limit-minutes", "0"], "above 0"),
        (["--tasks", "rooms", "--agents", "contrib"], "nobody"),
    ],
)
def test_what_cannot_be_measured_is_a_usage_error(capsys: Captured, words: list[str], said: str) -> None:
    assert main(["bench", "memory", *words]) == 2
    assert said in capsys.readouterr().err
