"""`train-classifier` as people and scripts use it: names, options, the JSON it promises, what it refuses."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from sandbox import load_run
from sandbox.__main__ import main
from sandbox.core.run import Run
from sandbox.nn.budget import FEWEST_STEPS, Budget
from sandbox.nn.transfer import load_backbone
from sandbox.supervised.config import ClassifierConfig
from sandbox.supervised.presets import preset
from sandbox.supervised.resolve import resolve_config
from tests.supervised.run_folders import answer, assert_same_run, left_behind, train, without_curves

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def quick_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    without_curves(monkeypatch)


@pytest.mark.parametrize(
    ("words", "code", "says", "hint"),
    [
        ("", 2, "which data?", "such as mnist"),
        ("digist", 2, "unknown data set 'digist': did you mean 'digits'?", "known: "),
        ("digits extra", 2, "extra", ""),
        ("digits --modle cnn", 2, "'--modle': did you mean '--model'?", "--help"),
        ("digits --model cn", 2, "--model: 'cn' is not one of ", ""),
        ("digits --backbone smal", 2, "did you mean 'small'?", ""),
        ("digits --set optimizer=adm", 2, "optimizer: ", ""),
        ("digits --set schedule=cosin", 2, "schedule: ", ""),
        ("digits --set batchsize=3", 2, "unknown key 'batchsize': did you mean 'batch_size'?", ""),
        ("digits --set batch_size", 2, "not of the form KEY=VALUE", ""),
        ("digits --set batch_size=0", 2, "batch_size must be at least 1, not 0", ""),
        ("digits --set learning_rate=fast", 2, "learning_rate: 'fast'", ""),
        ("digits --set ema_decay=1", 2, "ema_decay must be at least 0 and below 1, not 1.0", ""),
        ("digits --epochs 0", 2, "--epochs must be above 0, not 0", ""),
        ("digits --epochs nan", 2, "--epochs must be above 0, not nan", ""),
        ("digits --steps 0", 2, "--steps must be above 0, not 0", ""),
        ("digits --steps 1.5", 2, "'1.5' is not whole", ""),
        ("digits --max-minutes -1", 2, "--max-minutes must be above 0, not -1", ""),
        ("digits --epochs 2 --steps 5", 2, "--epochs and --steps are two budgets", "give one of them"),
        ("digits --epochs 2 --max-minutes 5", 2, "--epochs and --max-minutes are two budgets", ""),
        ("digits --epochs 2 --set steps=5", 2, "--epochs and --steps are two budgets", ""),
        ("digits --steps 2 --set steps=5", 2, "--steps and --set steps are two budgets", ""),
        ("digits --seed -1", 2, "seed must be between 0", ""),
        ("digits --seeds 0", 2, "--seeds must be at least 1", ""),
        ("digits --seeds 2 --name a", 2, "--name is for one run", ""),
        ("digits --seeds 2 --seed 2147483647", 2, "seed must be between 0", ""),
        ("digits --threads 0", 2, "threads must be at least 1, not 0", ""),
        ("digits --device tpu", 2, "unknown device 'tpu'", ""),
        ("digits --name ../a", 2, "'../a' cannot be the name of a run", ""),
        ("digits --pictures 0", 2, "pictures must be at least 1, not 0", ""),
        ("digits --pictures 5000", 2, "a subset can have 1 to 1,168 pictures, not 5,000", ""),
        ("digits --config nowhere.toml", 4, "no such file: nowhere.toml", ""),
        ("digits --init-from nowhere", 4, "no run matches 'nowhere'", ""),
        ("mnist --data-dir nowhere", 4, "--data-dir nowhere is not a folder", ""),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing_behind(
    words: str, code: int, says: str, hint: str, runs_root: Path, capsys: Captured
) -> None:
    assert main(["train-classifier", *words.split()]) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    lines = shown.err.splitlines()
    assert lines[0].startswith("error: ")
    assert says in lines[0]
    assert hint in "".join(lines[1:])
    assert len(lines) <= 2
    assert list(runs_root.glob("*")) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('data = "digits"\nmdel = "cnn"\n', "line 2: unknown key 'mdel': did you mean 'model'?"),
        ('data = "digits"\nmodel = "cn"\n', "line 2: model: "),
        ('data = "digits"\n\n[fit]\nsteps = "x"\n', "line 4: fit.steps: 'x'"),
        ('data = "digits"\n[fit]\nbatch_size = 0\n', "line 3: batch_size must be at least 1, not 0"),
        ('model = "cnn"\n', "which data?"),
        ("data = \n", "not valid TOML"),
    ],
)
def test_a_config_error_names_key_and_line(
    text: str, says: str, tmp_path: Path, runs_root: Path, capsys: Captured
) -> None:
    config = tmp_path / "wrong.toml"
    config.write_text(text)
    assert main(["train-classifier", "--config", str(config)]) == 2
    assert says in capsys.readouterr().err.splitlines()[0]
    assert list(runs_root.glob("*")) == []


# A run


@pytest.fixture
def trained(runs_root: Path, capsys: Captured) -> dict[str, Any]:
    words = "train-classifier digits --model linear --steps 40 --seed 3 --threads 1 --name first"
    return answer(capsys, *words.split())


def test_the_json_that_scripts_rely_on(trained: dict[str, Any], runs_root: Path) -> None:
    assert trained["schema"] == "sandbox.classifier/1"
    assert (trained["data"], trained["model"], trained["seed"]) == ("digits", "linear", 3)
    assert trained["steps"] == 40
    assert trained["epochs"] == pytest.approx(40 * 128 / 1168, abs=1e-3)
    assert trained["train_seconds"] > 0
    score = trained["evaluation"]
    assert (score["split"], score["n"]) == ("test", 359)
    assert 0.15 < score["accuracy"] < 1
    assert score["interval"][0] < score["accuracy"] < score["interval"][1]
    assert 0 < score["loss"] < 2.3
    folder = Path(trained["run"])
    assert folder == runs_root / "first"
    assert {path.name for path in folder.iterdir()} >= {
        *("run.json", "config.toml", "manifest.json", "metrics.jsonl", "checkpoints", "BEST", "LAST")
    }
    assert not (folder / "backbone.safetensors").exists()  # it has no backbone


def test_a_runs_own_config_repeats_it_bit_for_bit(runs_root: Path) -> None:
    """Also what the presets would have it otherwise."""
    options = ("--set", "ema_decay=0", "--augment", "--set", "clip_norm=1")
    assert train(runs_root, "one", "backbone", *options) == 0
    config = str(runs_root / "one" / "config.toml")
    assert main(["train-classifier", "--config", config, "--name", "two", "--quiet"]) == 0
    assert_same_run(runs_root / "one", runs_root / "two")
    assert (runs_root / "two" / "config.toml").read_text() == Path(config).read_text()


def test_two_processes_train_the_same_run(runs_root: Path) -> None:
    assert train(runs_root, "here", "backbone", "--augment") == 0
    config = str(runs_root / "here" / "config.toml")
    words = ["train-classifier", "--config", config, "--name", "elsewhere", "--quiet"]
    path = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    variables = {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "12345"}
    for display in ("DISPLAY", "WAYLAND_DISPLAY"):
        variables.pop(display, None)
    subprocess.run([sys.executable, "-m", "sandbox", *words], env=variables, check=True, capture_output=True)
    assert_same_run(runs_root / "here", runs_root / "elsewhere")


def test_another_seed_is_another_run(runs_root: Path) -> None:
    for seed in ("1", "2"):
        assert train(runs_root, seed, "linear", "--seed", seed) == 0
    assert left_behind(runs_root / "1")["metrics"] != left_behind(runs_root / "2")["metrics"]


def test_several_seeds_make_a_run_each(runs_root: Path, capsys: Captured) -> None:
    words = "train-classifier digits --model linear --steps 5 --seeds 2 --seed 5 --threads 1"
    result = answer(capsys, *words.split())
    assert [run["seed"] for run in result["runs"]] == [5, 6]
    assert {Path(run["run"]) for run in result["runs"]} == set(runs_root.iterdir())


def test_few_pictures_are_learned_from_and_all_are_tested_on(runs_root: Path, capsys: Captured) -> None:
    words = "train-classifier digits --model linear --pictures 50 --epochs 4 --threads 1 --set batch_size=20"
    result = answer(capsys, *words.split())
    assert (result["steps"], result["epochs"]) == (10, 4)
    assert result["evaluation"]["n"] == 359


def test_a_dry_run_shows_the_config_and_writes_nothing(runs_root: Path, capsys: Captured) -> None:
    assert main(["train-classifier", "digits", "--dry-run", "--set", "batch_size=16", "--epochs", "2"]) == 0
    shown = tomllib.loads(capsys.readouterr().out)
    assert shown["fit"]["batch_size"] == 16
    assert shown["fit"]["steps"] == 2 * 1168 // 16
    words = ["train-classifier", "digits", "--dry-run", "--set", "batch_size=16", "--epochs", "2"]
    config = answer(capsys, *words)
    assert config["schema"] == "sandbox.config/1"
    assert config["config"] == shown
    assert list(runs_root.glob("*")) == []


def test_the_run_is_shown_and_loaded(trained: dict[str, Any], capsys: Captured) -> None:
    import torch

    shown = answer(capsys, "runs", "show", "first")
    assert "classifier" in str(shown)
    model = load_run("first")
    assert not model.training
    assert model(torch.zeros(2, 1, 8, 8)).shape == (2, 10)


def test_help_loads_neither_torch_nor_numpy() -> None:
    code = (
        "import sys; from sandbox.__main__ import main; main(['train-classifier', '--help']);"
        "sys.exit(' '.join({'torch', 'numpy', 'sklearn', 'matplotlib'} & set(sys.modules)))"
    )
    path = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True
    )
    assert done.stderr.strip() == ""
    assert "--init-from" in done.stdout
    assert "python -m sandbox train-classifier mnist" in done.stdout


# Budgets


def resolved(config: Path | None = None, **options: Any) -> ClassifierConfig:
    budget = Budget(**{key: options.pop(key) for key in ("epochs", "steps") if key in options})
    return resolve_config("" if config else "digits", {}, budget=budget, config=config, **options)


def test_epochs_are_rounded_up_to_steps() -> None:
    batch = resolved().fit.batch_size
    assert resolved(epochs=1).fit.steps == -(-1168 // batch)
    assert resolved(epochs=0.001).fit.steps == 1
    assert resolved(steps=77).fit.steps == 77
    assert resolved(settings=["steps=77"]).fit.steps == 77


def test_quick_is_a_tenth_of_any_budget(tmp_path: Path) -> None:
    config = tmp_path / "mine.toml"
    config.write_text('data = "digits"\n[fit]\nsteps = 700\n')
    assert resolved(config=config).fit.steps == 700
    assert resolved(config=config, quick=True).fit.steps == 70
    assert resolved(steps=500, quick=True).fit.steps == 50
    assert resolved(settings=["steps=500"], quick=True).fit.steps == 50
    assert resolved(steps=5, quick=True).fit.steps == 1


def test_few_pictures_are_learned_in_more_than_a_few_steps_unless_asked_otherwise() -> None:
    few = {"pictures": 60}
    assert resolve_config("digits", few, budget=Budget()).fit.steps == FEWEST_STEPS
    assert resolve_config("digits", few, budget=Budget(epochs=2)).fit.steps == 2  # 120 of 96 at a time


def test_data_of_other_packages_are_learned_as_long_as_a_folder() -> None:
    assert preset("backbone", "shapes") == preset("backbone", "folder:photos")
    assert preset("backbone", "shapes") != preset("backbone", "mnist")


def test_options_beat_the_config_file_which_beats_the_preset(tmp_path: Path) -> None:
    config = tmp_path / "mine.toml"
    config.write_text('data = "digits"\nseed = 4\n[fit]\nsteps = 700\nlearning_rate = 0.5\nmomentum = 0.5\n')
    found = resolved(config=config, steps=30, settings=["momentum=0.25"])
    assert (found.seed, found.fit.steps, found.fit.learning_rate, found.fit.momentum) == (4, 30, 0.5, 0.25)
    assert found.fit.ema_decay == resolved().fit.ema_decay > 0  # the preset's


@pytest.mark.parametrize("quick", [(), ("--quick",)])
def test_minutes_become_steps_that_the_config_keeps(
    runs_root: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch, quick: tuple[str, ...]
) -> None:
    monkeypatch.setattr("sandbox.nn.fit_run.steps_in", lambda minutes, training: round(200 * minutes))
    words = ["train-classifier", "digits", "--model", "linear", "--threads", "1", "--name", "timed"]
    words += ["--max-minutes", "0.1"]
    steps = 2 if quick else 20
    assert answer(capsys, *words, *quick)["steps"] == steps
    assert tomllib.loads((runs_root / "timed" / "config.toml").read_text())["fit"]["steps"] == steps


# Starting from another run's backbone


@pytest.fixture
def parent(runs_root: Path) -> Path:
    assert train(runs_root, "parent") == 0
    return runs_root / "parent"


def test_a_backbone_moves_and_its_preset_with_it(parent: Path, capsys: Captured) -> None:
    import torch

    words = ["train-classifier", "digits", "--init-from", "latest", "--threads", "1", "--name", "child"]
    assert (
        main([*words, "--steps", "1", "--set", "learning_rate=1e-12", "--set", "weight_decay=0", "--quiet"])
        == 0
    )
    told = next(line for line in capsys.readouterr().err.splitlines() if line.startswith("backbone from "))
    assert told.endswith(" parameters as they are, the stem too")
    child = parent.parent / "child"
    config = tomllib.loads((child / "config.toml").read_text())
    assert config["backbone"] == "tiny"
    assert config["init_from"] == str(parent / "backbone.safetensors")
    assert Run(child).info["parent"] == "parent"
    mine, theirs = load_backbone(child).state_dict(), load_backbone(parent).state_dict()
    for name, part in theirs.items():
        torch.testing.assert_close(mine[name], part)


def test_a_backbone_is_looked_for_among_the_runs_of_out(
    parent: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Captured
) -> None:
    monkeypatch.setenv("SANDBOX_RUNS", str(tmp_path / "elsewhere"))
    words = ["train-classifier", "digits", "--init-from", "parent", "--dry-run", "--out", str(parent.parent)]
    assert answer(capsys, *words)["config"]["backbone"] == "tiny"


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        ("--backbone small", 2, "the backbone of parent is 'tiny', not 'small'"),
        ("--model cnn", 2, "init_from needs the model 'backbone', not 'cnn'"),
    ],
)
def test_a_backbone_that_does_not_fit_is_refused(
    parent: Path, capsys: Captured, options: str, code: int, says: str
) -> None:
    words = ["train-classifier", "digits", "--init-from", "parent", *options.split()]
    capsys.readouterr()
    assert main(words) == code
    assert capsys.readouterr().err.splitlines()[0] == f"error: {says}"
    assert [run.name for run in parent.parent.iterdir()] == ["parent"]


def test_a_run_without_a_backbone_has_none_to_give(trained: dict[str, Any], capsys: Captured) -> None:
    assert main(["train-classifier", "digits", "--init-from", "first"]) == 4
    assert "has no backbone.safetensors" in capsys.readouterr().err
