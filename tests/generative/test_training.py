"""`train-generator` as people and scripts use it: names, options, and the run it leaves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from generative.config import CONFIGS
from sandbox.__main__ import main
from sandbox.core.metrics import read_metrics
from sandbox.core.run import Run
from tests.agents.run_folders import error_of
from tests.generative.run_folders import (
    assert_same_run,
    left_behind,
    pictures_in,
    train,
    train_words,
    without_curves,
)
from tests.supervised.run_folders import answer

Captured = pytest.CaptureFixture[str]
KINDS = ("autoencoder", "vae", "ddpm")


@pytest.fixture(autouse=True)
def quick_ends(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if "explains_itself" not in request.node.name:
        without_curves(monkeypatch)


# A run


@pytest.mark.parametrize("kind", KINDS)
def test_the_json_that_scripts_rely_on(kind: str, runs_root: Path, capsys: Captured) -> None:
    words = train_words(runs_root, "first", kind, "--seed", "3", "--only", "3,8")
    found = answer(capsys, *words)
    assert found["schema"] == "sandbox.generator/1"
    told = {"kind": kind, "data": "digits", "only": ["3", "8"], "seed": 3, "steps": 12}
    assert told.items() <= found.items()
    assert found.get("latent") == (None if kind == "ddpm" else 4)
    assert Path(found["run"]) == runs_root / "first"
    assert found["parameters"] > 1000
    assert found["train_seconds"] > 0
    score = found["evaluation"]
    assert score["split"] == "test"
    assert 0 < score["n"] < 100  # two of ten classes
    if kind == "vae":
        assert score["elbo"] == pytest.approx(-score["reconstruction"] - score["kl"], rel=1e-5)
        assert score["nats"] == -score["elbo"]
    elif kind == "ddpm":
        assert 0 < score["noise_mse"] < 2
        assert 0 < score["loss"] < 2
    else:
        assert score["mse"] == pytest.approx(10 ** (-score["psnr"] / 10), rel=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_explains_itself(kind: str, runs_root: Path, capsys: Captured) -> None:
    assert train(runs_root, "first", kind) == 0
    run = Run(runs_root / "first")
    files = {str(path.relative_to(run.path)) for path in run.path.rglob("*") if path.is_file()}
    assert files >= {
        *("run.json", "config.toml", "manifest.json", "metrics.jsonl", "BEST", "LAST"),
        *("backbone.safetensors", "plots/loss.png", "samples/training.gif"),
        *(f"samples/step-{step:09d}.png" for step in (0, 3, 6, 9, 12)),
    }
    known = {".json", ".toml", ".jsonl", ".safetensors", ".png", ".gif", ""}
    if kind == "ddpm":
        assert {"model_index.json", "README.md"} <= {path.name for path in (run.path / "model").iterdir()}
        known.add(".md")
    assert {Path(name).suffix for name in files} == known  # nothing that could execute code
    assert (run.status, run.info["kind"], run.info["shape"]) == ("finished", kind, [1, 8, 8])
    assert run.info["classes"] == list("0123456789")
    assert run.info["evaluation"]["split"] == "test"
    measure = {"autoencoder": "mse", "vae": "elbo", "ddpm": "noise_mse"}[kind]
    lines = read_metrics(run.metrics_path)
    assert [line["step"] for line in lines if f"train/{measure}" in line] == [2, 4, 6, 8, 10, 12]
    assert [line["step"] for line in lines if f"valid/{measure}" in line] == [3, 6, 9, 12]
    decides = f"valid/{CONFIGS[kind].monitor}"
    assert run.info["best"] == min(line[decides] for line in lines if decides in line)
    assert not any(path.name.startswith(".writing") for path in run.path.rglob("*"))
    capsys.readouterr()


@pytest.mark.parametrize(("kind", "what"), [("vae", "digits, 4 latents"), ("ddpm", "digits")])
def test_it_says_what_to_do_next(kind: str, what: str, runs_root: Path, capsys: Captured) -> None:
    words = [word for word in train_words(runs_root, "first", kind) if word != "--quiet"]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert f"done: {kind} on {what}, seed 0: " in said
    assert "samples/training.gif" in said
    assert "python -m sandbox generate " in said


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("autoencoder", ("--noise", "0.2", "--only", "1,7", "--set", "ema_decay=0")),
        ("vae", ("--likelihood", "bernoulli", "--class-conditional", "--kl-warmup", "0.5", "--beta", "0.5")),
        ("vae", ("--importance-samples", "3", "--size", "10", "--colours", "colour", "--hidden", "9")),
        ("ddpm", ("--prediction", "x0", "--zero-snr", "--min-snr", "5", "--attention", "--guidance", "2.5")),
        ("ddpm", ("--noise-schedule", "linear", "--prediction", "epsilon", "--no-class-conditional")),
        ("ddpm", ("--size", "9", "--colours", "colour", "--set", "autocast=true", "--label-dropout", "0")),
        ("ddpm", ("--unet", "diffusers", "--steps", "2", "--only", "3", "--set", "eval_every=2")),
    ],
)
def test_a_runs_own_config_repeats_it_bit_for_bit(
    kind: str, options: tuple[str, ...], runs_root: Path
) -> None:
    assert train(runs_root, "one", kind, *options) == 0
    config = runs_root / "one" / "config.toml"
    assert main(["train-generator", kind, "--config", str(config), "--name", "two", "--quiet"]) == 0
    assert_same_run(runs_root / "one", runs_root / "two")
    assert (runs_root / "two" / "config.toml").read_text() == config.read_text()


def test_two_processes_train_the_same_run(runs_root: Path) -> None:
    assert train(runs_root, "here", "autoencoder", "--noise", "0.2") == 0
    config = str(runs_root / "here" / "config.toml")
    words = ["train-generator", "autoencoder", "--config", config, "--name", "elsewhere", "--quiet"]
    variables = {**with_path(), "PYTHONHASHSEED": "12345"}
    for display in ("DISPLAY", "WAYLAND_DISPLAY"):
        variables.pop(display, None)
    done = subprocess.run(
        [sys.executable, "-m", "sandbox", *words], env=variables, check=True, capture_output=True, text=True
    )
    assert done.stderr == ""  # no library has anything to say
    assert_same_run(runs_root / "here", runs_root / "elsewhere")


def with_path() -> dict[str, str]:
    path = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": path}


def test_another_seed_is_another_run(runs_root: Path) -> None:
    for seed in ("1", "2"):
        assert train(runs_root, seed, "vae", "--seed", seed) == 0
    one, other = left_behind(runs_root / "1"), left_behind(runs_root / "2")
    assert one["samples"].keys() == other["samples"].keys()
    for name, digest in one["samples"].items():
        assert other["samples"][name] != digest, name
    assert one["model"]["config.json"] == other["model"]["config.json"]
    for name in ("metrics", "backbone", "model"):
        assert one[name] != other[name]


def test_several_seeds_make_a_run_each(runs_root: Path, capsys: Captured) -> None:
    words = train_words(runs_root, "x", "autoencoder", "--seeds", "2", "--seed", "5")
    place = words.index("--name")
    found = answer(capsys, *words[:place], *words[place + 2 :])
    assert found["schema"] == "sandbox.generators/1"
    assert [run["seed"] for run in found["runs"]] == [5, 6]
    assert {Path(run["run"]) for run in found["runs"]} == set(runs_root.iterdir())
    assert all("train-generator-autoencoder-digits-s" in run["run"] for run in found["runs"])


def test_a_dry_run_shows_the_config_and_writes_nothing(runs_root: Path, capsys: Captured) -> None:
    words = ["train-generator", "vae", "digits", "--dry-run", "--latent", "7", "--epochs", "2"]
    words += ["--set", "batch_size=16"]
    assert main(words) == 0
    shown = tomllib.loads(capsys.readouterr().out)
    assert (shown["latent"], shown["fit"]["steps"]) == (7, 2 * 1168 // 16)
    assert answer(capsys, *words) == {"schema": "sandbox.config/1", "config": shown}
    assert list(runs_root.glob("*")) == []


@pytest.mark.parametrize(("quick", "steps"), [((), 20), (("--quick",), 2)])
def test_minutes_become_steps_that_the_config_keeps(
    quick: tuple[str, ...], steps: int, runs_root: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.nn.fit_run.steps_in", lambda minutes, training: round(200 * minutes))
    found = answer(capsys, *train_words(runs_root, "timed", "vae", "--max-minutes", "0.1", *quick))
    assert found["steps"] == steps
    assert tomllib.loads((runs_root / "timed" / "config.toml").read_text())["fit"]["steps"] == steps


@pytest.mark.parametrize("kind", ["vae", "ddpm"])
def test_minutes_are_measured_with_a_copy(kind: str, runs_root: Path) -> None:
    """That a few steps were tried before changes nothing of the run."""
    assert train(runs_root, "timed", kind, "--max-minutes", "0.0005") == 0
    config = str(runs_root / "timed" / "config.toml")
    assert main(["train-generator", kind, "--config", config, "--name", "again", "--quiet"]) == 0
    assert_same_run(runs_root / "timed", runs_root / "again")


def test_quick_is_a_tenth(runs_root: Path, capsys: Captured) -> None:
    def steps(*options: str) -> int:
        words = ["train-generator", "vae", "digits", "--dry-run", *options]
        return answer(capsys, *words)["config"]["fit"]["steps"]

    assert steps("--steps", "500", "--quick") == 50
    assert steps("--quick") == steps() // 10


# What it learns from


def test_one_class_is_learned_of_a_data_set(runs_root: Path, capsys: Captured) -> None:
    found = answer(capsys, *train_words(runs_root, "three", "autoencoder", "--only", " 3 "))
    assert found["only"] == ["3"]
    assert found["epochs"] == pytest.approx(12 * 16 / 117, rel=0.1)
    assert Run(runs_root / "three").info["classes"] == list("0123456789")


def test_the_classes_order_is_of_no_account(runs_root: Path) -> None:
    for name, only in (("one", "3,8"), ("two", "8,3,8")):
        assert train(runs_root, name, "vae", "--only", only) == 0
    assert left_behind(runs_root / "one")["model"] == left_behind(runs_root / "two")["model"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_of_one_class_needs_no_labels(kind: str, runs_root: Path, tmp_path: Path) -> None:
    data = pictures_in(tmp_path / "mine", "cats")
    assert train(runs_root, "cats", kind, "--size", "12", data=data) == 0
    run = Run(runs_root / "cats")
    assert (run.info["classes"], run.info["shape"]) == (["cats"], [3, 12, 12])


def test_a_folder_in_grey_and_told_its_classes(runs_root: Path, tmp_path: Path) -> None:
    data = pictures_in(tmp_path / "mine", "cats and dogs", "Öl")
    options = ("--class-conditional", "--size", "9", "--colours", "grey", "--only", "Öl")
    assert train(runs_root, "mine", "vae", *options, data=data) == 0
    run = Run(runs_root / "mine")
    assert (run.info["classes"], run.info["shape"]) == (["cats and dogs", "Öl"], [1, 9, 9])
    assert json.loads((run.path / "model" / "config.json").read_text())["classes"] == run.info["classes"]


def test_frames_of_an_environment(runs_root: Path) -> None:
    options = ("--size", "10", "--colours", "grey", "--set", "eval_every=6")
    assert train(runs_root, "snake", "autoencoder", *options, data="frames:Snake") == 0
    assert Run(runs_root / "snake").info["shape"] == [1, 10, 10]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("digits", True),
        ("digits --only 3,8", True),
        ("digits --only 3", False),
        ("digits --no-class-conditional", False),
        ("digits --only 3 --class-conditional", True),
        ("folder:{one}", False),
        ("folder:{two}", True),
        ("folder:{two} --only cats", False),
        ("frames:Catch --size 10", False),
        ("frames:Catch --size 10 --class-conditional", True),
    ],
)
def test_a_ddpm_is_told_the_classes_where_there_are_any(
    words: str, told: bool, tmp_path: Path, capsys: Captured
) -> None:
    """What a player did at a frame is no class of pictures, unless somebody says so."""
    folders = {"one": tmp_path / "one", "two": tmp_path / "two"}
    pictures_in(folders["one"], "cats")
    pictures_in(folders["two"], "cats", "dogs")
    given = [word.format(**folders) for word in words.split()]
    found = answer(capsys, "train-generator", "ddpm", *given, "--dry-run")
    assert found["config"]["class_conditional"] is told


def test_a_config_that_says_so_is_not_told_the_classes(tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('data = "digits"\nclass_conditional = false\n')
    words = ["train-generator", "ddpm", "--config", str(file), "--dry-run"]
    assert answer(capsys, *words)["config"]["class_conditional"] is False
    assert answer(capsys, *words, "--class-conditional")["config"]["class_conditional"] is True


# The machine


def test_help_loads_neither_torch_nor_diffusers() -> None:
    code = (
        "import sys; from sandbox.__main__ import main; main(['train-generator', '--help']);"
        "sys.exit(' '.join({'torch', 'numpy', 'diffusers', 'PIL', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], env=with_path(), capture_output=True, text=True)
    assert done.stderr.strip() == ""
    assert "--kl-warmup" in done.stdout
    assert "python -m sandbox train-generator vae mnist --class-conditional" in done.stdout


FULL = {"ddpm": ("README.md",)}
"""where else than with the others"""


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_disk_is_one_line(
    kind: str, runs_root: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it strikes: a sample, the model's folder, the film."""
    import errno

    from sandbox.core import files

    moments = FULL.get(kind, ("step-000000003.png", "diffusion_pytorch_model.safetensors", "training.gif"))
    for full in moments:
        original = files.write_atomically

        def write(path: Path, content: Any, full: str = full, original: Any = original) -> None:
            if path.name == full:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
            original(path, content)

        with monkeypatch.context() as patch:
            for module in ("sandbox.ui.mosaic", "generative.model_folder", "generative.model_card"):
                patch.setattr(f"{module}.write_atomically", write)
            error = error_of(capsys, train_words(runs_root, f"on-{full}", kind), 7)
        assert error.startswith("No space left on device: ")
        assert full in error
        assert Run(runs_root / f"on-{full}").status in ("failed", "killed")
        assert main(["resume", str(runs_root / f"on-{full}"), "--quiet"]) == 0
    assert train(runs_root, "whole", kind) == 0
    assert_same_run(runs_root / "whole", runs_root / f"on-{moments[0]}")


@pytest.mark.parametrize("kind", ["vae", "ddpm"])
def test_a_loss_that_is_no_number_ends_the_run_with_code_5(
    kind: str, runs_root: Path, capsys: Captured
) -> None:
    options = ("--set", "learning_rate=1e30", "--set", "optimizer=sgd", "--set", "schedule=constant")
    error = error_of(capsys, train_words(runs_root, "wild", kind, *options), 5)
    assert "no checkpoint was written before" in error
    assert Run(runs_root / "wild").status == "diverged"
    assert not (runs_root / "wild" / "model").exists()


def test_minutes_leave_what_a_config_file_says_of_looks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.nn.fit_run.steps_in", lambda minutes, training: 300)
    file = tmp_path / "mine.toml"
    file.write_text('data = "digits"\nthreads = 1\n\n[fit]\neval_every = 7\n')
    words = ["train-generator", "vae", "--config", str(file), "--max-minutes", "1", "--dry-run", "--json"]
    assert main(words) == 0
    fit = json.loads(capsys.readouterr().out)["config"]["fit"]
    assert (fit["steps"], fit["eval_every"], fit["log_every"]) == (300, 7, 30)
