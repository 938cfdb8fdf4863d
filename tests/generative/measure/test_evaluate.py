"""`evaluate RUN` of generative models, for people and for scripts."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from PIL import Image

from generative.measure.fidelity import Fidelity
from generative.measure.tables import rows_of_fidelity
from sandbox.__main__ import main
from sandbox.core.errors import UsageError
from sandbox.core.kinds import Question
from sandbox.core.plugins import kind_of
from sandbox.core.run import Run
from sandbox.ui.console import Console
from tests.agents.run_folders import error_of
from tests.generative.measure.runs import make_runs
from tests.generative.run_folders import pictures_in, train
from tests.supervised.run_folders import answer

Captured = pytest.CaptureFixture[str]
FAST = ("--samples", "4", "--images", "20")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_runs(
        tmp_path_factory.mktemp("evaluated") / "runs", "plain", "denoising", "threes", "grey", "told"
    )


@pytest.mark.parametrize("name", ["plain", "denoising", "threes"])
def test_an_autoencoder_is_measured_as_when_training_ended(root: Path, capsys: Captured, name: str) -> None:
    found = answer(capsys, "evaluate", str(root / name))
    assert found["schema"] == "sandbox.evaluate-generator/1"
    assert found["evaluation"] == Run(root / name).info["evaluation"]
    assert (found["kind"], found["data"], found["latent"]) == ("autoencoder", "digits", 4)
    assert found["evaluation"]["psnr"] == pytest.approx(-10 * math.log10(found["evaluation"]["mse"]))
    assert ("noised" in found["evaluation"]) == (name in ("denoising", "threes"))
    assert found["pca"]["components"] == 4
    assert found["evaluation"]["n"] == found["pca"]["n"] == (37 if name == "threes" else 359)


@pytest.mark.parametrize("name", ["grey", "told"])
def test_a_vae_is_measured_as_when_training_ended_and_its_bound_comes_on_top(
    root: Path, capsys: Captured, name: str
) -> None:
    found = answer(capsys, "evaluate", str(root / name), *FAST)
    evaluation = found["evaluation"]
    assert Run(root / name).info["evaluation"].items() <= evaluation.items()
    assert (evaluation["samples"], evaluation["gap_images"]) == (4, 20)
    assert evaluation["bound"] == pytest.approx(evaluation["elbo"] + evaluation["gap"])
    assert evaluation["kl"] == pytest.approx(sum(one["kl"] for one in found["latents"]), abs=1e-4)
    assert len(found["latents"]) == evaluation["latents"] == 4
    assert evaluation["active_units"] == sum(one["active"] for one in found["latents"])
    again = answer(capsys, "evaluate", str(root / name), *FAST)
    assert again == found


@pytest.mark.parametrize(("name", "drawings"), [("plain", 1), ("grey", 2)])
def test_every_split_has_its_own_pictures(root: Path, capsys: Captured, name: str, drawings: int) -> None:
    found = answer(capsys, "evaluate", str(root / name), "--split", "validation", *FAST[: 4 * (drawings - 1)])
    assert (found["evaluation"]["split"], found["evaluation"]["n"]) == ("validation", 270)
    assert len(found["pictures"]) == drawings
    for what, path in found["pictures"].items():
        assert Path(path) == root / name / "plots" / f"{what}-validation.png"
        with Image.open(path) as picture:
            assert picture.width >= 800


def test_what_people_read_of_an_autoencoder(root: Path, capsys: Captured) -> None:
    capsys.readouterr()
    assert main(["evaluate", str(root / "denoising")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "autoencoder on digits, 359 test pictures"
    assert [line[:18].rstrip() for line in lines[2:7]] == [
        "squared error",
        "PSNR",
        "from noised ones",
        "PSNR",
        "PCA",
    ]
    assert "noise of 0.3" in lines[4]
    assert "4 principal components of 1,168 pictures" in lines[6]
    assert lines[7].endswith("plots/reconstructions-test.png")


def test_what_people_read_of_a_vae(root: Path, capsys: Captured) -> None:
    capsys.readouterr()
    assert main(["evaluate", str(root / "told"), *FAST]) == 0
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert lines[0] == "vae on digits, 359 test pictures, made black and white once, told their classes"
    assert [line[:18].rstrip() for line in lines[2:10]] == [
        "ELBO",
        "reconstruction",
        "divergence",
        "bits a dimension",
        "importance bound",
        "bits a dimension",
        "active latents",
        "squared error",
    ]
    assert "by 4 samples" in lines[6]
    assert [line.split("/")[-1] for line in lines[10:]] == ["reconstructions-test.png", "latents-test.png"]


def test_why_components_were_left_out_is_said(root: Path) -> None:
    assert rows_of_fidelity(Fidelity(3, 0.01), "too many")[-1] == ["PCA", "", "left out: too many"]


@pytest.mark.parametrize(("name", "score"), [("plain", "mse"), ("grey", "nats")])
def test_a_gate_is_about_a_score_that_must_not_be_exceeded(
    root: Path, capsys: Captured, name: str, score: str
) -> None:
    words = ["evaluate", str(root / name), *(FAST if name == "grey" else ())]
    reached = Run(root / name).info["evaluation"][score]
    assert answer(capsys, *words, "--gate", str(reached + 0.01))["gate"] == reached + 0.01
    failed = answer(capsys, *words, "--gate", str(reached - 0.01), code=6)
    assert f"the {score} of " in failed["error"]
    assert " is above " in failed["error"]


@pytest.mark.parametrize(
    ("name", "option", "says"),
    [
        ("plain", "--episodes", "--episodes and --seed are for agents"),
        ("grey", "--seed", "--episodes and --seed are for agents"),
        ("grey", "--tta", "--tta is for classifiers"),
        ("plain", "--samples", "--samples and --images are for VAEs"),
        ("plain", "--images", "--samples and --images are for VAEs"),
    ],
)
def test_what_is_for_others_is_refused(
    root: Path, capsys: Captured, name: str, option: str, says: str
) -> None:
    assert says in error_of(capsys, ["evaluate", str(root / name), option, "3"], 2)


@pytest.mark.parametrize("kind", ["ppo", "classifier"])
def test_others_refuse_what_is_for_vaes(root: Path, kind: str) -> None:
    with pytest.raises(UsageError, match="--samples and --images are for VAEs"):
        kind_of(kind).evaluate(Run(root / "plain"), Console(quiet=True), Question(samples=3))


def test_large_pictures_of_ones_own_are_measured_too(root: Path, capsys: Captured, tmp_path: Path) -> None:
    data = pictures_in(tmp_path / "photos", "a", "b", each=12, size=(50, 42))
    assert train(tmp_path / "runs", "own", "autoencoder", data=data) == 0
    found = answer(capsys, "evaluate", str(tmp_path / "runs" / "own"))
    assert found["evaluation"]["n"] == found["pca"]["n"] >= 2
