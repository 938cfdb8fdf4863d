"""`evaluate RUN` of a classifier: accuracy with its interval, a table of the classes, a confusion matrix."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sandbox.__main__ import main
from sandbox.core.errors import UsageError
from sandbox.core.kinds import Question
from sandbox.core.plugins import kind_of
from sandbox.core.run import Run
from sandbox.ui.console import Console
from tests.agents.run_folders import error_of
from tests.supervised.run_folders import answer, train, without_curves

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def run(runs_root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    without_curves(monkeypatch)
    assert train(runs_root, "first", "cnn") == 0
    return runs_root / "first"


def test_evaluate_finds_what_training_found(run: Path, capsys: Captured) -> None:
    found = answer(capsys, "evaluate", "latest")
    assert found["schema"] == "sandbox.classifier/1"
    assert found["evaluation"] == Run(run).info["evaluation"]
    best = int((run / "BEST").read_text()[5:])
    assert found["steps"] == best
    assert (found["data"], found["model"], found["seed"]) == ("digits", "cnn", 0)


def test_the_confusion_matrix_adds_up(run: Path, capsys: Captured) -> None:
    found = answer(capsys, "evaluate", "first")
    matrix = np.array(found["confusion"])
    assert matrix.shape == (10, 10)
    assert matrix.sum() == found["evaluation"]["n"] == 359
    assert matrix.trace() / 359 == pytest.approx(found["evaluation"]["accuracy"])
    for number, one in enumerate(found["classes"]):
        assert (one["class"], one["n"]) == (str(number), matrix[number].sum())
        assert one["recall"] == pytest.approx(matrix[number, number] / matrix[number].sum(), abs=1e-4)
        if matrix[:, number].sum():
            precision = matrix[number, number] / matrix[:, number].sum()
            assert one["precision"] == pytest.approx(precision, abs=1e-4)
        else:
            assert one["precision"] is None


@pytest.mark.parametrize(("split", "n"), [("train", 60), ("validation", 270), ("test", 359)])
def test_each_split_has_its_own_picture(run: Path, capsys: Captured, split: str, n: int) -> None:
    """Of the pictures that train, those that it was given."""
    found = answer(capsys, "evaluate", "first", "--split", split)
    assert (found["evaluation"]["split"], found["evaluation"]["n"]) == (split, n)
    with Image.open(run / "plots" / f"confusion-{split}.png") as picture:
        assert len(np.unique(np.asarray(picture.convert("RGB")).reshape(-1, 3), axis=0)) > 20


def test_the_best_validation_accuracy_is_what_evaluate_finds(run: Path, capsys: Captured) -> None:
    found = answer(capsys, "evaluate", "first", "--split", "validation")
    assert found["evaluation"]["accuracy"] == pytest.approx(Run(run).info["best"])


def test_what_people_read(run: Path, capsys: Captured) -> None:
    capsys.readouterr()
    assert main(["evaluate", "first"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "cnn on digits, 359 test pictures"
    assert [line[:17].rstrip() for line in lines[2:6]] == [
        "accuracy",
        "macro F1",
        "loss",
        "calibration error",
    ]
    assert lines[6] == "hardest classes (5 of 10)"
    assert lines[7].split()[:5] == ["class", "pictures", "precision", "recall", "F1"]
    f1 = [float(line.split()[4]) for line in lines[8:13]]
    assert f1 == sorted(f1)
    assert lines[13].startswith("most confused pairs (5 of ")
    counts = [int(line.split()[2]) for line in lines[15:20]]
    assert counts == sorted(counts, reverse=True)
    assert " of 359 test pictures right (95 %: " in lines[20]
    assert [line.split("/")[-1] for line in lines[21:]] == [
        "confusion-test.png",
        "reliability-test.png",
        "top-losses-test.png",
    ]
    for line in lines[21:]:
        with Image.open(line.split()[-1]) as picture:
            assert picture.width >= 1000


def test_the_mistakes_that_scripts_read_agree_with_each_other(run: Path, capsys: Captured) -> None:
    found = answer(capsys, "evaluate", "first")
    matrix, n = np.array(found["confusion"]), found["evaluation"]["n"]
    assert sum(pair["n"] for pair in found["confused"]) == n - matrix.trace()
    worst = found["confused"][0]
    assert matrix[int(worst["class"]), int(worst["taken_for"])] == worst["n"]
    losses = [hard["loss"] for hard in found["top_losses"]]
    assert losses == sorted(losses, reverse=True)
    assert losses[0] >= found["evaluation"]["loss"]
    assert sum(row["n"] for row in found["reliability"]) == n
    right = sum(row["n"] * row["accuracy"] for row in found["reliability"])
    assert right == pytest.approx(matrix.trace())
    error = sum(row["n"] * abs(row["accuracy"] - row["confidence"]) for row in found["reliability"]) / n
    assert found["evaluation"]["calibration_error"] == pytest.approx(error, abs=1e-5)
    assert found["evaluation"]["macro_f1"] == pytest.approx(
        np.mean([one["f1"] for one in found["classes"]]), abs=1e-4
    )


def test_looking_at_copies_is_repeatable_and_changes_the_answers(run: Path, capsys: Captured) -> None:
    once, first, again = (
        answer(capsys, "evaluate", "first", "--split", "validation", *words)
        for words in ([], ["--tta", "2"], ["--tta", "2"])
    )
    assert (once["tta"], first["tta"]) == (0, 2)
    assert first == again
    assert first["evaluation"]["loss"] != once["evaluation"]["loss"]
    assert answer(capsys, "evaluate", "first", "--split", "validation", "--tta", "0") == once


def test_too_many_copies_are_refused(run: Path, capsys: Captured) -> None:
    error = error_of(capsys, ["evaluate", "first", "--tta", "1001"], 2)
    assert error == "--tta must be between 0 and 1000, not 1001"


def test_an_agent_has_no_copies_to_look_at(run: Path) -> None:
    with pytest.raises(UsageError, match="--tta is for classifiers: an agent plays episodes"):
        kind_of("ppo").evaluate(Run(run), Console(quiet=True), Question(tta=3))


def test_a_gate_is_about_accuracy(run: Path, capsys: Captured) -> None:
    assert answer(capsys, "evaluate", "first", "--gate", "0.05")["gate"] == 0.05
    assert "0 to 1" in error_of(capsys, ["evaluate", "first", "--gate", "95"], 2)
    failed = answer(capsys, "evaluate", "first", "--gate", "1", code=6)
    assert failed["code"] == 6
    assert "accuracy" in failed["error"]
    assert failed["evaluation"]["n"] == 359


def test_other_checkpoints_can_be_asked_for(run: Path, capsys: Captured) -> None:
    for which, step in (("first", 6), ("last", 24), ("12", 12)):
        assert answer(capsys, "evaluate", "first", "--checkpoint", which)["steps"] == step
    assert "there is no checkpoint '7'" in error_of(capsys, ["evaluate", "first", "--checkpoint", "7"], 4)


@pytest.mark.parametrize("option", ["--episodes", "--seed"])
def test_what_is_for_agents_is_refused(run: Path, capsys: Captured, option: str) -> None:
    error = error_of(capsys, ["evaluate", "first", option, "3"], 2)
    assert error == "--episodes and --seed are for agents: a classifier sees a whole split"


@pytest.mark.parametrize("question", [Question(split="test"), Question(data_dir="here")])
def test_an_agent_refuses_what_is_for_classifiers(run: Path, question: Question) -> None:
    with pytest.raises(UsageError, match="--split and --data-dir are for classifiers"):
        kind_of("ppo").evaluate(Run(run), Console(quiet=True), question)


def test_an_unknown_split_is_refused(run: Path, capsys: Captured) -> None:
    assert "'tset' is not one of" in error_of(capsys, ["evaluate", "first", "--split", "tset"], 2)


@pytest.mark.parametrize("file", ["config.toml", "run.json"])
@pytest.mark.parametrize("content", [None, b"", b"{not json", gzip.compress(b"x", mtime=0)])
def test_a_missing_or_damaged_file_is_named(
    run: Path, capsys: Captured, file: str, content: bytes | None
) -> None:
    (run / file).unlink() if content is None else (run / file).write_bytes(content)
    for command in ("evaluate", "resume"):
        if file == "config.toml" and command == "resume":
            Run(run).update(status="interrupted")
        assert str(run / file) in error_of(capsys, [command, str(run)], 4)
