"""Tuned settings: which entry is meant for a task, and that each of them can be built."""

from __future__ import annotations

import pytest

from agents.presets import preset
from agents.presets.dqn import DQN
from agents.presets.ppo import PPO
from agents.resolve import resolve_config
from sandbox.core.config import parse_assignments
from sandbox.core.errors import MissingExtra


def test_the_entry_with_the_most_arguments_that_hold_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PPO, "Some-v0", {"steps": 1})
    monkeypatch.setitem(PPO, "Some-v0 obs=pixels", {"steps": 2})
    monkeypatch.setitem(PPO, "Some-v0 obs=pixels length=10", {"steps": 3})
    steps = [
        preset("ppo", "Some-v0", arguments)["steps"]
        for arguments in (
            {},
            {"obs": "features", "length": 10},
            {"obs": "pixels"},
            {"obs": "pixels", "length": 10},
        )
    ]
    assert steps == [1, 1, 2, 3]
    assert preset("dqn", "Some-v0", {}) == {}


def test_what_an_environment_shows_by_default_counts_as_an_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PPO, "Sandbox/Snake-v0 obs=pixels", {"steps": 1234})
    assert resolve_config("Snake", {}).steps == 1234
    assert resolve_config("Snake", {}, env_args={"obs": "features"}).steps != 1234


def test_pictures_of_a_classic_are_our_twins() -> None:
    config = resolve_config("CartPole", {}, env_args={"obs": "pixels"})
    assert (config.env, config.train_env, config.policy) == (*["Sandbox/CartPole-v0"] * 2, "CnnPolicy")


@pytest.mark.parametrize(("algo", "name"), [("ppo", name) for name in PPO] + [("dqn", name) for name in DQN])
def test_every_entry_makes_a_config(algo: str, name: str) -> None:
    env, *conditions = name.split()
    try:
        config = resolve_config(env, {"algo": algo}, env_args=parse_assignments(conditions))
    except MissingExtra as error:
        pytest.skip(str(error))
    entry = {"ppo": PPO, "dqn": DQN}[algo][name]
    assert config.steps == entry["steps"]
