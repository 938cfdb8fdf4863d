"""Tuned settings: which entry is meant for a task, and that each of them can be built."""

from __future__ import annotations

import pytest

from agents.presets import SEQUENCES, memory, preset
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


def test_an_entry_may_be_meant_for_wrappers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exactly those, in that order; one that says nothing of wrappers goes with all of them."""
    monkeypatch.setitem(PPO, "Some-v0", {"steps": 1})
    monkeypatch.setitem(memory.PPO, "Some-v0 wrap=mask_velocity", {"steps": 2})
    monkeypatch.setitem(memory.PPO, "Some-v0 wrap=mask_velocity,frame_stack:4", {"steps": 3})
    wraps = ([], ["mask_velocity"], ["mask_velocity", "frame_stack:4"], ["frame_stack:4", "mask_velocity"])
    assert [preset("ppo", "Some-v0", {}, wrap)["steps"] for wrap in wraps] == [1, 2, 3, 1]


def test_an_entry_may_be_meant_for_agents_that_remember(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DQN, "Some-v0", {"steps": 1})
    monkeypatch.setitem(memory.DQN, "Some-v0 policy=memory", {"steps": 2})
    asked = (None, "MlpPolicy", "MlpGruPolicy", "CnnLstmPolicy", "gru", "lstm")
    assert [preset("dqn", "Some-v0", {}, policy=name)["steps"] for name in asked] == [1, 1, 2, 2, 2, 2]
    monkeypatch.setitem(memory.DQN, "Some-v0 wrap=only:eye", {"steps": 3})  # as much, and more to the point
    assert preset("dqn", "Some-v0", {}, ["only:eye"], "gru")["steps"] == 3


def test_an_entry_with_memory_serves_a_policy_without_one_only_where_nothing_else_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = {"gamma": 0.9, "batch_size": 16, "burn_in": 2}
    monkeypatch.setitem(memory.DQN, "Some-v0", {"steps": 1, "policy": "CnnGruPolicy", "settings": settings})
    assert preset("dqn", "Some-v0", {})["policy"] == "CnnGruPolicy"
    # Its batches are counted in sequences.
    without = {"steps": 1, "settings": {"gamma": 0.9, "burn_in": 2}}
    assert preset("dqn", "Some-v0", {}, policy="CnnPolicy") == without
    monkeypatch.setitem(memory.DQN, "Some-v0 obs=pixels", {"steps": 2, "policy": "gru"})
    monkeypatch.setitem(memory.DQN, "Some-*", {"steps": 3})
    assert preset("dqn", "Some-v0", {"obs": "pixels"})["steps"] == 2
    assert preset("dqn", "Some-v0", {"obs": "pixels"}, policy="CnnPolicy") == {"steps": 3}


def test_what_an_entry_says_of_the_policy_is_heeded_until_somebody_asks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A task without velocities stays the task, with its threshold."""
    entry = {"policy": "gru", "steps": 1234, "settings": {"memory_size": 32}}
    monkeypatch.setitem(memory.PPO, "CartPole-v1 wrap=mask_velocity", entry)
    masked = resolve_config("CartPole", {"wrap": ["mask_velocity"]})
    assert (masked.policy, masked.steps, masked.threshold) == ("MlpGruPolicy", 1234, 475.0)
    assert resolve_config("CartPole", {}).policy == "MlpPolicy"
    with_lstm = resolve_config("CartPole", {"wrap": ["mask_velocity"], "policy": "lstm"})
    assert (with_lstm.policy, with_lstm.steps) == ("MlpLstmPolicy", 1234)
    plain = resolve_config("CartPole", {"wrap": ["mask_velocity"], "policy": "MlpPolicy"})
    assert (plain.policy, plain.steps) == ("MlpPolicy", PPO["CartPole-v1"]["steps"])


ENTRIES = [("ppo", PPO | memory.PPO), ("dqn", DQN | memory.DQN)]


@pytest.mark.parametrize(("algo", "name"), [(algo, name) for algo, entries in ENTRIES for name in entries])
def test_every_entry_makes_a_config(algo: str, name: str) -> None:
    env, *conditions = name.split()
    changes: dict[str, object] = {"algo": algo}
    for condition in [text for text in conditions if text.startswith(("wrap=", "policy="))]:
        conditions.remove(condition)
        key, _, value = condition.partition("=")
        changes[key] = value.split(",") if key == "wrap" else "gru"
    try:
        config = resolve_config(env, changes, env_args=parse_assignments(conditions))
    except MissingExtra as error:
        pytest.skip(str(error))
    assert config.steps == dict(ENTRIES)[algo][name]["steps"]


def test_sequences_are_fewer_than_the_transitions_of_a_batch() -> None:
    """`batch_size` counts sequences where there is a memory: as many as transitions would take for ever."""
    batches = [
        preset("dqn", env, {}, policy=policy).get("settings", {}).get("batch_size")
        for env in ("CartPole-v1", "Nobody/Tuned-v0")
        for policy in ("MlpPolicy", "gru")
    ]
    assert batches == [128, SEQUENCES, None, SEQUENCES]
