"""`compress` and `decompress`: pictures through a run's model into a file, and out of it again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from generative.compression.stored import content_of, read_stored
from sandbox.__main__ import main
from sandbox.data.catalog import load
from tests.agents.run_folders import error_of
from tests.generative.run_folders import train, without_curves
from tests.supervised.run_folders import answer

Captured = pytest.CaptureFixture[str]
COUNT = 20


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `first` and `other`, autoencoders of the digits, and `told`, a class-conditional VAE."""
    folder = tmp_path_factory.mktemp("compress") / "runs"
    with pytest.MonkeyPatch.context() as patch:
        without_curves(patch)
        assert train(folder, "first") == 0
        assert train(folder, "other", "autoencoder", "--seed", "1") == 0
        assert train(folder, "told", "vae", "--class-conditional") == 0
    return folder


@pytest.fixture(autouse=True)
def here(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_RUNS", str(root))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    """A folder with the first test pictures as `1.png` to `20.png`, the last ones in a folder below."""
    folder = tmp_path / "digits"
    (folder / "late").mkdir(parents=True)
    for number, picture in enumerate(load("digits").test.images[:COUNT, 0].numpy(), 1):
        Image.fromarray(picture).save(folder / ("late" if number > 15 else ".") / f"{number}.png")
    return folder


def pixels(file: str | Path) -> np.ndarray:
    with Image.open(file) as picture:
        return np.asarray(picture) / 255


def test_the_error_told_is_that_of_the_pictures_that_come_back(digits: Path, capsys: Captured) -> None:
    told = answer(capsys, "compress", "first", str(digits), "-o", "a.npz")
    found = answer(capsys, "decompress", "a.npz", "-o", "back")
    errors = []
    for before, after in zip(told["pictures"], found["pictures"], strict=True):
        assert after["name"] == before["name"]
        assert after["file"] == str(Path("back", before["name"]))
        errors.append(np.mean((pixels(digits / before["name"]) - pixels(after["file"])) ** 2))
        assert before["mse"] == pytest.approx(errors[-1], rel=1e-4)
    assert told["mse"] == pytest.approx(np.mean(errors), rel=1e-4)
    assert told["psnr"] == pytest.approx(-10 * np.log10(np.mean(errors)), abs=1e-3)
    assert [one["name"] for one in found["pictures"]][-2:] == ["late/19.png", "late/20.png"]
    assert len(list(Path("back").rglob("*.png"))) == COUNT


def test_bytes_before_and_after_are_those_on_the_disk(digits: Path, capsys: Captured) -> None:
    told = answer(capsys, "compress", "first", str(digits), "-o", "a.npz")
    assert told["bytes"]["files"] == sum(file.stat().st_size for file in digits.rglob("*.png"))
    assert told["bytes"]["pixels"] == COUNT * 8 * 8
    assert told["bytes"]["compressed"] == Path("a.npz").stat().st_size
    assert told["ratio"] == told["bytes"]["pixels"] / told["bytes"]["compressed"]
    with np.load("a.npz", allow_pickle=False) as file:
        assert file["codes"].shape == (COUNT, told["latent"])
        assert (file["sizes"] == 8).all()


def test_more_bits_come_nearer_to_latents_that_are_not_rounded(capsys: Captured) -> None:
    told = {
        bits: answer(capsys, "compress", "first", "digits", "-o", f"{bits}.npz", "--bits", str(bits))
        for bits in (1, 8, 16)
    }
    away = {bits: abs(one["mse"] - one["mse_unquantised"]) for bits, one in told.items()}
    assert away[1] > 10 * away[8]
    assert away[16] < 1e-6
    assert told[1]["bytes"]["compressed"] < told[8]["bytes"]["compressed"] < told[16]["bytes"]["compressed"]
    assert len({one["mse_unquantised"] for one in told.values()}) == 1


def test_a_data_set_stands_for_its_test_pictures(capsys: Captured) -> None:
    told = answer(capsys, "compress", "first", "digits", "-o", "a.npz")
    test = load("digits").test
    assert (len(told["pictures"]), told["bytes"]["files"]) == (len(test), None)
    assert answer(capsys, "decompress", "a.npz")["folder"] == "a"
    errors = [
        np.mean((test.images[number, 0].numpy() / 255 - pixels(f"a/digits-{number:03}.png")) ** 2)
        for number in (0, 7, len(test) - 1)
    ]
    assert errors == pytest.approx([told["pictures"][number]["mse"] for number in (0, 7, -1)], rel=1e-4)


def test_photos_are_brought_to_the_form_of_the_model(tmp_path: Path, capsys: Captured) -> None:
    Image.new("RGB", (640, 480), (200, 30, 30)).save(tmp_path / "photo.jpg")
    told = answer(capsys, "compress", "first", "photo.jpg", "-o", "a.npz")
    (found,) = answer(capsys, "decompress", "a.npz")["pictures"]
    assert told["bytes"]["pixels"] == 64
    assert (found["name"], found["file"], found["size_before"]) == ("photo.jpg", "a/photo.png", [480, 640])
    assert pixels("a/photo.png").shape == (8, 8)


def test_what_cannot_be_read_is_named_and_skipped(digits: Path, capsys: Captured) -> None:
    (digits / "2.png").write_text("no picture")
    words = ["compress", "first", str(digits), "gone.png", "-o", "a.npz"]
    told = answer(capsys, *words)
    assert len(told["pictures"]) == COUNT - 1
    assert [(Path(one["file"]).name, one["why"]) for one in told["skipped"]] == [
        ("2.png", "it is no picture"),
        ("gone.png", "there is no such file"),
    ]
    capsys.readouterr()
    assert main([*words[:-1], "b.npz"]) == 0
    out = capsys.readouterr().out
    assert "2 of 21 files skipped" in out
    assert "times the npz" in out


def test_nothing_that_can_be_read_is_an_error_and_leaves_no_file(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "bad.png").write_bytes(b"GIF89a")
    error = error_of(capsys, ["compress", "first", "bad.png", "gone.png", "-o", "a.npz"], 4)
    assert error.startswith("bad.png cannot be used: ")
    assert error.endswith("(and 1 more like it)")
    (tmp_path / "empty").mkdir()
    error = error_of(capsys, ["compress", "first", "empty", "-o", "a.npz"], 4)
    assert error == "there are no pictures in empty"
    assert not Path("a.npz").exists()


def test_nothing_is_overwritten(digits: Path, capsys: Captured) -> None:
    assert main(["compress", "first", str(digits), "-o", "a.npz"]) == 0
    before = Path("a.npz").read_bytes()
    error = error_of(capsys, ["compress", "first", str(digits), "-o", "a.npz", "--bits", "4"], 2)
    assert error == "a.npz exists already"
    assert Path("a.npz").read_bytes() == before
    Path("a/late").mkdir(parents=True)
    Path("a/late/16.png").write_text("mine")
    assert error_of(capsys, ["decompress", "a.npz"], 2) == "a/late/16.png exists already"
    assert [file.name for file in Path("a").rglob("*.*")] == ["16.png"]
    Path("taken").write_text("mine")
    error = error_of(capsys, ["decompress", "a.npz", "-o", "taken/below"], 7)
    assert error == "taken/below/1.png cannot be written: a file is in its place"
    assert error_of(capsys, ["decompress", "a.npz", "-o", "taken"], 2).startswith("taken is a file")


def test_two_pictures_of_one_name_become_two(tmp_path: Path, digits: Path, capsys: Captured) -> None:
    shutil.copy(digits / "7.png", tmp_path / "1.png")
    assert main(["compress", "first", str(digits / "1.png"), "1.png", "-o", "a.npz"]) == 0
    files = [one["file"] for one in answer(capsys, "decompress", "a.npz")["pictures"]]
    assert files == ["a/1.png", "a/1-2.png"]


def test_only_the_weights_that_compressed_decompress(root: Path, tmp_path: Path, capsys: Captured) -> None:
    assert main(["compress", "first", "digits", "-o", "a.npz"]) == 0
    elsewhere = ["decompress", "a.npz", "--out", str(tmp_path / "runs")]
    error = error_of(capsys, elsewhere, 4)
    assert error == f"a.npz needs the run 'first', which is not in {tmp_path / 'runs'}"
    error = error_of(capsys, ["decompress", "a.npz", "--run", "other"], 4)
    assert error.startswith(
        "other does not have the weights that compressed a.npz: those were of first, step "
    )
    assert not Path("a").exists()
    shutil.copytree(root / "first", tmp_path / "runs" / "renamed")
    assert len(answer(capsys, *elsewhere, "--run", "renamed")["pictures"]) == len(load("digits").test)


def test_a_run_that_learned_on_still_has_the_weights_of_that_step(digits: Path, capsys: Captured) -> None:
    told = answer(capsys, "compress", "first", str(digits), "-o", "a.npz", "--checkpoint", "first")
    best = answer(capsys, "compress", "first", str(digits), "-o", "b.npz")
    assert told["weights"] != best["weights"]
    assert answer(capsys, "decompress", "a.npz")["steps"] == told["steps"] < best["steps"]


def test_a_file_that_does_not_fit_its_model_is_damaged(capsys: Captured) -> None:
    assert main(["compress", "first", "digits", "-o", "a.npz"]) == 0
    plain = content_of(read_stored(Path("a.npz")))
    with np.load("a.npz", allow_pickle=False) as file:
        arrays: dict[str, Any] = dict(file)
    about = json.loads(str(arrays["about"]))
    changes: dict[str, dict[str, Any]] = {
        "b.npz": {"about": np.array(json.dumps(about | {"shape": [1, 9, 9]}))},
        "c.npz": {"labels": np.zeros(len(arrays["names"]), np.uint16)},
    }
    for name, change in changes.items():
        altered: dict[str, Any] = arrays | change
        np.savez_compressed(name, **altered)
    Path("d.npz").write_bytes(plain[:-40])
    for name, says in (
        ("b", "does not fit the model"),
        ("c", "does not fit the model"),
        ("d", "is no npz file"),
    ):
        assert says in error_of(capsys, ["decompress", f"{name}.npz"], 4)
        assert not Path(name).exists()


def test_a_class_conditional_model_is_told_the_class(digits: Path, capsys: Captured) -> None:
    """That which is given, or that of its own data, or of files the one that brings most back."""
    words = ["compress", "told", str(digits), "-o", "a.npz"]
    told = answer(capsys, *words, "--class", "3")["mse_unquantised"]
    assert read_stored(Path("a.npz")).labels.tolist() == [3] * COUNT  # type: ignore[union-attr]
    fitting = answer(capsys, *words[:-1], "fitting.npz")["mse_unquantised"]
    assert fitting < told
    assert len(set(read_stored(Path("fitting.npz")).labels.tolist())) > 1  # type: ignore[union-attr]
    assert answer(capsys, "compress", "told", "digits", "-o", "b.npz")["pictures"]
    labels = read_stored(Path("b.npz")).labels
    assert labels.tolist() == load("digits").test.labels.tolist()  # type: ignore[union-attr]
    assert len(answer(capsys, "decompress", "b.npz")["pictures"]) == len(load("digits").test)
    assert "unknown class '12'" in error_of(capsys, [*words[:-1], "c.npz", "--class", "12"], 2)


def test_a_drawing_shows_originals_over_what_comes_back(digits: Path, capsys: Captured) -> None:
    told = answer(capsys, "compress", "first", str(digits), "-o", "a.npz", "--picture", "a.png")
    assert told["drawing"] == "a.png"
    with Image.open("a.png") as drawing:
        assert drawing.width >= 1000


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["first", "-o", "a.npz"], "compress needs a FILE"),
        (["first", "x.png", "-o", "x.zip"], "-o must end in .npz, not 'x.zip'"),
        (["first", "x.png", "-o", "nowhere/a.npz"], "-o: there is no folder nowhere"),
        (["first", "x.png", "-o", "a.npz", "--bits", "0"], "--bits must be between 1 and 16, not 0"),
        (["first", "x.png", "-o", "a.npz", "--bits", "17"], "--bits must be between 1 and 16, not 17"),
        (["first", "x.png", "-o", "a.npz", "--picture", "a.jpg"], "--picture must end in .png, not 'a.jpg'"),
        (["first", "digits", "x.png", "-o", "a.npz"], "digits is a data set, and goes alone"),
        (["first", "digits", "-o", "a.npz", "--class", "3"], "first is not class-conditional"),
    ],
)
def test_what_makes_no_sense_is_refused(capsys: Captured, words: list[str], says: str) -> None:
    assert answer(capsys, "compress", *words, code=2)["error"].startswith(says)


def test_other_kinds_of_run_are_refused(root: Path, capsys: Captured) -> None:
    folder = root / "player"
    folder.mkdir()
    info = (root / "first" / "run.json").read_text().replace('"autoencoder"', '"ppo"')
    (folder / "run.json").write_text(info)
    error = error_of(capsys, ["compress", "player", "x.png", "-o", "a.npz"], 2)
    assert error == "player is a run of train-generator, and no generative model"
