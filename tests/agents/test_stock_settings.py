"""`--algo sb3-…`: which settings, policies and environments a stock algorithm gets, and what is refused."""

from __future__ import annotations

import copy
import inspect
import json
import pickle
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from agents.build import build_agent
from agents.config import AgentConfig
from agents.settings.stock import settings_of
from agents.stock.table import STOCK
from agents.stock.zoo import ZOO
from sandbox.__main__ import main
from sandbox.core.config import from_mapping, load_toml, to_mapping, to_toml
from tests.agents.run_folders import error_of

ALL = pytest.mark.parametrize("algo", STOCK)


@ALL
def test_settings_are_what_the_stock_class_takes_with_its_defaults(algo: str) -> None:
    module, _, name = STOCK[algo].target.partition(":")
    stock = inspect.signature(getattr(import_module(module), name)).parameters
    arguments = settings_of(STOCK[algo].target)().arguments()
    assert arguments.pop("policy_kwargs") == {}
    for name, value in arguments.items():
        if not name.startswith(("normalize_obs", "normalize_rew", "noise_")):
            assert value == stock[name].default, name
    assert {"learning_rate", "gamma"} <= arguments.keys()


@ALL
def test_a_config_comes_back_from_its_file_and_from_another_process(algo: str, tmp_path: Path) -> None:
    policy = STOCK[algo].policies[0]
    values: dict[str, Any] = {"env": "E-v0", "train_env": "E-v0", "algo": algo, "policy": policy}
    values["settings"] = {"learning_rate": "lin_1e-3", "net_arch": {"pi": [8], "vf": [4]}, "gamma": 0.5}
    if "DQN" in STOCK[algo].target:
        values["settings"]["net_arch"] = [8, 4]
    config = from_mapping(AgentConfig, values)
    (tmp_path / "config.toml").write_text(to_toml(config))
    assert load_toml(tmp_path / "config.toml", AgentConfig) == config
    assert pickle.loads(pickle.dumps(config)) == config
    assert copy.deepcopy(config) == config


@pytest.mark.parametrize(("algo", "env"), [(algo, env) for algo, table in ZOO.items() for env in table])
def test_the_installed_sb3_takes_the_settings_of_the_zoo(algo: str, env: str) -> None:
    policy = STOCK[algo].policies[0]
    values = {"env": env, "train_env": env, "algo": algo, "policy": policy, **ZOO[algo][env]}
    config = from_mapping(AgentConfig, values)
    written = to_mapping(config)["settings"]
    assert {name: written[name] for name in ZOO[algo][env]["settings"]} == ZOO[algo][env]["settings"]
    if "LunarLander" not in env:  # Box2D may not be there
        build_agent(config).simulator.close()


@pytest.mark.parametrize(
    ("options", "code", "expected"),
    [
        (["--set", "lerning_rate=1"], 2, "unknown key 'lerning_rate': did you mean 'learning_rate'?"),
        (["--set", "learning_rate=lin_x"], 2, "learning_rate: 'lin_x' is no schedule"),
        (["--set", "activation_fn=Tan"], 2, "torch.nn has no activation 'Tan'"),
        (["--set", "optimizer_class=Adm"], 2, "there is no optimiser 'Adm'"),
        (["--set", "n_steps=1", "--envs", "1"], 2, "stock PPO refuses this"),
        (["--policy", "MlpLstmPolicy"], 2, "sb3-ppo has no policy 'MlpLstmPolicy'"),
        (["--policy", "CnnPolicy"], 2, "CnnPolicy sees pictures only"),
        (["--policy", "MultiInputPolicy"], 2, "MultiInputPolicy sees Dict observations only"),
        (["--algo", "sb3-sac"], 2, "SAC cannot act in Discrete(2)"),
        (["--algo", "sb3-pp"], 2, "unknown algorithm 'sb3-pp': did you mean 'sb3-ppo'?"),
        (
            ["--algo", "sb3-dqn", "--set", "train_freq=[1, 'episode']", "--envs", "2"],
            2,
            "needs one environment",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    options: list[str], code: int, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train-agent", "CartPole", "--algo", "sb3-ppo", "--dry-run", *options]
    assert expected in error_of(capsys, words, code)


def test_a_discrete_algorithm_refuses_continuous_actions(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train-agent", "Pendulum", "--algo", "sb3-dqn", "--dry-run"]
    assert "DQN cannot act in Box(-2.0, 2.0, (1,), float32)" in error_of(capsys, words, 2)


def test_without_sb3_contrib_the_extra_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sb3_contrib", None)
    words = ["train-agent", "CartPole", "--algo", "sb3-qrdqn", "--dry-run"]
    assert "needs the extra [bench]" in error_of(capsys, words, 3)


# What is trained on what


def resolved(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["train-agent", *words, "--dry-run", "--json"]) == 0
    return json.loads(capsys.readouterr().out)["config"]


def test_a_short_name_means_the_task_itself_and_the_settings_of_the_zoo(
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = resolved(capsys, "CartPole", "--algo", "sb3-dqn")
    assert (config["env"], config["train_env"], config["steps"], config["envs"]) == (
        *("CartPole-v1", "CartPole-v1"),
        *(50_000, 1),
    )
    assert config["settings"]["gradient_steps"] == 128
    assert resolved(capsys, "CartPole", "--algo", "ppo")["train_env"] == "Sandbox/CartPole-v0"


def test_other_tasks_get_the_defaults_of_sb3(capsys: pytest.CaptureFixture[str]) -> None:
    config = resolved(capsys, "FrozenLake", "--algo", "sb3-a2c")
    assert config["envs"] == 1
    assert config["settings"]["n_steps"] == 5


@pytest.mark.parametrize(
    ("algo", "env", "policy"),
    [
        ("sb3-ppo", "Snake", "CnnPolicy"),
        ("sb3-ppo-lstm", "CartPole", "MlpLstmPolicy"),
        ("sb3-dqn", "MountainCar", "MlpPolicy"),
    ],
)
def test_the_policy_fits_the_observations(
    algo: str, env: str, policy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert resolved(capsys, env, "--algo", algo)["policy"] == policy


def test_dict_observations_get_the_policy_for_them(capsys: pytest.CaptureFixture[str]) -> None:
    config = resolved(capsys, "Tiny/Corridor-v0", "--algo", "sb3-ppo", "--env-arg", "kind=dict")
    assert config["policy"] == "MultiInputPolicy"
