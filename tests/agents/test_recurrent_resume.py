"""What an agent remembers is part of its state: it goes on from it to the last bit."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode

from agents import DQN, PPO
from sandbox.core.errors import CheckpointBroken
from sandbox.nn.state_files import load_state, save_state
from tests.agents.remembering import NEXT_STEP, SAME_STEP
from tests.agents.run_folders import (
    assert_same_run,
    at_metric_line,
    error_of,
    press_ctrl_c,
    press_ctrl_c_twice,
    resume,
    train,
)
from tests.agents.tasks import same_weights, small_dqn, small_ppo

pytestmark = pytest.mark.usefixtures("short_evaluations")
CARTPOLE = "Sandbox/CartPole-v0"


def words(policy: str, algo: str = "ppo", **settings: Any) -> tuple[str, ...]:
    """Options of a command line; CartPole without velocities."""
    sets = {"memory_size": 8, **settings}
    chosen = [part for name, value in sets.items() for part in ("--set", f"{name}={str(value).lower()}")]
    return ("--algo", algo, "--policy", policy, "--wrap", "mask_velocity", "--steps", "512", *chosen)


RUNS: dict[str, tuple[str, ...]] = {
    "ppo gru": words("gru", sequence_length=4),
    "ppo lstm": (*words("lstm", critic_memory="separate", memory_layers=2), "--vec", "async"),
    "dqn gru": words("gru", "dqn", burn_in=3, sequence_length=8, sequence_overlap=4),
    "dqn lstm": words("lstm", "dqn", preset="rainbow", rescale_values=True, memory_layers=2, burn_in=2),
    "dqn noisy": words("gru", "dqn", noisy=True, distributional=True, n_quantiles=3),
}


@pytest.mark.parametrize("kind", RUNS)
def test_stopped_twice_and_resumed_is_never_stopped(tmp_path: Path, kind: str) -> None:
    """After an update, with a new checkpoint, or at once, back to the last one: in the midst of episodes."""
    root, env = tmp_path / "runs", "CartPole-v1" if "async" in RUNS[kind] else CARTPOLE
    assert train(root, "whole", env, *RUNS[kind]) == 0
    with at_metric_line(3, press_ctrl_c_twice):
        assert train(root, "stopped", env, *RUNS[kind]) == 130
    with at_metric_line(2, press_ctrl_c):
        assert resume(root, "stopped") == 130
    assert resume(root, "stopped") == 0
    assert_same_run(root / "whole", root / "stopped")


def test_a_run_with_another_memory_is_refused_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "runs"
    with at_metric_line(4, press_ctrl_c):
        assert train(root, "stopped", CARTPOLE, *words("gru")) == 130
    config = root / "stopped" / "config.toml"
    config.write_text(config.read_text().replace("memory_size = 8", "memory_size = 9"))
    assert "fit" in error_of(capsys, ["resume", str(root / "stopped"), "--quiet"], 4)


OPTIONS: dict[str, tuple[Any, str, dict[str, Any]]] = {
    "ppo lstm": (
        small_ppo,
        "MlpLstmPolicy",
        {"policy_kwargs": {"critic_memory": "separate"}, "sequence_length": 4},
    ),
    "ppo gru": (small_ppo, "MlpGruPolicy", {"normalize_observation": True, "normalize_reward": True}),
    "dqn lstm": (
        small_dqn,
        "MlpLstmPolicy",
        {
            "preset": "rainbow",
            "sequence_length": 6,
            "sequence_overlap": 3,
            "burn_in": 2,
            "rescale_values": True,
        },
    ),
    "dqn gru": (
        small_dqn,
        "MlpGruPolicy",
        {"normalize_observation": True, "policy_kwargs": {"memory_layers": 2}},
    ),
}


@pytest.mark.parametrize("mode", [SAME_STEP, NEXT_STEP])
@pytest.mark.parametrize("kind", OPTIONS)
def test_an_agent_goes_on_where_another_one_was(kind: str, mode: AutoresetMode, tmp_path: Path) -> None:
    """Also where a reset takes a step of its own."""
    make, policy, options = OPTIONS[kind]

    def agent() -> Any:
        return make(gym.make_vec(CARTPOLE, 4, autoreset_mode=mode), policy, **options)

    first = agent().learn(128)
    assert first._policy_state.any()
    save_state(tmp_path / "state", first.training_state())
    first.learn(128, reset_num_timesteps=False)
    second, forgetful = agent(), agent()
    for other in (second, forgetful):
        assert other.load_training_state(load_state(tmp_path / "state")) == []
    forgetful._policy_state = torch.zeros_like(forgetful._policy_state)
    for other in (second, forgetful):
        other.learn(128, reset_num_timesteps=False)
    assert same_weights(first, second)
    assert first._policy_state.equal(second._policy_state)
    if make is small_ppo:  # of so little DQN's replay may not have kept anything
        assert not same_weights(first, forgetful)


def test_a_state_of_another_memory_is_refused(tmp_path: Path) -> None:
    for make, others in (
        (small_ppo, [{"memory_size": 5}, {"memory_layers": 2}, {"critic_memory": "separate"}]),
        (small_dqn, [{"memory_size": 5}, {"memory_layers": 2}]),
    ):
        agent = make(CARTPOLE, "MlpGruPolicy", policy_kwargs={"memory_size": 4}).learn(32)
        save_state(tmp_path / make.__name__, agent.training_state())
        state = load_state(tmp_path / make.__name__)
        for other in others:
            kwargs = {"memory_size": 4, **other}
            with pytest.raises(CheckpointBroken, match="does not fit this agent") as caught:
                make(CARTPOLE, "MlpGruPolicy", policy_kwargs=kwargs).load_training_state(state)
            assert "\n" not in str(caught.value)
        for policy in ("MlpLstmPolicy", "MlpPolicy"):
            with pytest.raises(CheckpointBroken, match="does not fit this agent"):
                make(CARTPOLE, policy).load_training_state(state)


def test_what_is_remembered_must_fit_the_environments(tmp_path: Path) -> None:
    agent = small_ppo(CARTPOLE, "MlpGruPolicy").learn(32)
    save_state(tmp_path / "state", agent.training_state())
    for damaged in (None, "shorter"):
        state = load_state(tmp_path / "state")
        kept = state["last"]["policy_state"]
        state["last"]["policy_state"] = None if damaged is None else kept[:, :-1]
        with pytest.raises(CheckpointBroken, match="memory"):
            small_ppo(CARTPOLE, "MlpGruPolicy").load_training_state(state)


# Files


@pytest.mark.parametrize("make", [small_ppo, small_dqn])
@pytest.mark.parametrize("policy", ["MlpLstmPolicy", "MlpGruPolicy"])
def test_a_file_keeps_sizes_and_what_is_predicted(make: Any, policy: str) -> None:
    kwargs: dict[str, Any] = {"memory_size": 5, "memory_layers": 2}
    options: dict[str, Any] = {"sequence_length": 4}
    if make is small_ppo:
        kwargs["critic_memory"] = "separate"
    else:
        options |= {"sequence_overlap": 2, "burn_in": 1, "rescale_values": True}
    agent = make(CARTPOLE, policy, policy_kwargs=kwargs, **options).learn(64)
    file = io.BytesIO()
    agent.save(file)
    file.seek(0)
    copy = type(agent).load(file, env=CARTPOLE, device="cpu")
    assert type(copy.policy) is type(agent.policy)
    assert same_weights(copy, agent)
    assert {name: copy.policy_kwargs[name] for name in kwargs} == kwargs
    assert {name: copy.setting(name) for name in options} == options
    assert (copy.policy.memory.hidden_size, copy.policy.memory.num_layers) == (5, 2)
    assert predictions(copy) == predictions(agent)
    copy.learn(32, reset_num_timesteps=False)


def predictions(agent: PPO | DQN) -> list[Any]:
    """Actions and states over a sequence in which an episode begins."""
    source, state, found = np.random.default_rng(0), None, []
    for step in range(12):
        seen = source.normal(size=(2, 4)).astype(np.float32)
        actions, state = agent.predict(seen, state, np.array([False, step == 5]), deterministic=True)
        assert state is not None
        found.append([actions.tolist(), [part.tolist() for part in state]])
    return found
