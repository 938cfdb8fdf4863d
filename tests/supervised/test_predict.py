"""`predict RUN FILE…`: what a classifier says of a person's own pictures, and how it deals with odd ones."""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sandbox.__main__ import main
from sandbox.data.catalog import load
from sandbox.supervised.prediction.familiarity import FILE
from tests.agents.run_folders import error_of
from tests.supervised.photos import photo
from tests.supervised.run_folders import answer, train, without_curves

Captured = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the run `first`, a classifier of the bundled digits."""
    folder = tmp_path_factory.mktemp("predict") / "runs"
    with pytest.MonkeyPatch.context() as patch:
        without_curves(patch)
        assert train(folder, "first", "cnn", "--steps", "150", "--pictures", "1000") == 0
    return folder


@pytest.fixture(autouse=True)
def here(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_RUNS", str(root))


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    """A folder with the first 30 test pictures as `1.png` to `30.png`."""
    folder = tmp_path / "digits"
    folder.mkdir()
    for number, picture in enumerate(load("digits").test.images[:30, 0].numpy(), 1):
        Image.fromarray(picture).save(folder / f"{number}.png")
    return folder


def test_a_folder_is_answered_in_the_order_in_which_people_count(digits: Path, capsys: Captured) -> None:
    found = answer(capsys, "predict", "first", str(digits))
    assert [Path(one["file"]).name for one in found["pictures"]] == [f"{n}.png" for n in range(1, 31)]
    labels = load("digits").test.labels[:30].tolist()
    right = [one["answers"][0]["class"] == str(n) for one, n in zip(found["pictures"], labels, strict=True)]
    assert sum(right) >= 27
    for one in found["pictures"]:
        chances = [known["probability"] for known in one["answers"]]
        assert len(chances) == 3
        assert chances == sorted(chances, reverse=True)
        assert one["treatment"] == "fitted"  # it has the form of the data set already
    assert sum(one["familiar"] for one in found["pictures"]) >= 27
    with Image.open(found["drawing"]) as drawing:
        assert drawing.width >= 1000


def test_a_pipe_says_what_the_file_says(
    digits: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    (file,) = answer(capsys, "predict", "first", str(digits / "3.png"))["pictures"]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((digits / "3.png").read_bytes())))
    (pipe,) = answer(capsys, "predict", "first", "-")["pictures"]
    assert pipe | {"file": file["file"]} == file


def test_dark_ink_on_paper_is_read_as_the_digit_that_it_was(tmp_path: Path, capsys: Captured) -> None:
    data = load("digits").test
    for number, picture in enumerate(data.images[:40, 0].numpy(), 1):
        Image.fromarray(photo(picture, number)).convert("RGB").save(tmp_path / f"{number}.jpg", quality=92)
    shares = {}
    for words in ((), ("--as-is",)):
        found = answer(capsys, "predict", "first", str(tmp_path), *words)["pictures"]
        pairs = zip(found, data.labels[:40].tolist(), strict=True)
        shares[words] = sum(one["answers"][0]["class"] == str(label) for one, label in pairs) / 40
        assert {one["treatment"] for one in found} == ({"fitted"} if words else {"ink"})
    assert shares[()] >= 0.75
    assert shares["--as-is",] < 0.4


def test_noise_is_unfamiliar_and_gets_no_confidence(tmp_path: Path, capsys: Captured) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (8, 8), np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    found = answer(capsys, "predict", "first", str(tmp_path / "noise.png"), "--as-is")
    (one,) = found["pictures"]
    assert one["familiar"] is False
    assert one["answers"][0]["probability"] < 0.5
    capsys.readouterr()
    assert main(["predict", "first", str(tmp_path / "noise.png"), "--as-is"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].endswith("unfamiliar")
    assert lines[2].startswith("1 of 1 unfamiliar: like nothing it learned from")


def test_what_cannot_be_read_is_named_and_skipped(digits: Path, capsys: Captured) -> None:
    (digits / "2.png").write_text("no picture")
    (digits / "notes.txt").write_text("not meant")
    (digits / "3.png").rename(digits / "3")  # told by its content, as in training
    gone = str(digits / "gone.png")
    found = answer(capsys, "predict", "first", str(digits), gone)
    assert len(found["pictures"]) == 29
    assert [(Path(one["file"]).name, one["why"]) for one in found["skipped"]] == [
        ("2.png", "it is no picture"),
        ("gone.png", "there is no such file"),
    ]


def test_a_pipe_without_an_end_is_refused(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.supervised.prediction.given.MOST_BYTES", 2**20)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(bytes(2**20 + 1))))
    error = error_of(capsys, ["predict", "first", "-"], 2)
    assert error == "the pipe sends more than 1 MiB: that is no picture"


def test_nothing_that_can_be_read_is_an_error(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "bad.png").write_bytes(b"GIF89a")
    error = error_of(capsys, ["predict", "first", str(tmp_path), "nowhere.jpg"], 4)
    assert "bad.png" in error
    assert error.endswith("(and 1 more like it)")
    (tmp_path / "bad.png").unlink()
    assert error_of(capsys, ["predict", "first", str(tmp_path)], 4) == f"there are no pictures in {tmp_path}"


def test_csv_has_a_line_for_each_picture(digits: Path, tmp_path: Path, capsys: Captured) -> None:
    table = tmp_path / "answers.csv"
    found = answer(capsys, "predict", "first", str(digits), "--csv", str(table), "--top", "2")["pictures"]
    rows = list(csv.DictReader(table.open()))
    assert [row["file"] for row in rows] == [one["file"] for one in found]
    for row, one in zip(rows, found, strict=True):
        second = one["answers"][1]
        assert (row["class_2"], float(row["probability_2"])) == (second["class"], second["probability"])
        assert row["familiar"] == ("yes" if one["familiar"] else "no")
    capsys.readouterr()
    assert main(["predict", "first", str(digits), "--csv", "-", "--top", "2"]) == 0
    assert capsys.readouterr().out == table.read_text()


def test_copies_change_probabilities_and_repeat_themselves(digits: Path, capsys: Captured) -> None:
    words = ["predict", "first", str(digits / "1.png"), str(digits / "2.png")]
    once, twice = (answer(capsys, *words, "--tta", "3")["pictures"] for _ in range(2))
    assert once == twice
    assert once != answer(capsys, *words)["pictures"]
    assert answer(capsys, *words[:2], words[3], "--tta", "3")["pictures"] == once[1:]


def test_what_is_familiar_is_learned_once(digits: Path, root: Path, capsys: Captured) -> None:
    first = answer(capsys, "predict", "first", str(digits))
    kept = (root / "first" / FILE).read_bytes()
    assert answer(capsys, "predict", "first", str(digits)) == first
    (root / "first" / FILE).write_bytes(b"damaged")
    assert answer(capsys, "predict", "first", str(digits)) == first
    assert (root / "first" / FILE).read_bytes() == kept


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "predict needs a FILE"),
        (["x.png", "--top", "0"], "--top must be at least 1, not 0"),
        (["-", "-"], "- is for one picture: a pipe can be read once"),
        (["x.png", "-o", "."], "-o is for a file, and . is a folder"),
        (["x.png", "--csv", "nowhere/a.csv"], "--csv: there is no folder nowhere"),
        (["x.png", "--tta", "1001"], "--tta must be between 0 and 1000, not 1001"),
        (["x.png", "--csv", "-"], "--json and --csv - both want stdout"),
    ],
)
def test_what_makes_no_sense_is_refused(capsys: Captured, words: list[str], says: str) -> None:
    assert answer(capsys, "predict", "first", *words, code=2)["error"] == says


def test_agents_are_refused(root: Path, capsys: Captured) -> None:
    folder = root / "player"
    folder.mkdir()
    info = (root / "first" / "run.json").read_text().replace('"classifier"', '"ppo"')
    (folder / "run.json").write_text(info)
    error = error_of(capsys, ["predict", "player", "x.png"], 2)
    assert error == "player is no classifier: runs of the kind 'ppo' have no answer to a picture"
