"""`evaluate RUN` of a ddpm: its samples beside real pictures, for people and for scripts."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from generative.opened import read_config
from generative.quality import recipe
from sandbox.__main__ import main
from sandbox.core.kinds import Question
from sandbox.core.plugins import kind_of
from sandbox.core.run import Run
from sandbox.ui.console import Console
from tests.agents.run_folders import error_of
from tests.generative.run_folders import train, without_curves
from tests.supervised.run_folders import answer
from tests.supervised.run_folders import train as train_classifier

Captured = pytest.CaptureFixture[str]
FAST = ("--samples", "40", "--steps", "2")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs that are told classes, told none, always told them, of a single class; a VAE, a classifier."""
    folder = tmp_path_factory.mktemp("sampled") / "runs"
    with pytest.MonkeyPatch.context() as patch:
        without_curves(patch)
        assert train(folder, "told", "ddpm", "--class-conditional") == 0
        assert train(folder, "plain", "ddpm", "--no-class-conditional") == 0
        assert train(folder, "always", "ddpm", "--class-conditional", "--label-dropout", "0") == 0
        assert train(folder, "threes", "ddpm", "--no-class-conditional", "--only", "3") == 0
        assert train(folder, "vae", "vae") == 0
        assert train_classifier(folder, "judge", "linear") == 0
    return folder


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A judge of few steps."""
    monkeypatch.setattr(recipe, "EPOCHS", 3)
    monkeypatch.setattr(recipe, "FEWEST", 1)


def test_samples_are_measured_beside_real_pictures(root: Path, capsys: Captured) -> None:
    found = answer(capsys, "evaluate", str(root / "told"), *FAST)
    evaluation = found["evaluation"]
    assert (found["schema"], found["kind"]) == ("sandbox.evaluate-generator/1", "ddpm")
    assert (evaluation["split"], evaluation["n"], evaluation["samples"]) == ("test", 359, 40)
    assert found["sampling"]["sampler"] == "dpm++"
    assert found["sampling"]["steps"] == 2
    assert evaluation["fd_ratio"] == pytest.approx(evaluation["fd"] / evaluation["fd_floor"])
    assert evaluation["fd"] > evaluation["fd_floor"] > 0
    assert 0 <= evaluation["accuracy"] <= 1
    assert [entry["class"] for entry in found["classes"]] == list("0123456789")
    assert found["judge"]["accuracy"] > 0.8
    assert 0 <= evaluation["nearest"]["copies"] <= 1
    assert answer(capsys, "evaluate", str(root / "told"), *FAST) == found
    other = answer(capsys, "evaluate", str(root / "told"), *FAST, "--seed", "1")
    assert other["evaluation"]["fd"] != evaluation["fd"]
    assert other["evaluation"]["fd_floor"] == evaluation["fd_floor"]


def test_what_is_drawn_of_them(root: Path, capsys: Captured) -> None:
    found = answer(capsys, "evaluate", str(root / "told"), *FAST, "--split", "validation")
    assert found["evaluation"]["split"] == "validation"
    assert set(found["pictures"]) == {"samples", "nearest", "misjudged"}
    for what, path in found["pictures"].items():
        assert Path(path) == root / "told" / "plots" / f"{what}-validation.png"
        with Image.open(path) as picture:
            assert picture.width >= 400


def test_without_classes_there_is_no_accuracy(root: Path, capsys: Captured) -> None:
    found = answer(capsys, "evaluate", str(root / "plain"), *FAST)
    assert "accuracy" not in found["evaluation"]
    assert set(found["pictures"]) == {"samples", "nearest"}
    assert found["judge"]["accuracy"] > 0.8


def test_a_model_of_one_class_is_measured_beside_it_and_asked_for_nothing(
    root: Path, capsys: Captured
) -> None:
    found = answer(capsys, "evaluate", str(root / "threes"), *FAST, "--gate", "1e9")
    assert found["evaluation"]["n"] == 37
    assert not {"accuracy", "weakest_class"} & set(found["evaluation"])
    assert [(entry["class"], entry["accuracy"]) for entry in found["classes"]] == [("3", None)]
    assert found["gated"]["score"] == "fd_ratio"
    assert main(["evaluate", str(root / "threes"), *FAST]) == 0
    assert "right class" not in capsys.readouterr().out


def test_what_people_read(root: Path, capsys: Captured) -> None:
    capsys.readouterr()
    assert main(["evaluate", str(root / "told"), *FAST]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("ddpm on digits, 40 pictures by dpm++, 2 steps")
    measures = ["Fréchet distance", "precision", "recall", "right class", "weakest class"]
    assert [line[:16].rstrip() for line in lines[2:10]] == [*measures, "diversity", "distance", "judge"]
    assert lines[2].endswith(" times that of 40 training pictures, too few to be exact")
    assert lines[8].endswith("% of them suspiciously near (real ones: 1%)")
    assert [line.split("/")[-1] for line in lines[10:]] == [
        "samples-test.png",
        "nearest-test.png",
        "misjudged-test.png",
    ]


def test_a_classifier_that_is_no_relative_may_judge(root: Path, capsys: Captured) -> None:
    found = answer(capsys, "evaluate", str(root / "told"), *FAST, "--judge", str(root / "judge"))
    assert (found["judge"]["kind"], found["judge"]["features"]) == ("run", 64)
    says = error_of(capsys, ["evaluate", str(root / "told"), "--judge", str(root / "vae")], 2)
    assert "vae is a run of train-generator, and no classifier" in says


@pytest.mark.parametrize(
    ("score", "side"), [("accuracy", "below"), ("fd_ratio", "above"), ("fd", "above"), ("recall", "below")]
)
def test_a_gate_may_be_about_each_score(root: Path, capsys: Captured, score: str, side: str) -> None:
    words = ["evaluate", str(root / "told"), *FAST, "--score", score]
    good, bad = (0.0, 1.0) if side == "below" else (1e9, 0.0)
    passed = answer(capsys, *words, "--gate", str(good))
    assert passed["gate"] == good
    value = passed["evaluation"][score]
    assert passed["gated"] == {
        "score": score,
        "value": value,
        "lower_is_better": side == "above",
        "passed": True,
    }
    failed = answer(capsys, *words, "--gate", str(bad), code=6)
    assert failed["gated"]["passed"] is False
    assert f"the {score} of " in failed["error"]
    assert f" is {side} " in failed["error"]


@pytest.mark.parametrize(("name", "score"), [("told", "accuracy"), ("plain", "fd_ratio")])
def test_a_gate_is_about_classes_where_there_are_some(
    root: Path, capsys: Captured, name: str, score: str
) -> None:
    gate = "1" if score == "accuracy" else "0"
    failed = answer(capsys, "evaluate", str(root / name), *FAST, "--gate", gate, code=6)
    assert f"the {score} of " in failed["error"]


@pytest.mark.parametrize(
    ("name", "words", "says"),
    [
        ("told", "--episodes 3", "--episodes is for agents"),
        ("told", "--tta 3", "--tta is for classifiers"),
        ("told", "--images 3", "--images is for VAEs"),
        ("told", "--split train", "pictures that the model never saw"),
        ("told", "--samples 9", "--samples must be at least 10 here, not 9"),
        ("told", "--guidance -1", "--guidance must be 0 to 100"),
        ("told", "--sampler euler", "unknown sampler 'euler'"),
        ("told", "--steps 5000 --samples 10", "--steps must be at most 100"),
        ("told", "--score accuracy", "--score says what a gate is about"),
        ("told", "--gate 2", "--gate is about the accuracy here, 0 to 1, and 2 is above that"),
        ("plain", "--score recall --gate 95", "--gate is about the recall here, 0 to 1"),
        ("told", "--score loss --gate 1", "unknown score of such runs 'loss'"),
        ("plain", "--guidance 2", "was told no classes, and cannot be guided"),
        ("always", "--guidance 2", "--guidance must be 1, not 2: always was always told the class"),
        ("plain", "--score accuracy --gate 1 --samples 10 --steps 1", "this evaluation has no accuracy"),
        ("vae", "--steps 3", "--steps is for runs of train-generator ddpm"),
        ("vae", "--sampler ddim", "--sampler is for runs of train-generator ddpm"),
        ("judge", "--guidance 2", "--guidance is for runs of train-generator ddpm"),
        ("vae", "--score mse --gate 1", "unknown score of such runs 'mse'"),
    ],
)
def test_what_makes_no_sense_is_refused(
    root: Path, capsys: Captured, name: str, words: str, says: str
) -> None:
    assert says in error_of(capsys, ["evaluate", str(root / name), *words.split()], 2)


def test_without_a_null_class_nothing_is_guided(root: Path, capsys: Captured) -> None:
    assert read_config(Run(root / "always")).guidance == 1  # pyright: ignore[reportAttributeAccessIssue]
    assert answer(capsys, "evaluate", str(root / "always"), *FAST)["sampling"]["guidance"] == 1
    words = ["generate", str(root / "always"), "-n", "2", "--steps", "2"]
    assert answer(capsys, *words, "--guidance", "1")["sampling"]["guidance"] == 1
    assert "label_dropout 0" in error_of(capsys, [*words, "--guidance", "0.5"], 2)


@pytest.mark.parametrize("command", ["reconstruct", "anomalies", "compress"])
def test_what_needs_latents_is_refused(root: Path, capsys: Captured, command: str) -> None:
    more = ["some.png", "-o", "some.npz"] if command == "compress" else []
    assert "takes noise away, and has no latents" in error_of(capsys, [command, str(root / "told"), *more], 2)


def test_what_a_denoiser_sees_in_noise(root: Path, capsys: Captured, tmp_path: Path) -> None:
    found = answer(capsys, "explain", str(root / "told"), "--frames", "12", "-o", str(tmp_path))
    assert found["frames"] == 12
    assert found["pictures"]
    subject = kind_of("ddpm").explain(  # pyright: ignore[reportAttributeAccessIssue]
        Run(root / "told"), Console(quiet=True), Question(frames=12, device="cpu")
    )
    maps = subject.eyes.scales(subject.scaled(subject.pictures))
    assert list(maps) == ["stem", "stage 1", "stage 2"]
    assert "noised to timestep 49 of 100 (shown without it)" in subject.source
    assert (subject.labelled, subject.answered) == ("the picture", "the coarsest features")
    pictures = subject.pictures[:3]
    one, all_three = subject.answer(0, pictures[:1].float()), subject.answer(0, pictures.float())
    assert one.shape == (1, maps["stage 2"].shape[1])
    assert (one - all_three[:1]).abs().max() < 1e-4
