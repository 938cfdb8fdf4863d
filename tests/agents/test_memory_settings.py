"""Settings and names of agents that remember: what is refused, what reaches the policy, what a name means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from gymnasium import spaces

from agents.algorithm import Agent
from agents.algorithms import ALGORITHMS, rows
from agents.build import build_agent
from agents.config import AgentConfig
from agents.policy_names import memory_of, remembers
from agents.resolve import resolve_config
from agents.settings import DQNSettings, PPOSettings
from agents.settings.rules import MEMORY
from agents.suitable import check_suitable
from sandbox.__main__ import main
from sandbox.core.config import read_toml
from sandbox.core.errors import ConfigError, UnsupportedSpace, UsageError


@pytest.mark.parametrize(
    ("settings", "values", "message"),
    [
        (PPOSettings, {"memory_size": 0}, "memory_size must be a whole number, at least 1, not 0"),
        (PPOSettings, {"critic_memory": "both"}, "critic_memory must be one of 'shared', 'separate', 'none'"),
        (PPOSettings, {"sequence_length": 0}, "sequence_length must be a whole number, at least 1, not 0"),
        (PPOSettings, {"n_steps": 64, "sequence_length": 24}, r"a divisor of n_steps \(64\), not 24"),
        (PPOSettings, {"n_steps": 64, "sequence_length": 128}, r"a divisor of n_steps \(64\), not 128"),
        (DQNSettings, {"memory_layers": 1.5}, "memory_layers must be a whole number"),
        (DQNSettings, {"sequence_length": 10}, r"sequence_overlap must be below sequence_length \(10\)"),
        (DQNSettings, {"sequence_overlap": -1}, "sequence_overlap must be a whole number, at least 0"),
        (DQNSettings, {"burn_in": 11}, r"burn_in must be at most sequence_overlap \(10\), not 11"),
        (DQNSettings, {"prioritized_max": 1.1}, "prioritized_max must be between 0 and 1"),
        (DQNSettings, {"rescale_values": 1}, "rescale_values must be true or false"),
    ],
)
def test_settings_that_no_memory_could_have(settings: type, values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        settings(**values)


def test_the_longest_and_the_shortest_sequences_are_fine() -> None:
    assert PPOSettings(n_steps=64, sequence_length=64).sequence_length == 64
    assert PPOSettings(n_steps=64, sequence_length=1).sequence_length == 1
    assert DQNSettings(sequence_length=1, sequence_overlap=0).burn_in == 0
    assert DQNSettings(sequence_length=3, sequence_overlap=2, burn_in=2).burn_in == 2


def test_sequences_need_a_larger_buffer() -> None:
    """Of each environment there is room for two: the last of one episode, and the first of the next one."""
    settings = DQNSettings(buffer_size=100, sequence_length=20, n_step=3)
    settings.check_envs(25)
    settings.check_envs(2, memory=True)
    with pytest.raises(ConfigError, match="at least 200 for 5 environments, not 100"):
        settings.check_envs(5, memory=True)
    with pytest.raises(ConfigError, match="buffer_size"):
        AgentConfig("CartPole-v1", "CartPole-v1", "dqn", "MlpGruPolicy", envs=5, settings=settings)


@pytest.mark.parametrize("algo", ["ppo", "dqn"])
def test_a_policy_without_memory_is_not_told_of_one(algo: str) -> None:
    """And is built whatever is set: the same settings serve both kinds."""
    settings = ["memory_size=8", "memory_layers=2"]
    agent = build_agent(resolve_config("CartPole", {"algo": algo, "envs": 2}, settings=settings))
    agent.simulator.close()
    assert isinstance(agent, Agent)
    assert not set(MEMORY) & agent.policy_kwargs.keys()


@pytest.mark.parametrize("settings", [PPOSettings(memory_size=8), DQNSettings(memory_size=8)])
def test_sizes_are_the_policys_and_sequences_the_agents(settings: Any) -> None:
    arguments = settings.arguments()
    assert arguments["policy_kwargs"]["memory_size"] == 8
    assert arguments["sequence_length"] == settings.sequence_length
    assert not {*MEMORY, "sequence_length"} & (arguments.keys() & arguments["policy_kwargs"].keys())


@pytest.mark.parametrize("algo", ["ppo", "dqn"])
def test_names_say_what_a_policy_remembers_with(algo: str) -> None:
    policies = ALGORITHMS[algo].policies
    assert [memory_of(name) for name in policies if name.startswith("Cnn")] == ["", "Lstm", "Gru"]
    assert sum(remembers(name) for name in policies) == 6
    assert {row[0]: row[2] for row in rows()}[algo] == "(Mlp|Cnn|MultiInput)[Lstm|Gru]Policy"
    assert memory_of("gru") == "Gru"


@pytest.mark.parametrize(
    ("words", "policy"),
    [
        (["CartPole", "ppo", "gru"], "MlpGruPolicy"),
        (["CartPole", "dqn", "LSTM"], "MlpLstmPolicy"),
        (["Catch", "dqn", "gru"], "CnnGruPolicy"),
        (["CartPole-v1", "sb3-ppo-lstm", "lstm"], "MlpLstmPolicy"),
        (["CartPole", "ppo", "CnnGruPolicy"], "CnnGruPolicy"),
        (["Catch", "ppo", None], "CnnPolicy"),
    ],
)
def test_a_memory_stands_for_the_policy_that_sees_the_observations(words: list[str], policy: str) -> None:
    env, algo, asked = words
    if algo == "sb3-ppo-lstm":
        pytest.importorskip("sb3_contrib")
    changes = {"algo": algo} if asked is None else {"algo": algo, "policy": asked}
    assert resolve_config(env, changes).policy == policy


def test_a_config_file_may_say_it_as_well_and_a_run_has_the_full_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('env = "CartPole"\npolicy = "gru"\n')
    assert resolve_config("", {}, config=file).policy == "MlpGruPolicy"
    words = ["--steps", "64", "--envs", "2", "--set", "n_steps=8", "--eval-every", "0", "--quiet"]
    command = ["train-agent", "--config", str(file), *words, "--out", str(tmp_path), "--name", "run"]
    assert main(command) == 0, capsys.readouterr().err
    assert read_toml(tmp_path / "run" / "config.toml")[0]["policy"] == "MlpGruPolicy"


@pytest.mark.parametrize(
    ("algo", "policy", "message"),
    [
        ("ppo", "MlpGruPolcy", "ppo has no policy 'MlpGruPolcy': did you mean 'MlpGruPolicy'"),
        ("sb3-ppo", "lstm", "sb3-ppo has no policy 'lstm'"),
        ("sb3-ppo", "MlpGruPolicy", "sb3-ppo has no policy 'MlpGruPolicy'"),
    ],
)
def test_a_policy_that_an_algorithm_does_not_have(algo: str, policy: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        build_agent(resolve_config("CartPole-v1", {"algo": algo, "policy": policy}))
    assert "MultiInputPolicy" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("policy", "observations", "better"),
    [
        ("CnnGruPolicy", spaces.Box(-1, 1, (3,)), "MlpGruPolicy"),
        ("MultiInputLstmPolicy", spaces.Box(-1, 1, (3,)), "MlpLstmPolicy"),
        ("MlpLstmPolicy", spaces.Dict({"a": spaces.Discrete(3)}), "MultiInputLstmPolicy"),
        ("CnnPolicy", spaces.Dict({"a": spaces.Discrete(3)}), "MultiInputPolicy"),
    ],
)
def test_a_policy_for_other_observations_is_refused_with_one_of_the_same_memory(
    policy: str, observations: spaces.Space, better: str
) -> None:
    with pytest.raises(UnsupportedSpace, match=policy) as caught:
        check_suitable("PPO", policy, observations, spaces.Discrete(2), (spaces.Discrete,))
    assert caught.value.hint == f"use {better}"
