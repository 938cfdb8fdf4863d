"""`anomalies RUN [DATA|FILE…]`: what is said of strangers, of a person's own pictures, and of odd ones."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from generative.anomalies.normality import FILE
from sandbox.__main__ import main
from sandbox.data.catalog import load
from tests.agents.run_folders import error_of
from tests.generative.run_folders import train, without_curves
from tests.supervised.run_folders import answer

Captured = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the run `threes`, which has seen nothing else, and two other ones."""
    folder = tmp_path_factory.mktemp("anomalies") / "runs"
    with pytest.MonkeyPatch.context() as patch:
        without_curves(patch)
        assert train(folder, "threes", "autoencoder", "--only", "3", "--steps", "150") == 0
        assert train(folder, "vae", "vae", "--only", "3", "--steps", "40") == 0
        assert train(folder, "told", "vae", "--class-conditional") == 0
    return folder


@pytest.fixture(autouse=True)
def here(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_RUNS", str(root))


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with a three, a picture of another size and colour, and what is no picture."""
    folder = tmp_path / "files"
    folder.mkdir()
    test = load("digits").test
    three = test.images[test.labels == 3][0, 0].numpy()
    Image.fromarray(three).save(folder / "1-three.png")
    Image.effect_noise((40, 30), 90).convert("RGB").save(folder / "2-noise.png")
    (folder / "3-broken.png").write_text("no picture")
    return folder


def mean_of(found: dict[str, Any], normal: bool) -> float:
    scores = [one["score"] for one in found["pictures"] if one["normal"] is normal]
    return sum(scores) / len(scores)


@pytest.mark.parametrize("run", ["threes", "vae"])
def test_digits_that_were_never_seen_are_more_unusual(run: str, capsys: Captured) -> None:
    found = answer(capsys, "anomalies", run)
    assert found["auroc"] > 0.9
    assert found["interval"][0] < found["auroc"] < found["interval"][1]
    assert mean_of(found, normal=False) > mean_of(found, normal=True) + 1
    assert found["normal"] + found["others"] == len(found["pictures"]) == len(load("digits").test)
    assert all(one["normal"] == (one["class"] == "3") for one in found["pictures"])
    assert 1 > found["beyond"]["0.95"] > found["beyond"]["0.99"] > 0.3
    for drawing in ("drawing", "histogram"):
        with Image.open(found[drawing]) as picture:
            assert picture.width > 800


def test_people_are_told_the_most_unusual_first(capsys: Captured) -> None:
    assert main(["anomalies", "threes", "--top", "3"]) == 0
    told = capsys.readouterr().out
    assert "AUROC 0.9" in told
    scores = [float(line.split()[3]) for line in told.splitlines() if line.startswith("number ")]
    assert len(scores) == 3
    assert scores == sorted(scores, reverse=True)


def test_files_are_scored_without_the_data_and_bad_ones_are_named(
    files: Path, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(capsys, "anomalies", "threes")  # keeps what is usual

    def gone(*_: object, **__: object) -> None:
        raise AssertionError("the data were read")

    monkeypatch.setattr("generative.anomalies.found.pictures_of", gone)
    drawing = tmp_path / "drawing.png"
    found = answer(capsys, "anomalies", "threes", str(files), "-o", str(drawing))
    three, noise = found["pictures"]
    assert (Path(three["file"]).name, Path(noise["file"]).name) == ("1-three.png", "2-noise.png")
    assert noise["score"] > 3 > three["score"]
    assert noise["as_unusual"] == 0 < three["as_unusual"]
    assert [Path(one["file"]).name for one in found["skipped"]] == ["3-broken.png"]
    assert found["auroc"] is None
    assert drawing.exists()


def test_what_is_usual_is_measured_once_and_again_for_other_weights(root: Path, capsys: Captured) -> None:
    shutil.rmtree(root / "copy", ignore_errors=True)
    shutil.copytree(root / "threes", root / "copy", symlinks=True)
    (root / "copy" / FILE).unlink(missing_ok=True)
    first = answer(capsys, "anomalies", "copy")
    kept = (root / "copy" / FILE).read_bytes()
    assert answer(capsys, "anomalies", "copy")["pictures"] == first["pictures"]
    assert (root / "copy" / FILE).read_bytes() == kept
    answer(capsys, "anomalies", "copy", "--checkpoint", "first")
    assert (root / "copy" / FILE).read_bytes() != kept


def test_other_data_need_to_be_told_what_is_normal(tmp_path: Path, capsys: Captured) -> None:
    test = load("digits").test
    for number in range(60):
        folder = tmp_path / "parts" / ("good" if test.labels[number] == 3 else "bad")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(test.images[number, 0].numpy()).resize((20, 24)).save(folder / f"{number}.png")
    words = ("anomalies", "threes", f"folder:{tmp_path / 'parts'}", "--split", "train")
    assert answer(capsys, *words)["auroc"] is None
    found = answer(capsys, *words, "--normal", "good")
    assert found["auroc"] > 0.8
    assert {one["class"] for one in found["pictures"]} == {"good", "bad"}


@pytest.mark.parametrize(
    ("words", "says", "code"),
    [
        (("told",), "class-conditional", 2),
        (("threes", "--normal", "three"), "unknown class 'three'", 2),
        (("threes", "--normal", "0,1,2,3,4,5,6,7,8,9"), "nothing to tell apart", 2),
        (("threes", "digits", "mnist"), "digits is a data set", 2),
        (("threes", "nothing.png"), "nothing.png cannot be used: there is no such file", 4),
        (("threes", "nothing.png", "--normal", "3"), "--normal is for pictures with labels", 2),
        (("threes", "--top", "0"), "--top must be at least 1", 2),
        (("threes", "-o", "no/such/folder.png"), "there is no folder no/such", 2),
    ],
)
def test_bad_input_gets_one_line(words: tuple[str, ...], says: str, code: int, capsys: Captured) -> None:
    assert says in error_of(capsys, ["anomalies", *words], code)
