"""`train-agent` as people and scripts use it: names, options, the JSON it promises, what it refuses."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from agents.names import LONGEST, task_of, with_end
from agents.resolve import resolve_config
from sandbox.__main__ import main

SMALL = [
    "--steps",
    "512",
    "--envs",
    "4",
    "--set",
    "n_steps=32",
    "--set",
    "batch_size=64",
    "--set",
    "n_epochs=1",
    "--eval-every",
    "0",
]


@pytest.mark.parametrize(
    ("words", "code", "says", "hint"),
    [
        ("train-agent CartPoel", 4, "no environment called 'CartPoel'", "did you mean 'CartPole'?"),
        ("train-agent CartPole-v7", 4, "CartPole-v7", ""),
        ("train-agent nosuch:Env-v0", 4, "module 'nosuch'", "install it"),
        ("train-agent Blackjack-v1", 2, "Tuple", "FlattenObservation"),
        ("train-agent", 2, "which environment?", "train-agent CartPole"),
        (
            "train-agent CartPole --algo pp0",
            2,
            "unknown algorithm 'pp0': did you mean 'ppo'?",
            "known: dqn, ppo",
        ),
        ("train-agent CartPole --policy CnnPolicy", 2, "CnnPolicy sees pictures only", "MlpPolicy"),
        ("train-agent CartPole --policy CnPolicy", 2, "no policy 'CnPolicy'", "MlpPolicy"),
        ("trian-agent CartPole", 2, "did you mean 'train-agent'?", "--help"),
        ("train-agent CartPole --stesp 5", 2, "'--stesp': did you mean '--steps'?", "--help"),
        ("train-agent CartPole extra", 2, "extra", ""),
        ("train-agent CartPole --steps -5", 2, "negative", ""),
        ("train-agent CartPole --steps 0", 2, "steps must be at least 1, not 0", ""),
        ("train-agent CartPole --steps many", 2, "'many' is not a whole number", ""),
        ("train-agent CartPole --steps 1.5", 2, "'1.5' is not whole", ""),
        ("train-agent CartPole --envs 0", 2, "envs must be at least 1, not 0", ""),
        ("train-agent CartPole --envs 1e9", 2, "envs must be at most 65536", ""),
        ("train-agent CartPole --seed -1", 2, "seed must be between 0", ""),
        ("train-agent CartPole --seeds 0", 2, "--seeds must be at least 1", ""),
        ("train-agent CartPole --seeds 2 --name a", 2, "--name is for one run", ""),
        ("train-agent CartPole --name ../a", 2, "'../a' cannot be the name of a run", ""),
        ("train-agent CartPole --threads 0", 2, "threads must be at least 1", ""),
        ("train-agent CartPole --vec some", 2, "some", ""),
        ("train-agent CartPole --device tpu", 2, "unknown device 'tpu'", "auto, cpu"),
        ("train-agent CartPole --set n_stpes=3", 2, "unknown key 'n_stpes': did you mean 'n_steps'?", ""),
        ("train-agent CartPole --set n_steps", 2, "not of the form KEY=VALUE", "n_steps=64"),
        ("train-agent CartPole --set n_steps=x", 2, "'x' is not a whole number", ""),
        ("train-agent CartPole --set n_steps=0", 2, "n_steps must be a whole number, at least 1, not 0", ""),
        ("train-agent CartPole --set gamma=1.5", 2, "gamma must be between 0 and 1, not 1.5", ""),
        ("train-agent CartPole --set gamma=nan", 2, "gamma must be between 0 and 1, not nan", ""),
        ("train-agent CartPole --set learning_rate=fast", 2, "'fast' is no schedule", ""),
        ("train-agent CartPole --set activation=Foo", 2, "torch.nn has no activation 'Foo'", "ReLU"),
        ("train-agent CartPole --set n_steps=9999999999", 7, "GiB", "lower n_steps"),
        (
            "train-agent CartPole --env-arg lenght=3",
            2,
            "argument 'lenght'; known: max_episode_steps, obs",
            "",
        ),
        ("train-agent Snake --env-arg sise=3", 2, "did you mean 'size'? known: max_episode_steps, obs", ""),
        ("train-agent CartPole --config nowhere.toml", 4, "no such file: nowhere.toml", ""),
        ("evaluate nope", 4, "no run matches 'nope'", "python -m sandbox runs"),
        ("resume", 4, "no unfinished run", "python -m sandbox runs"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing_behind(
    words: str, code: int, says: str, hint: str, runs_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words.split()) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    lines = shown.err.splitlines()
    assert lines[0].startswith("error: ")
    assert says in lines[0]
    assert hint in "".join(lines[1:])
    assert len(lines) <= 2
    assert list(runs_root.glob("*")) == []


@pytest.mark.parametrize(
    ("env", "module", "extra"),
    [
        ("LunarLander", "Box2D", "box2d"),
        ("CarRacing-v3", "Box2D", "box2d"),
        ("ALE/Pong-v5", "ale_py", "atari"),
    ],
)
def test_a_missing_extra_comes_with_the_command_that_installs_it(
    env: str,
    module: str,
    extra: str,
    runs_root: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in [name for name in sys.modules if name.startswith(("gymnasium.envs.box2d", module))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)  # as if it were not installed
    assert main(["train-agent", env, "--json"]) == 3
    error = json.loads(capsys.readouterr().out)
    assert f"needs the extra [{extra}]" in error["error"]
    assert f"rl-sandbox[{extra}]" in error["hint"]
    assert error["code"] == 3
    assert list(runs_root.glob("*")) == []


def test_cuda_where_there_is_none(runs_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    assert main(["train-agent", "CartPole", "--device", "cuda"]) == 7
    assert "CUDA" in capsys.readouterr().err
    assert list(runs_root.glob("*")) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('env = "CartPole"\nstps = 4\n', "line 2: unknown key 'stps': did you mean 'steps'?"),
        ('env = "CartPole"\nsteps = "four"\n', "line 2: steps: 'four' is not a whole number"),
        ('env = "CartPole"\n\n[settings]\nn_steps = "x"\n', "line 4: settings.n_steps: 'x'"),
        (
            'env = "CartPole"\n[settings]\nn_epochs = 0\n',
            "line 3: n_epochs must be a whole number, at least 1, not 0",
        ),
        ("env = \n", "not valid TOML"),
        ("steps = 4\n", "which environment?"),
    ],
)
def test_a_config_error_names_key_and_line(
    text: str, says: str, tmp_path: Path, runs_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "wrong.toml"
    config.write_text(text)
    assert main(["train-agent", "--config", str(config)]) == 2
    assert says in capsys.readouterr().err.splitlines()[0]


@pytest.fixture
def trained(runs_root: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert main(["train-agent", "CartPole", *SMALL, "--seed", "3", "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_json_that_scripts_rely_on(trained: dict[str, Any]) -> None:
    promised = [
        "schema",
        "run",
        "env",
        "algo",
        "seed",
        "steps",
        "train_seconds",
        "steps_per_second",
        "solved",
        "evaluation",
    ]
    assert set(promised) <= set(trained)
    assert (trained["env"], trained["algo"], trained["seed"], trained["steps"]) == (
        "CartPole-v1",
        "ppo",
        3,
        512,
    )
    assert set(trained["evaluation"]) == {"episodes", "mean", "std", "min", "max"}
    assert trained["solved"] is False
    folder = Path(trained["run"])
    assert {path.name for path in folder.iterdir()} >= {
        *("run.json", "config.toml", "manifest.json", "metrics.jsonl", "checkpoints", "plots", "LAST")
    }
    assert (folder / "plots" / "learning_curve.png").stat().st_size > 5_000


def test_evaluate_finds_what_training_found(
    trained: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", "latest", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["evaluation"] == trained["evaluation"]
    assert main(["evaluate", "latest", "--gate", "475", "--json"]) == 6
    failed = json.loads(capsys.readouterr().out)
    assert failed["code"] == 6
    assert failed["evaluation"] == trained["evaluation"]


def test_a_runs_own_config_repeats_it(trained: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    config = Path(trained["run"]) / "config.toml"
    assert main(["train-agent", "--config", str(config), "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["run"] != trained["run"]
    assert again["evaluation"] == trained["evaluation"]


def test_several_seeds_make_a_run_each(runs_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train-agent", "CartPole", *SMALL, "--seeds", "2", "--seed", "5", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert [run["seed"] for run in result["runs"]] == [5, 6]
    assert len({run["run"] for run in result["runs"]}) == len(list(runs_root.iterdir())) == 2


def test_a_dry_run_shows_the_config_and_writes_nothing(
    runs_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train-agent", "CartPole", "--dry-run", "--set", "n_steps=16"]) == 0
    assert "n_steps = 16" in capsys.readouterr().out
    assert list(runs_root.glob("*")) == []


def test_options_beat_the_config_file_which_beats_the_preset(tmp_path: Path) -> None:
    config = tmp_path / "mine.toml"
    config.write_text('env = "CartPole"\nsteps = 7000\nenvs = 16\n[settings]\nn_epochs = 3\ngamma = 0.9\n')
    found = resolve_config("", {"envs": 2}, settings=["gamma=0.5"], config=config)
    assert (found.env, found.train_env) == ("CartPole-v1", "Sandbox/CartPole-v0")
    assert (found.steps, found.envs, found.settings.n_epochs, found.settings.gamma) == (7000, 2, 3, 0.5)
    assert found.settings.net_arch == [32]  # the preset's
    assert found.threshold == 475
    assert resolve_config("", {}, config=config, quick=True).steps == 700


@pytest.mark.parametrize(
    ("text", "task", "learnt_on"),
    [
        ("CartPole", "CartPole-v1", "Sandbox/CartPole-v0"),
        ("cartpole", "CartPole-v1", "Sandbox/CartPole-v0"),
        ("CartPole-v1", "CartPole-v1", "CartPole-v1"),
        ("Sandbox/CartPole-v0", "Sandbox/CartPole-v0", "Sandbox/CartPole-v0"),
        ("Acrobot", "Acrobot-v1", "Sandbox/Acrobot-v0"),
        ("pendulum", "Pendulum-v1", "Sandbox/Pendulum-v0"),
        ("FrozenLake", "FrozenLake-v1", "FrozenLake-v1"),
        ("cliffwalking", "CliffWalking-v1", "CliffWalking-v1"),
    ],
)
def test_short_names_and_full_ids(text: str, task: str, learnt_on: str) -> None:
    assert task_of(text) == (task, learnt_on)


@pytest.mark.parametrize(("what", "name"), [("envs", "CartPole"), ("algos", "ppo")])
def test_lists(what: str, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", what, "--json"]) == 0
    assert name in [row[0] for row in json.loads(capsys.readouterr().out)["rows"]]


def test_an_agent_that_walks_in_a_circle_is_evaluated_all_the_same(
    runs_root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """CliffWalking has no time limit, and a greedy agent may never come to an end."""
    monkeypatch.setattr("agents.names.LONGEST", 20)
    assert main(["train-agent", "CliffWalking", *SMALL, "--json"]) == 0
    shown = capsys.readouterr()
    assert "did not end, and count as they stood after 20 steps" in shown.err
    assert json.loads(shown.out)["evaluation"]["mean"] <= -20


@pytest.mark.parametrize("env", ["Pendulum", "Pendulum-v1"])
def test_an_environment_whose_limit_was_taken_away_is_evaluated_all_the_same(
    env: str, runs_root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.names.LONGEST", 20)
    assert main(["train-agent", env, *SMALL, "--env-arg", "max_episode_steps=-1", "--json"]) == 0
    assert "100 of 100 episodes did not end" in capsys.readouterr().err
    assert main(["evaluate", "latest", "--episodes", "3", "--json"]) == 0
    assert "3 of 3 episodes did not end" in capsys.readouterr().err


def test_a_limit_that_was_given_is_kept_in_evaluations() -> None:
    assert with_end("CliffWalking-v1", {"max_episode_steps": 7}) == {"max_episode_steps": 7}
    assert with_end("CliffWalking-v1", {"is_slippery": True})["max_episode_steps"] == LONGEST
    assert with_end("Sandbox/TMaze-v0", {"max_episode_steps": -1}) == {"max_episode_steps": LONGEST}
    assert with_end("Sandbox/TMaze-v0", {"length": 9}) == {"length": 9}


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("render_mode=42", "render_mode cannot be an --env-arg"),
        ("num_envs=3", "num_envs cannot be an --env-arg"),
        ("autoreset_mode=Disabled", "autoreset_mode cannot be an --env-arg"),
        ("max_episode_steps=soon", "max_episode_steps must be a whole number.*not 'soon'"),
        ("max_episode_steps=2.5", r"max_episode_steps must be .*not 2\.5"),
        (f"max_episode_steps={2**31}", f"max_episode_steps must be .*not {2**31}"),
        ("spec=3", "cannot be made with these arguments"),
    ],
)
@pytest.mark.parametrize("command", [("train-agent", "Catch"), ("watch", "--random", "--env", "Catch")])
def test_an_argument_that_no_environment_can_have_is_named(
    command: tuple[str, ...], argument: str, said: str, runs_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--env-arg", argument]) == 2
    error = capsys.readouterr().err.strip()
    assert re.search(f"^error: .*{said}", error, re.MULTILINE)
    assert not runs_root.exists()


def test_another_environment_than_the_configs_has_its_own_threshold(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('env = "CartPole-v1"\ntrain_env = "CartPole-v1"\nthreshold = 475.0\n')
    assert resolve_config("Acrobot", {}, config=config).threshold == -100
    assert resolve_config("CartPole-v1", {}, config=config).threshold == 475


def test_an_episode_that_was_cut_off_is_followed_by_a_fresh_one(
    runs_root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """More episodes than environments: a walk along the wall costs 1 a step, from a fresh start each time."""
    monkeypatch.setattr("agents.names.LONGEST", 20)
    assert main(["train-agent", "CliffWalking", *SMALL, "--quiet"]) == 0
    capsys.readouterr()
    assert main(["evaluate", "latest", "--episodes", "250", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["evaluation"]
    assert found["episodes"] == 250
    assert found["std"] == 0  # the same start, the same policy, the same 20 steps
