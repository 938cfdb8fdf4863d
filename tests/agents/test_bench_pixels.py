"""`bench pixels` and what it shares with `bench classics`: who trains what until when, and who says so."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from agents.bench.judge import Rules, measure
from agents.bench.pixels import command
from agents.bench.pixels.cases import CASES, LIMIT_S, PixelCase
from agents.bench.pixels.command import numbers
from agents.bench.trainings import engines, rows_of
from agents.config import AgentConfig
from agents.resolve import resolve_config
from sandbox.__main__ import main

Captured = pytest.CaptureFixture[str]


def case(name: str) -> PixelCase:
    return next(case for case in CASES if case.name == name)


@pytest.mark.parametrize("name", [case.name for case in CASES])
def test_every_case_is_learned_from_pixels_until_its_registered_threshold(name: str) -> None:
    config = case(name).config("ours", seed=3, shorter=1)
    rules = case(name).rules(config, shorter=1)
    assert (config.env_args["obs"], config.policy, config.seed) == ("pixels", "CnnPolicy", 3)
    assert config.env == config.train_env == rules.env
    assert config.threshold is not None
    assert not config.early_stop  # the judge ends it, off the clock
    assert (rules.stop_when_reached, rules.limit_s) == (True, LIMIT_S)
    assert (rules.every, rules.episodes) == (config.eval_every, config.eval_episodes)


@pytest.mark.parametrize("name", ["pong-ppo", "pong-dqn"])
def test_sb3_is_raced_with_the_settings_of_the_zoo_on_the_same_task_and_threads(name: str) -> None:
    ours, stock = (case(name).config(engine, seed=0, shorter=1) for engine in ("ours", "SB3"))
    assert (stock.env, stock.threshold, stock.threads) == (ours.env, ours.threshold, ours.threads)
    assert stock.env_args["obs"] == "pixels"
    assert (stock.algo, stock.policy, stock.backbone) == (f"sb3-{ours.algo}", "CnnPolicy", None)
    assert (stock.steps, stock.wrap) == (10_000_000, ["frame_stack:4"])
    settings = vars(stock.settings)
    if name == "pong-ppo":
        assert (stock.envs, settings["n_steps"], settings["learning_rate"]) == (8, 128, "lin_2.5e-4")
    else:
        assert (stock.envs, settings["buffer_size"], settings["train_freq"]) == (1, 100_000, 4)


def test_only_pong_is_raced_and_odd_seeds_let_sb3_begin() -> None:
    assert [case.name for case in CASES if case.stock] == ["pong-ppo", "pong-dqn"]
    assert engines(True, "both", seed=0) == ["ours", "SB3"]
    assert engines(True, "both", seed=1) == ["SB3", "ours"]
    assert engines(False, "both", seed=1) == ["ours"]
    assert engines(True, "SB3", seed=0) == ["SB3"]


def test_a_training_is_within_its_goal_only_if_it_got_there_in_time() -> None:
    assert numbers({"seconds_to_threshold": 29.0}, 30.0)["within_the_goal"]
    assert not numbers({"seconds_to_threshold": 31.0}, 30.0)["within_the_goal"]
    assert not numbers({"seconds_to_threshold": None}, 30.0)["within_the_goal"]


def test_sooner_is_said_where_both_got_there() -> None:
    def pair(theirs: float | None) -> dict[str, Any]:
        seconds = {"ours": 10.0, "SB3": theirs}
        return {name: {"task": "T-v0", "seconds_to_threshold": at} for name, at in seconds.items()}

    ours, theirs = rows_of("ppo", pair(45.0), lambda _found: {})
    assert (ours["engine"], ours["algorithm"], ours["times_sooner"]) == ("ours", "PPO", 4.5)
    assert (theirs["engine"], theirs["times_sooner"]) == ("SB3", None)
    assert [row["times_sooner"] for row in rows_of("ppo", pair(None), lambda _found: {})] == [None, None]


# The judge


def cartpole(threshold: float) -> tuple[AgentConfig, Rules]:
    config = resolve_config("CartPole", {"steps": 8_192, "threshold": threshold, "device": "cpu"})
    return replace(config, env="Sandbox/CartPole-v0"), Rules("Sandbox/CartPole-v0", 2_048, 5)


def test_a_confirmed_threshold_ends_a_training_that_is_to_end_there() -> None:
    config, rules = cartpole(threshold=5)
    found = measure(config, replace(rules, stop_when_reached=True))
    assert (found["reached"], found["steps"]) == (True, 2_048)
    assert found["steps_to_threshold"] == 2_048
    assert found["seconds_to_threshold"] <= found["training_seconds"]
    assert found["best_return"] == found["last_return"] >= 5


def test_otherwise_it_goes_on_and_the_first_time_counts() -> None:
    config, rules = cartpole(threshold=5)
    found = measure(config, rules)
    assert (found["steps"], found["steps_to_threshold"]) == (8_192, 2_048)
    assert [steps for steps, _, _ in found["curve"]] == [2_048, 4_096, 6_144, 8_192]
    assert found["seconds_to_threshold"] < found["training_seconds"]


def test_at_the_limit_a_training_ends_unreached() -> None:
    config, rules = cartpole(threshold=10_000)
    found = measure(config, replace(rules, stop_when_reached=True, limit_s=1e-6))
    assert (found["reached"], found["steps_to_threshold"]) == (False, None)
    assert found["steps"] < 8_192


def test_the_command_reports_rows_and_curves(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "QUICK", 400)
    words = ["bench", "pixels", "--quick", "--seeds", "1", "--first-seed", "2", "--only", "catch-ppo"]
    assert main([*words, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    (row,), (run,) = result["rows"], result["runs"]
    assert (row["task"], row["algorithm"], row["engine"]) == ("Sandbox/Catch-v0", "PPO", "ours")
    assert (run["seed"], run["case"], run["threshold"]) == (2, "catch-ppo", 8)
    assert row["total_steps"] == run["steps"]
    assert -10 <= row["best_return"] <= 10
    assert "steps" not in row  # of which tables would make lines of their own


def test_an_unknown_case_gets_a_suggestion(capsys: Captured) -> None:
    assert main(["bench", "pixels", "--only", "pong-pp"]) == 2
    assert "pong-ppo" in capsys.readouterr().err
    assert main(["bench", "pixels", "--seeds", "0", "--only", "catch-ppo"]) == 2
    assert "at least 1" in capsys.readouterr().err
