"""`explain RUN` of a classifier: the pictures that its backbone sees."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from sandbox.core.plugins import Question, kind_of
from sandbox.core.run import Run
from sandbox.data.catalog import load
from sandbox.ui.console import Console
from tests.agents.run_folders import error_of
from tests.supervised.run_folders import answer, train, without_curves

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def run(runs_root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    without_curves(monkeypatch)
    assert train(runs_root, "first") == 0
    return runs_root / "first"


def test_the_command_draws_and_says_where(run: Path, capsys: Captured) -> None:
    found = answer(capsys, "explain", "first", "--frames", "40")
    assert found["schema"] == "sandbox.explain/1"
    assert (found["run"], found["frames"]) == (str(run), 40)
    for what in ("kernels", "features", "exciting", "saliency"):
        path = Path(found["pictures"][what])
        assert path == run / "plots" / f"{what}.png"
        assert path.stat().st_size > 1000


def test_its_pictures_are_of_the_split_and_its_answers_the_classifiers(run: Path) -> None:
    kind = kind_of("classifier")
    subject = kind.explain(  # pyright: ignore[reportAttributeAccessIssue]
        Run(run), Console(quiet=True), Question(frames=5, split="validation", device="cpu")
    )
    pictures = load("digits").validation
    places = [0, 67, 134, 201, 269]
    assert torch.equal(subject.pictures, pictures.images[places])
    with torch.no_grad():
        logits = kind.load(Run(run), device="cpu")(subject.scaled(subject.pictures))
    torch.testing.assert_close(
        subject.answer(0, subject.pictures.float()), logits - logits.mean(1, keepdim=True)
    )
    assert subject.labels == [pictures.classes[number] for number in logits.argmax(1).tolist()]


@pytest.mark.parametrize("option", ["--episodes", "--seed"])
def test_what_is_for_agents_is_refused(run: Path, capsys: Captured, option: str) -> None:
    error = error_of(capsys, ["explain", "first", option, "3"], 2)
    assert "--episodes and --seed are for agents" in error


def test_a_model_without_a_backbone_is_one_line(
    runs_root: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_curves(monkeypatch)
    assert train(runs_root, "plain", "mlp") == 0
    capsys.readouterr()
    error = error_of(capsys, ["explain", "plain"], 2)
    assert "plain cannot be explained: the model 'mlp' has no backbone" in error
