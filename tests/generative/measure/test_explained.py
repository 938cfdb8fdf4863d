"""`explain RUN [FILE]` of generative models: the encoder's backbone, and where the code comes from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.image import imsave

from generative.opened import open_generator
from sandbox.core.kinds import Question
from sandbox.core.plugins import kind_of
from sandbox.core.run import Run
from sandbox.data.catalog import load
from sandbox.nn.explain import Subject, kernels
from sandbox.ui.console import Console
from tests.agents.run_folders import error_of
from tests.generative.measure.runs import make_runs
from tests.supervised.run_folders import answer

Captured = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_runs(tmp_path_factory.mktemp("explained") / "runs", "plain", "told")


def asked(run: Path, **question: object) -> Subject:
    """What a run brings to be explained."""
    kind = kind_of(Run(run).info["kind"])
    return kind.explain(Run(run), Console(quiet=True), Question(device="cpu", **question))  # pyright: ignore


@pytest.mark.parametrize("name", ["plain", "told"])
def test_the_command_draws_what_eyes_without_a_judge_have(
    root: Path, capsys: Captured, tmp_path: Path, name: str
) -> None:
    words = ("explain", str(root / name), "--frames", "9", "--channel", "1:3", "-o", str(tmp_path))
    found = answer(capsys, *words)
    assert set(found["pictures"]) == {"kernels", "features", "exciting", "saliency", "channel"}
    assert found["frames"] == 9
    for path in found["pictures"].values():
        assert Path(path).stat().st_size > 1000


@pytest.mark.parametrize("name", ["plain", "told"])
def test_its_answers_are_codes_in_units_of_their_spread(root: Path, name: str) -> None:
    subject, model = asked(root / name, frames=5), open_generator(Run(root / name)).coder
    test = load("digits").test
    rows = torch.tensor([0, 89, 179, 268, 358])
    assert torch.equal(subject.pictures, test.images[rows])
    assert (subject.labelled, subject.answered) == ("the picture", "the code")
    assert subject.labels == [test.classes[label] for label in test.labels[rows]]
    labels = test.labels[rows] if name == "told" else None
    with torch.no_grad():
        codes = model.embed(subject.scaled(subject.pictures), labels)
    for number in range(5):
        found = subject.answer(number, subject.pictures[number, None].float())
        torch.testing.assert_close(found[0], codes[number] / codes.std(0, correction=0))
    assert torch.equal(kernels(subject.eyes), model.backbone.stem.weight.detach())


def test_a_picture_in_a_file_is_explained(root: Path, capsys: Captured, tmp_path: Path) -> None:
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[5:35, 27:33] = 255
    imsave(tmp_path / "bar.png", pixels)
    found = answer(capsys, "explain", str(root / "told"), str(tmp_path / "bar.png"), "-o", str(tmp_path))
    names = {what: Path(path).name for what, path in found["pictures"].items()}
    assert names == {"features": "features-bar.png", "saliency": "saliency-bar.png"}
    assert asked(root / "told", file=str(tmp_path / "bar.png")).labels == ["bar.png"]


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        ("--episodes 3", 2, "--episodes is for agents"),
        ("--classes 3", 2, "--classes is for classifiers"),
        ("a.png --split test", 2, "--split and --frames choose pictures"),
        ("nothing.png", 4, "nothing.png cannot be used: there is no such file"),
    ],
)
def test_mistakes(root: Path, capsys: Captured, options: str, code: int, says: str) -> None:
    assert says in error_of(capsys, ["explain", str(root / "plain"), *options.split()], code)
