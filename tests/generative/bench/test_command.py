"""`bench generative`: what it trains, and what it says. How good and how fast is not tested here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.tables import render
from generative.bench import one_class, parts
from generative.bench.command import summarize
from generative.bench.tasks import MSE_GOALS, OTHERS, PARTS
from generative.bench.trainer import Trainer
from generative.commands import TrainGenerator
from sandbox.__main__ import main
from sandbox.core.arguments import parse_command
from sandbox.data.catalog import load
from sandbox.ui.console import Console

Captured = pytest.CaptureFixture[str]
COMMANDS = [f"autoencoder mnist --latent {latent}" for latent in MSE_GOALS]
COMMANDS += [f"{kind} {data}" for kind in ("autoencoder", "vae") for data in ("mnist", *OTHERS.values())]


@pytest.fixture
def digits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The small digits in place of MNIST's, and trainings of a few steps."""

    def options(self: Trainer, seed: int, part: float = 1.0) -> list[str]:
        return ["--seed", str(seed), "--steps", "3", "--backbone", "tiny", "--threads", "1"]

    def train(self: Trainer, words: str, seed: int, part: float = 1.0) -> dict[str, Any]:
        return plain(self, words.replace("mnist", "digits"), seed, part)

    plain = Trainer.train
    monkeypatch.setattr(Trainer, "options", options)
    monkeypatch.setattr(Trainer, "train", train)
    for module in (parts, one_class):
        monkeypatch.setattr(module, "load", lambda name, data_dir: load("digits"))


@pytest.mark.parametrize("words", COMMANDS)
def test_everything_trained_is_a_command_line(words: str, tmp_path: Path) -> None:
    trainer = Trainer(tmp_path, Console(quiet=True), minutes=5, threads=2, data_dir=tmp_path, quick=True)
    typed = [*words.split(), *trainer.options(3, part=0.2)]
    command = parse_command(TrainGenerator, typed, "train-generator")
    assert (command.seed, command.threads, command.data_dir) == (3, 2, tmp_path)
    assert command.max_minutes == pytest.approx(0.1)  # a fifth of five minutes, and a tenth of that


@pytest.mark.usefixtures("digits")
def test_autoencoders_stand_beside_principal_components(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "MSE_GOALS", {2: 1.0, 8: 0.0})
    words = ["bench", "generative", "--only", "autoencoder", "--seeds", "2", "--json"]
    assert main(words) == 0
    result = json.loads(capsys.readouterr().out)
    assert [(run["seed"], run["latents"]) for run in result["runs"]] == [
        (0, "2"), (0, "8"), (1, "2"), (1, "8")
    ]  # fmt: skip
    few, many = result["autoencoder"]
    assert (few["reached"], many["reached"]) == (True, False)
    assert few["pca_mse"] > many["pca_mse"]
    assert few["test_mse"] == pytest.approx(sum(run["test_mse"] for run in result["runs"][::2]) / 2)


@pytest.mark.usefixtures("digits")
def test_a_vae_is_measured_by_its_bounds(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "SAMPLES", 5)
    words = ["bench", "generative", "--only", "vae", "--seeds", "1", "--no-peers", "--quick", "--json"]
    assert main(words) == 0
    rows = json.loads(capsys.readouterr().out)["vae"]
    assert [row["model"] for row in rows] == list(parts.VAES)
    for row in rows:
        assert row["iwae_5_nats"] <= row["elbo_nats"]
        assert row["divergence_nats"] < row["elbo_nats"]
        assert row["bits_per_dimension"] == pytest.approx(row["iwae_5_nats"] / 64 / 0.693147, rel=1e-5)


@pytest.mark.usefixtures("digits")
def test_models_of_one_class_tell_it_from_others(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_class, "DIGITS", ("0", "6"))
    assert main(["bench", "generative", "--only", "one-class", "--seeds", "1", "--json"]) == 0
    mean, *each = json.loads(capsys.readouterr().out)["one-class"]
    assert [row["usual"] for row in each] == ["0", "6"]
    assert mean["auroc"] == pytest.approx((each[0]["auroc"] + each[1]["auroc"]) / 2)
    assert mean["reached"] == (mean["auroc"] >= 0.965)
    assert all(row["pca_auroc"] > 0.95 for row in each)  # these two are easy


def test_rows_become_a_table_over_the_seeds() -> None:
    rows = [
        {"part": "autoencoder", "seed": seed, "latents": "2", "test_mse": mse, "reached": mse < 0.04}
        for seed, mse in enumerate((0.03, 0.05))
    ]
    (row,) = summarize(rows)
    assert row == {"latents": "2", "test_mse": pytest.approx(0.04), "reached": False}
    made = {"versions": {}, "processor": "a CPU", "usable_cpus": 2, "platform": "Linux", "python": "3.11",
            "time": "2026-01-31T12:00:00+00:00", "git": {"revision": "a" * 40}, "command": []}  # fmt: skip
    records = [
        {"recipe": "x", "seed": run["seed"], "made": made, "result": {"autoencoder": summarize([run])}}
        for run in rows
    ]
    lines = render(records, ("autoencoder",)).splitlines()
    assert lines[0] == "| latents | test mse | reached |"
    assert lines[2] == "| 2 | 0.04 (0.03 – 0.05) | 1 of 2 |"


def test_every_part_has_its_measure_and_its_recipe() -> None:
    from benchmarks.recipes import DIFFUSION, GENERATIVE

    assert set(parts.MEASURES) == set(PARTS) == {*GENERATIVE, *DIFFUSION}


def test_wrong_names_and_numbers_are_refused(capsys: Captured) -> None:
    assert main(["bench", "generative", "--only", "autoencoders", "--json"]) == 2
    assert "autoencoder" in json.loads(capsys.readouterr().out)["hint"]
    assert main(["bench", "generative", "--seeds", "0", "--json"]) == 2
    capsys.readouterr()
    assert main(["bench", "generative", "--minutes", "0", "--json"]) == 2
    assert "--minutes" in json.loads(capsys.readouterr().out)["error"]
