"""`learn(…, run=True)` leaves a run folder like the command line's; without it nothing is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

from agents import PPO
from sandbox import load_run
from sandbox.__main__ import main
from sandbox.core.config import load_toml
from sandbox.core.errors import UsageError
from tests.agents.tasks import same_weights, small_ppo

CARTPOLE = "Sandbox/CartPole-v0"


def learned(**options: Any) -> PPO:
    """An agent after a short run; its episodes are short too."""
    arguments = {"env_kwargs": {"max_episode_steps": 50}, "batch_size": 32, **options}
    return small_ppo(CARTPOLE, n_envs=4, **arguments).learn(256, run=True)


def only_run(root: Path) -> Path:
    (run,) = root.iterdir()
    return run


def test_an_agent_says_where_its_run_is(runs_root: Path) -> None:
    assert small_ppo(CARTPOLE, n_envs=4).run is None
    agent = learned()
    assert agent.run is not None
    assert agent.run.resolve() == only_run(runs_root).resolve()
    assert same_weights(load_run(agent.run, checkpoint="last"), agent)


@pytest.mark.usefixtures("runs_root")
def test_a_run_of_python_is_evaluated_by_the_command(
    runs_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    learned()
    capsys.readouterr()
    assert main(["evaluate", only_run(runs_root).name, "--episodes", "5", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["evaluation"]["episodes"] == 5
    assert 0 < result["evaluation"]["mean"] <= 50
    assert result["env"] == CARTPOLE


def test_a_run_of_python_is_loaded_and_predicts(runs_root: Path) -> None:
    agent = learned(normalize_observation=True, learning_rate="lin_1e-3")
    loaded = load_run(only_run(runs_root).name, checkpoint="last")
    assert same_weights(loaded, agent)  # learning ends with the last weights, not the best
    observation = np.zeros(4, np.float32)
    assert (
        loaded.predict(observation, deterministic=True)[0]
        == agent.predict(observation, deterministic=True)[0]
    )
    assert load_run(only_run(runs_root).name, checkpoint="best").num_timesteps <= agent.num_timesteps


def test_the_config_says_how_to_make_the_agent_again(runs_root: Path) -> None:
    from agents.build import build_agent
    from agents.config import AgentConfig

    agent = learned(
        gamma=0.9, clip_range="lin_0.3", ent_coef=0.01, policy_kwargs={"activation_fn": torch.nn.ReLU}
    )
    config = load_toml(only_run(runs_root) / "config.toml", AgentConfig)
    assert (config.envs, config.steps, config.env_args) == (4, 256, {"max_episode_steps": 50})
    again = build_agent(config)
    assert {name: again.setting(name) for name in PPO.saved_settings} == {
        name: agent.setting(name) for name in PPO.saved_settings
    }
    assert str(again.policy) == str(agent.policy)


def test_what_a_run_has_learned_is_what_the_same_call_learns_without_it(runs_root: Path) -> None:
    with_run = learned()
    without = small_ppo(CARTPOLE, n_envs=4, env_kwargs={"max_episode_steps": 50}, batch_size=32).learn(256)
    assert same_weights(with_run, without)
    assert len(list(runs_root.iterdir())) == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: small_ppo(gym.make("CartPole-v1")), "environment"),
        (lambda: small_ppo(CARTPOLE, learning_rate=lambda progress: progress), "learning_rate"),
        (lambda: small_ppo(CARTPOLE, policy_kwargs={"net_arch": {"pi": [4], "vf": [4]}}), "net_arch"),
        (lambda: small_ppo(CARTPOLE, policy_kwargs={"optimizer_class": torch.optim.SGD}), "optimizer_class"),
    ],
)
def test_what_a_config_cannot_hold_is_refused_before_anything_is_written(
    make: Any, message: str, runs_root: Path
) -> None:
    agent = make()
    with pytest.raises(UsageError, match=message):
        agent.learn(32, run=True)
    assert not runs_root.exists()
    agent.learn(32)


def test_a_callback_ends_a_run_early(runs_root: Path) -> None:
    agent = small_ppo(CARTPOLE, n_envs=4, env_kwargs={"max_episode_steps": 50}, batch_size=32)
    agent.learn(10_000, run=True, callback=lambda local, _: local["self"].num_timesteps < 100)
    info = json.loads((only_run(runs_root) / "run.json").read_text())
    assert info["status"] == "finished"
    assert info["steps"] == agent.num_timesteps == 100


def test_what_was_learned_before_the_run_survives_a_kill_at_its_start(runs_root: Path) -> None:
    agent = PPO("MlpPolicy", "CartPole-v1", n_steps=16, batch_size=16, seed=0, device="cpu").learn(64)
    before = {name: part.clone() for name, part in agent.policy.state_dict().items()}

    def fails(*_: object) -> bool:
        raise RuntimeError("the callback fails at the first step")

    with pytest.raises(RuntimeError):
        agent.learn(64, callback=fails, run=True)
    kept = load_run(only_run(runs_root).name, checkpoint="first").policy.state_dict()
    assert all(bool((kept[name] == part).all()) for name, part in before.items())


def test_an_environment_that_only_a_script_knows_is_refused_before_anything_is_written(
    runs_root: Path,
) -> None:
    class Own(gym.Wrapper):
        pass

    Own.__module__ = "__main__"
    gym.register("Own-v0", lambda: Own(gym.make("CartPole-v1")))
    gym.registry["Own-v0"].entry_point.__module__ = "__main__"  # type: ignore[union-attr]
    agent = PPO("MlpPolicy", "Own-v0", n_steps=16, batch_size=16, device="cpu")
    with pytest.raises(UsageError, match="a script registered it"):
        agent.learn(16, run=True)
    with pytest.raises(UsageError, match="run is True, False or an AgentSession"):
        agent.learn(16, run="mine")  # type: ignore[arg-type]
    assert not list(runs_root.glob("*"))
