"""`reconstruct RUN [FILE…]`: pictures over what a model makes of them, with the error of each."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.image import imsave
from PIL import Image

from generative.measure.chosen import in_files
from generative.measure.drawn import Version, draw_reconstructions
from generative.opened import open_generator
from sandbox.__main__ import main
from sandbox.core.run import Run
from sandbox.data.catalog import load
from sandbox.nn.batches import to_model
from tests.agents.run_folders import error_of
from tests.generative.measure.runs import make_runs
from tests.supervised.run_folders import answer

Captured = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_runs(
        tmp_path_factory.mktemp("reconstructed") / "runs", "plain", "denoising", "threes", "told"
    )


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A bright bar, larger than what the models see."""
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[5:35, 27:33] = 255
    imsave(tmp_path / "one.bar.png", pixels)
    return tmp_path / "one.bar.png"


def test_evenly_spread_test_pictures_are_reconstructed(root: Path, capsys: Captured) -> None:
    found = answer(capsys, "reconstruct", str(root / "plain"), "-n", "5")
    assert (found["schema"], found["kind"]) == ("sandbox.reconstruct/1", "autoencoder")
    test, model = load("digits").test, open_generator(Run(root / "plain")).model
    some = test.take(torch.tensor([0, 89, 179, 268, 358]))
    images = to_model(some.images, None, torch.Generator())
    with torch.no_grad():
        errors = ((model(images) - images) / 2).square().mean((1, 2, 3))
    assert [one["mse"] for one in found["pictures"]] == pytest.approx(errors.tolist(), rel=1e-4)
    assert [one["picture"] for one in found["pictures"]] == [test.classes[label] for label in some.labels]
    assert found["mse"] == pytest.approx(errors.mean().item(), rel=1e-4)
    assert found["drawing"] == str(root / "plain" / "plots" / "reconstructions.png")


def test_a_seed_chooses_other_pictures_and_always_the_same(root: Path, capsys: Captured) -> None:
    words = ("reconstruct", str(root / "denoising"), "-n", "6", "--split", "validation")
    spread, one, again, two = (
        answer(capsys, *words, *seed) for seed in ((), ("--seed", "1"), ("--seed", "1"), ("--seed", "2"))
    )
    assert one == again
    assert len({tuple(entry["mse"] for entry in found["pictures"]) for found in (spread, one, two)}) == 3


def test_a_run_of_one_class_shows_that_class(root: Path, capsys: Captured) -> None:
    found = answer(capsys, "reconstruct", str(root / "threes"), "-n", "50")
    assert [one["picture"] for one in found["pictures"]] == ["3"] * 37


@pytest.mark.parametrize(("name", "rows"), [("plain", 2), ("denoising", 3)])
def test_the_drawing_shows_noised_pictures_in_between(
    root: Path, tmp_path: Path, capsys: Captured, name: str, rows: int
) -> None:
    capsys.readouterr()
    assert main(["reconstruct", str(root / name), "-n", "3", "-o", str(tmp_path / "it.png")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("3 of 359 test pictures: squared error 0.")
    assert lines[1] == f"drawing {tmp_path / 'it.png'}"
    with Image.open(tmp_path / "it.png") as picture:
        tall = picture.height
    with Image.open(_plain_drawing(tmp_path, rows)) as picture:
        assert tall == picture.height


def _plain_drawing(folder: Path, rows: int) -> Path:
    pictures = np.zeros((3, 1, 8, 8), np.uint8)
    versions = [Version(str(row), pictures) for row in range(rows)]
    captions = ["a"] * 3
    return draw_reconstructions(
        folder / "as.png", versions, title="", subtitle="", above=captions, below=captions
    )


def test_rows_of_pictures_are_cut_where_the_columns_end(tmp_path: Path) -> None:
    """Of 5 pictures in 2 columns, white on white: originals and copies three times over each other."""
    pictures = np.zeros((5, 1, 8, 8), np.uint8)
    path = draw_reconstructions(
        tmp_path / "it.png",
        [Version("a", pictures), Version("b", pictures)],
        title="",
        subtitle="",
        columns=2,
    )
    with Image.open(path) as picture:
        black = (np.asarray(picture.convert("RGB")) == 0).all(2)
    assert black.sum() == 2 * 5 * 80**2
    tops = np.flatnonzero(np.diff(black[:, black.any(0).argmax() + 5].astype(int)) == 1)
    assert len(tops) == 6


def test_a_persons_own_picture_is_brought_to_the_models_size(
    root: Path, capsys: Captured, photo: Path
) -> None:
    found = answer(capsys, "reconstruct", str(root / "plain"), str(photo))
    assert [one["picture"] for one in found["pictures"]] == ["one.bar.png"]
    chosen = in_files(open_generator(Run(root / "plain")), [str(photo)], most=5)
    image = chosen.pictures.images[0, 0].float()
    assert image.shape == (8, 8)
    assert image[:, 3:5].mean() > 100 > image[:, [0, 7]].max()


def test_what_cannot_be_read_is_named_and_skipped(root: Path, capsys: Captured, photo: Path) -> None:
    (photo.parent / "broken.png").write_bytes(b"no picture")
    found = answer(capsys, "reconstruct", str(root / "plain"), str(photo.parent), "-n", "9")
    assert [one["picture"] for one in found["pictures"]] == ["one.bar.png"]
    assert [Path(one["file"]).name for one in found["skipped"]] == ["broken.png"]
    error = error_of(capsys, ["reconstruct", str(root / "plain"), str(photo.parent / "broken.png")], 4)
    assert "broken.png cannot be used: " in error


def test_a_picture_may_come_through_a_pipe(
    root: Path, capsys: Captured, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(photo.read_bytes())))
    found = answer(capsys, "reconstruct", str(root / "plain"), "-")
    assert [one["picture"] for one in found["pictures"]] == ["the pipe"]


def test_a_class_conditional_vae_is_told_the_class(root: Path, capsys: Captured, photo: Path) -> None:
    """That of the data; of a file the one as which it reconstructs it best."""
    found = answer(capsys, "reconstruct", str(root / "told"), "-n", "4")
    assert [one["told"] for one in found["pictures"]] == [one["picture"] for one in found["pictures"]]
    told = answer(capsys, "reconstruct", str(root / "told"), str(photo))["pictures"][0]
    opened = open_generator(Run(root / "told"))
    image = in_files(opened, [str(photo)], most=1).pictures.images
    images = to_model(image, None, torch.Generator()).repeat(10, 1, 1, 1)
    with torch.no_grad():
        errors = ((opened.model(images, torch.arange(10)) - images) / 2).square().mean((1, 2, 3))
    assert told["told"] == str(int(errors.argmin()))
    assert told["mse"] == pytest.approx(errors.min().item(), rel=1e-4)


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        ("-n 0", 2, "--pictures must be between 1 and 400, not 0"),
        ("-n 401", 2, "--pictures must be between 1 and 400, not 401"),
        ("--seed -1", 2, "--seed must be between 0 and 2147483647, not -1"),
        ("a.png --split test", 2, "--split and --data-dir choose pictures, and so does FILE"),
        ("- -", 2, "- is for one picture"),
        ("-o nowhere/it.png", 2, "-o: there is no folder nowhere"),
        ("-o /", 2, "-o is for a file, and / is a folder"),
        ("nothing.png", 4, "nothing.png cannot be used: there is no such file"),
        ("--checkpoint 7", 4, "there is no checkpoint '7'"),
    ],
)
def test_mistakes(root: Path, capsys: Captured, options: str, code: int, says: str) -> None:
    assert says in error_of(capsys, ["reconstruct", str(root / "plain"), *options.split()], code)


def test_a_run_of_another_kind_is_refused(root: Path, capsys: Captured, tmp_path: Path) -> None:
    from sandbox.core.runs import create_run

    create_run(tmp_path, "train-agent", "CartPole-v1", 0, "ppo", name="agent")
    error = error_of(capsys, ["reconstruct", str(tmp_path / "agent")], 2)
    assert "no generative model" in error
