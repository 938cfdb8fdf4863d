"""``list data`` and ``data show``: which data sets there are, and what their pictures look like."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread

from sandbox.__main__ import main
from sandbox.core.plugins import DATA
from sandbox.data import mnist
from tests.data.made import mnist_files, put, small_mnist

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No data to be found, and an empty working folder."""
    monkeypatch.delenv("SANDBOX_DATA", raising=False)
    monkeypatch.chdir(tmp_path)


def answer(capsys: Captured, *words: str, code: int = 0) -> dict[str, Any]:
    assert main([*words, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_the_list_says_what_is_where(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    listing = answer(capsys, "list", "data")
    rows = {row[0]: dict(zip(listing["columns"], row, strict=True)) for row in listing["rows"]}
    assert list(rows) == [*DATA, "folder:PATH", "frames:ENV[@PLAYER]"]
    assert rows["digits"]["found in"] == "scikit-learn"
    assert rows["mnist"] == {
        "name": "mnist",
        "pictures": "28×28 grey",
        "classes": 10,
        "train": 50_000,
        "validation": 10_000,
        "test": 10_000,
        "found in": "not found",
        "licence": "CC BY-SA 3.0",
    }
    folder = put(tmp_path / "data" / "mnist", mnist_files())
    monkeypatch.setenv("SANDBOX_DATA", str(tmp_path / "data"))
    assert str(folder) in [row[6] for row in answer(capsys, "list", "data")["rows"]]


def test_listing_loads_neither_torch_nor_numpy() -> None:
    code = (
        "import sys\nfrom sandbox.data.listing import data_sets\ndata_sets()\n"
        "assert not {'torch', 'numpy', 'sklearn', 'kornia'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_show_draws_a_grid_and_says_where(capsys: Captured, tmp_path: Path) -> None:
    assert main(["data", "show", "digits"]) == 0
    assert capsys.readouterr().out == "digits-train.png\n"
    picture = imread(tmp_path / "digits-train.png")
    assert picture.shape[0] > 10 * 72  # ten rows of pictures, and a title
    assert [path.name for path in tmp_path.iterdir()] == ["digits-train.png"]


def test_scripts_are_told_what_was_drawn(capsys: Captured, tmp_path: Path) -> None:
    told = answer(capsys, "data", "show", "digits", "--split", "test", "--out", "some/test.png")
    assert (told["schema"], told["data"], told["split"]) == ("sandbox.data-show/1", "digits", "test")
    assert told["shape"] == [1, 8, 8]
    assert told["pictures"] == sum(told["classes"].values()) == 359
    assert list(told["classes"]) == list("0123456789")
    assert told["augment"] is None
    assert told["file"] == "some/test.png"
    assert (tmp_path / "some" / "test.png").exists()


def test_augmented_pictures_stand_beside_the_originals(capsys: Captured, tmp_path: Path) -> None:
    told = answer(capsys, "data", "show", "digits", "--augment")
    assert told["augment"]["rotation_degrees"] > 0
    assert told["augment"]["flip"] is False
    assert (tmp_path / "digits-train-augmented.png").exists()


def test_the_seed_chooses_the_pictures(capsys: Captured, tmp_path: Path) -> None:
    for name, seed in (("first", "1"), ("again", "1"), ("other", "2")):
        assert main(["data", "show", "digits", "--augment", "--seed", seed, "--out", f"{name}.png"]) == 0
    first, again, other = (imread(tmp_path / f"{name}.png") for name in ("first", "again", "other"))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_files_are_taken_from_the_named_folder(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    put(tmp_path / "data" / "mnist", mnist_files())
    monkeypatch.setattr(mnist, "MNIST", small_mnist())
    told = answer(
        capsys, "data", "show", "mnist", "--data-dir", "data", "--split", "validation", "--out", "data"
    )
    # Five pictures, of five classes: the other rows are empty.
    assert list(told["classes"].values()) == [0] * 5 + [1] * 5
    assert told["file"] == "data/mnist-validation.png"


def test_alone_it_says_what_can_be_done(capsys: Captured) -> None:
    assert main(["data"]) == 0
    assert "python -m sandbox data show DATA\n" in capsys.readouterr().out
    assert answer(capsys, "data")["rows"] == [["get"], ["show"]]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("data shwo mnist", 2, "unknown data command 'shwo': did you mean 'show'?"),
        ("data show", 2, "data show needs DATA"),
        ("data show frames:dodge:My/Dodge-v0", 2, "frames of 'dodge:My/Dodge-v0' would import"),
        ("data show mnits", 2, "unknown data set 'mnits': did you mean 'mnist'?"),
        ("data show digits --split tets", 2, "--split: 'tets' is not one of train, validation, test"),
        (
            "data show digits --augment --split test",
            2,
            "--augment shows what training does, and test pictures",
        ),
        ("data show digits --out digits.jpg", 2, "--out must end in .png, not 'digits.jpg'"),
        ("data show digits --out taken/digits.png", 2, "--out: taken is a file, not a folder"),
        ("data show mnist", 4, "the data set mnist was not found in"),
        ("data show mnist --data-dir away", 4, "--data-dir away is not a folder"),
    ],
)
def test_a_mistake_is_one_line_and_an_exit_code(
    capsys: Captured, tmp_path: Path, words: str, code: int, message: str
) -> None:
    (tmp_path / "taken").touch()
    told = answer(capsys, *words.split(), code=code)
    assert told["error"].startswith(message)
    assert told["code"] == code
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_a_file_that_is_not_the_published_one_is_named(capsys: Captured, tmp_path: Path) -> None:
    put(tmp_path, mnist_files())
    told = answer(capsys, "data", "show", "mnist", "--data-dir", str(tmp_path), code=4)
    assert "train-images-idx3-ubyte.gz is not the published file" in told["error"]
