"""The four packages in Python: their public names, what `dir` and `help` show, and that examples run."""

from __future__ import annotations

import ast
import doctest
import inspect
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.test_floors import loaded_by

PUBLIC = {
    "agents": ["DQN", "PPO", "SB3VecEnv", "Simulator", "Step", "as_simulator", "register_class"],
    "envs": [
        *("NO_LIMIT", "PIXELS", "Array", "BatchedEnv", "CoreOptions", "Entry", "Mask", "SingleEnv"),
        *("listing", "twin"),
    ],
    "generative": ["DDPM", "VAE", "Autoencoder", "ConditionalPipeline", "UNet"],
    "sandbox": ["__version__", "load_run", "train"],
}
NAMES = [(package, name) for package, names in PUBLIC.items() for name in names]
WITH_EXAMPLES = [
    *(("agents", name) for name in ("DQN", "PPO", "as_simulator", "register_class")),
    *(("generative", name) for name in ("Autoencoder", "VAE", "UNet", "DDPM")),
    *(("sandbox", name) for name in ("load_run", "train")),
]


def public(package: str, name: str) -> Any:
    return getattr(import_module(package), name)


@pytest.mark.parametrize("package", PUBLIC)
def test_the_public_names_are_these_and_dir_shows_no_others(package: str) -> None:
    module = import_module(package)
    assert sorted(module.__all__) == sorted(PUBLIC[package])
    assert dir(module) == sorted(PUBLIC[package])
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'Nonsense'"):
        _ = module.Nonsense


@pytest.mark.parametrize(("package", "name"), NAMES)
def test_every_public_name_resolves_and_says_what_it_is(package: str, name: str) -> None:
    found = public(package, name)
    if inspect.isclass(found) or inspect.isfunction(found):
        summary = (inspect.getdoc(found) or "").split("\n")[0]
        assert summary.endswith((".", ":"))


@pytest.mark.parametrize(("package", "heavy"), [("agents", "gymnasium"), ("generative", "diffusers")])
def test_wings_load_nothing_heavy_before_it_is_used(package: str, heavy: str) -> None:
    assert loaded_by(f"import {package}; dir({package})", "torch", "numpy", heavy) == set()


@pytest.mark.parametrize(("package", "name"), WITH_EXAMPLES)
@pytest.mark.usefixtures("runs_root")
def test_the_examples_run(
    package: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("agents.training.CONFIRM_EPISODES", 4)
    found = public(package, name)
    runner = doctest.DocTestRunner(verbose=False)
    (test,) = doctest.DocTestFinder(recurse=False).find(found, name, module=False, globs={})
    assert test.examples
    runner.run(test)
    assert runner.failures == 0, capsys.readouterr().out


@pytest.mark.parametrize("name", ["DQN", "PPO"])
def test_help_says_the_default_of_every_argument(name: str) -> None:
    cls = public("agents", name)
    parameters = inspect.signature(cls).parameters
    _, _, arguments = (inspect.getdoc(cls) or "").partition("Args:\n")
    told = dict(re.findall(r"(\w+) = ([^:,\s]+)(?=[:,])", arguments))
    defaults = {
        key: parameter.default
        for key, parameter in parameters.items()
        if parameter.default is not inspect.Parameter.empty and not key.startswith("_")
    }
    assert {key: ast.literal_eval(value) for key, value in told.items()} == defaults


def test_what_cannot_be_trained_is_told_in_a_line() -> None:
    from sandbox import train
    from sandbox.core.errors import SandboxError

    for words, options, message in (
        (("vae", "mnist"), {}, "there is nothing to train called 'vae'"),
        (("classifier", "digits"), {"max_minuts": 2}, "--max-minuts"),
        (("agent", "CartPol"), {}, "'CartPol'"),
    ):
        with pytest.raises(SandboxError, match=message):
            train(*words, **options)


def test_options_of_train_are_those_of_the_command(runs_root: Path) -> None:
    from sandbox import train

    found = train(
        *("agent", "CartPole"),
        algo="dqn",
        steps="2k",
        set={"gamma": 0.9},
        wrap=["mask_velocity"],
        seed=None,
        early_stop=False,
        checkpoint_replay=True,
        dry_run=True,
        quiet=True,
    )["config"]
    assert (found["algo"], found["steps"], found["settings"]["gamma"]) == ("dqn", 2000, 0.9)
    assert found["wrap"] == ["mask_velocity"]
    assert (found["early_stop"], found["checkpoint_replay"]) == (False, True)
    assert not runs_root.exists()


def test_false_is_said_to_the_command_and_not_left_out(tmp_path: Path) -> None:
    from sandbox import train
    from sandbox.core.errors import UsageError

    told = train("generator", "ddpm", "digits", class_conditional=False, dry_run=True, quiet=True)["config"]
    assert told["class_conditional"] is False
    file = tmp_path / "c.toml"
    file.write_text(
        'data = "digits"\naugment = true\nbalanced = true\n[fit]\nautocast = true\ncompile = true\n'
    )
    changed = train("classifier", config=file, augment=False, dry_run=True, quiet=True)["config"]
    assert (changed["augment"], changed["balanced"]) == (False, True)
    with pytest.raises(UsageError, match=r"compile=False cannot undo what .*c\.toml says"):
        train("classifier", config=file, compile=False, dry_run=True, quiet=True)


def test_numbers_of_numpy_are_options_too() -> None:
    import numpy as np

    from sandbox import train

    options: dict[str, Any] = {"seed": np.int64(3), "freeze": np.bool_(False), "augment": np.bool_(True)}
    told = train("classifier", "digits", **options, dry_run=True, quiet=True)["config"]
    assert (told["seed"], told["augment"]) == (3, True)


@pytest.mark.usefixtures("runs_root")
def test_torch_computes_afterwards_with_as_many_threads_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from sandbox import load_run, train

    monkeypatch.setattr("agents.training.CONFIRM_EPISODES", 4)
    before = torch.get_num_threads()
    train("agent", "CartPole", steps=64, envs=8, threads=before + 1, quiet=True)
    assert torch.get_num_threads() == before
    assert load_run("latest").num_timesteps > 0
    assert torch.get_num_threads() == before


def test_the_table_of_plugins_says_where_train_is() -> None:
    from sandbox.commands import calling
    from sandbox.core.plugins import train_of_commands

    assert train_of_commands() is calling.train
    assert "import_module" not in (Path(__file__).parents[1] / "sandbox" / "__init__.py").read_text()


def test_dir_of_an_agent_shows_what_people_ask_of_it() -> None:
    from stable_baselines3.common.base_class import BaseAlgorithm

    from agents import PPO

    agent = PPO("MlpPolicy", "Sandbox/CartPole-v0", n_envs=2, n_steps=8)
    shown = {*dir(agent)}
    assert {name for name in vars(BaseAlgorithm) if not name.startswith("_")} <= shown
    assert {"save", "load", "learn", "predict", "gamma", "run", "loss", "training_state"} <= shown
    assert not {"moved", "simulator", "take_counters"} & shown
