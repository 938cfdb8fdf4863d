"""`bench supervised`: what it trains, and what it says. How good and how fast is not tested here."""

from __future__ import annotations

import json

import pytest

from sandbox.__main__ import main
from sandbox.core.arguments import parse_command
from sandbox.supervised.bench.command import TASKS, summarize
from sandbox.supervised.commands import TrainClassifier

Captured = pytest.CaptureFixture[str]


@pytest.mark.parametrize("words", TASKS.values(), ids=TASKS)
def test_every_task_is_a_command_line(words: str) -> None:
    assert parse_command(TrainClassifier, words.split(), "train-classifier").data in ("mnist", "sign_mnist")


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
