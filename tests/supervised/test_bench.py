"""`bench supervised`: what it trains, and what it says. How good and how fast is not tested here."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from sandbox.__main__ import main
from sandbox.core.arguments import parse_command
from sandbox.core.errors import NotFound
from sandbox.supervised.bench import few, searched
from sandbox.supervised.bench.command import summarize
from sandbox.supervised.bench.tasks import FEW, SEARCHED, TASKS, WAYS
from sandbox.supervised.bench.trainer import Trainer
from sandbox.supervised.commands import TrainClassifier
from sandbox.ui.console import Console

Captured = pytest.CaptureFixture[str]


class Nothing(Trainer):
    """Trains nothing: every run is a name."""

    def task(self, name: str, seed: int) -> dict[str, Any]:
        return {"run": f"run-of-{name}-{seed}"}


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """A data folder with the photographs' folder in it."""
    (tmp_path / "asl_digits").mkdir()
    return tmp_path


@pytest.mark.parametrize("words", [*TASKS.values(), SEARCHED, *(f"{FEW} 50 {way}" for way in WAYS.values())])
def test_every_task_is_a_command_line(words: str, photographs: Path) -> None:
    filled = Nothing(photographs, Console(quiet=True), data_dir=photographs).filled(words, 3)
    command = parse_command(TrainClassifier, filled, "train-classifier")
    assert command.data in ("mnist", "sign_mnist", f"folder:{photographs / 'asl_digits'}")
    assert "{" not in " ".join(filled)


def test_what_a_task_starts_from_is_trained_with_the_same_seed(photographs: Path) -> None:
    filled = Nothing(photographs, Console(quiet=True), data_dir=photographs).filled(
        TASKS["photographs-from-signs"], 3
    )
    assert filled[filled.index("--init-from") + 1] == "run-of-sign-backbone-3"


def test_missing_photographs_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SANDBOX_DATA", raising=False)
    with pytest.raises(NotFound, match="asl_digits"):
        Nothing(tmp_path, Console(quiet=True)).filled(TASKS["photographs"], 0)


def test_few_pictures_and_a_search_are_measured(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(few, "COUNTS", (3,))
    monkeypatch.setattr(few, "FEW", "digits --backbone tiny --steps 3 --pictures")
    monkeypatch.setattr(few, "WAYS", {"scratch": "", "tiny": "--init-from {tiny} --freeze"})
    monkeypatch.setattr(searched, "SEARCHED", "digits --model linear --steps 3 --pictures 50")
    monkeypatch.setattr(searched, "TRIALS", 2)
    monkeypatch.setitem(TASKS, "tiny", "digits --backbone tiny --steps 3")
    assert main(["bench", "supervised", "--only", "transfer", "search", "--seeds", "1", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    ((row,), rows) = result["transfer"], result["search"]
    assert row["pictures_of_each_digit"] == "3"
    assert all(0 <= row[f"{way}, percent"] <= 100 for way in ("scratch", "tiny"))
    assert [one["settings"] for one in rows] == ["the preset", "search, 2 trials"]


def test_what_was_found_is_trained_as_it_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a folder has a space in its name, and the budget of a quick bench is cut but once."""
    monkeypatch.setattr(searched, "SEARCHED", "digits --model linear --steps 60 --pictures 50")
    monkeypatch.setattr(searched, "TRIALS", 2)
    folder = tmp_path / "two words"
    searched.searched(Trainer(folder, Console(quiet=True), threads=1, quick=True), 0)
    (best,) = folder.glob("*/best.toml")
    trained = [path for path in folder.glob("*/config.toml") if path.parent != best.parent]
    assert sorted(map(steps_of, trained)) == sorted([6, steps_of(best)])


def steps_of(config: Path) -> int:
    return tomllib.loads(config.read_text())["fit"]["steps"]


def test_a_task_is_trained_for_each_seed(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TASKS, "tiny", "digits --model linear --epochs 1")
    assert main(["bench", "supervised", "--only", "tiny", "--seeds", "2", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert [(run["task"], run["seed"]) for run in result["runs"]] == [("tiny", 0), ("tiny", 1)]
    accuracies = [run["test_accuracy"] for run in result["runs"]]
    assert result["rows"][0]["test_percent"] == pytest.approx(100 * sum(accuracies) / 2)


def test_rows_are_means_over_the_seeds() -> None:
    run = {"task": "mnist-fast", "epochs": 1.0}
    runs = [
        {**run, "seed": 0, "test_accuracy": 0.99, "seconds": 10.0},
        {**run, "seed": 1, "test_accuracy": 0.98, "seconds": 14.0},
    ]
    (row,) = summarize(runs)
    assert (row["train-classifier"], row["epochs"], row["seconds"]) == ("mnist", 1.0, 12.0)
    assert row["test_percent"] == pytest.approx(98.5)


def test_wrong_names_and_numbers_are_refused(capsys: Captured) -> None:
    assert main(["bench", "supervised", "--only", "mnist-fastt", "--json"]) == 2
    assert "mnist-fast" in json.loads(capsys.readouterr().out)["hint"]
    assert main(["bench", "supervised", "--seeds", "0", "--json"]) == 2
