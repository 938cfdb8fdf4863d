"""`generate RUN` for a diffusion model: grids, films, ways between pictures, and repairs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from generative.generate.diffusing import _way
from generative.generate.ends import End
from generative.generate.subject import Subject
from generative.passes import as_bytes
from sandbox.data.catalog import load
from sandbox.ui.console import Console
from tests.agents.run_folders import error_of
from tests.generative.generate.denoisers import tiny_ddpm
from tests.generative.run_folders import train, without_curves
from tests.supervised.run_folders import answer

Captured = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs on the bundled digits of 100 timesteps: `told` three classes, `always` two, and `plain`."""
    folder = tmp_path_factory.mktemp("diffusing") / "runs"
    with pytest.MonkeyPatch.context() as patch:
        without_curves(patch)
        assert train(folder, "told", "ddpm", "--only", "1,7,8", "--guidance", "2") == 0
        assert train(folder, "plain", "ddpm", "--no-class-conditional") == 0
        assert train(folder, "always", "ddpm", "--only", "1,7", "--label-dropout", "0", "--steps", "2") == 0
    return folder


@pytest.fixture(autouse=True)
def here(root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SANDBOX_RUNS", str(root))
    monkeypatch.chdir(tmp_path)


def tiles(path: str | Path) -> np.ndarray:
    """The pictures of 8×8 in a grid: (n, 8, 8), row by row, without the names over its columns."""
    with Image.open(path) as grid:
        shown = np.asarray(grid.convert("L"))
    shown = shown[2 + (len(shown) - 2) % 82 :, 2:]
    rows, columns = shown.shape[0] // 82, shown.shape[1] // 82
    return np.stack(
        [shown[82 * row : 82 * row + 80 : 10, 82 * column : 82 * column + 80 : 10]
         for row in range(rows) for column in range(columns)]
    )  # fmt: skip


def test_what_the_run_recommends_is_taken_and_what_differs_is_in_the_name(
    root: Path, capsys: Captured
) -> None:
    found = answer(capsys, "generate", "told", "-n", "3")
    assert found["classes"] == ["1", "7", "8"]
    assert found["sampling"] == {"sampler": "dpm++", "steps": 20, "guidance": 2.0}
    assert Path(found["grid"]) == root / "told" / "samples" / "grid-n3-seed0.png"
    words = ["--guidance", "1", "--sampler", "ddim", "--steps", "5", "--seed", "4", "--class", "7"]
    found = answer(capsys, "generate", "told", "-n", "3", *words)
    assert Path(found["grid"]).name == "grid-7-n3-ddim-steps5-guidance1-seed4.png"
    assert answer(capsys, "generate", "plain", "-n", "2", "--steps", "2")["sampling"]["guidance"] == 1


@pytest.mark.parametrize("run", ["told", "plain"])
def test_a_grid_shows_the_first_pictures_of_a_larger_one(run: str, capsys: Captured) -> None:
    few = answer(capsys, "generate", run, "-n", "9", "--steps", "4", "-o", "few.png")
    many = answer(capsys, "generate", run, "-n", "36", "--steps", "4", "-o", "many.png")
    first, all_of_them = tiles(few["grid"]), tiles(many["grid"])
    assert np.abs(first.astype(int) - all_of_them[:9]).max() <= 1
    answer(capsys, "generate", run, "-n", "2", "--steps", "4", "--each", "made")
    for number, file in enumerate(sorted(Path("made").glob("*.png"))):
        with Image.open(file) as picture:
            assert np.abs(np.asarray(picture).astype(int) - first[number]).max() <= 1
    about = json.loads(Path("made/generated.json").read_text())
    assert about["sampling"]["steps"] == 4
    other = ["generate", run, "-n", "2", "--steps", "5", "--each", "made"]
    assert "not the same sampling" in error_of(capsys, other, 2)


def test_a_film_goes_from_noise_to_the_grid(capsys: Captured) -> None:
    found = answer(capsys, "generate", "told", "-n", "9", "--steps", "6", "--animate", "way.gif")
    assert found["animation"] == "way.gif"
    with Image.open("way.gif") as film:
        frames, seen = [], []
        for number in range(film.n_frames):  # type: ignore[attr-defined]
            film.seek(number)
            frames.append(np.asarray(film.convert("L")))
            seen.append(film.info["duration"])
    assert len(frames) == 7
    assert seen == [400, 100, 100, 100, 100, 100, 2500]
    with Image.open(found["grid"]) as grid:
        bare = grid.convert("L").crop((0, (grid.height - 2) % 82, *grid.size))  # without the classes' names
        wanted = np.asarray(bare.resize(frames[-1].shape[::-1], Image.Resampling.NEAREST))
    far = [np.abs(frame.astype(int) - wanted).mean() for frame in frames]
    assert far[0] > 40
    assert far[-1] < far[0] / 3


@pytest.mark.parametrize("run", ["told", "plain"])
def test_a_way_is_a_strip_and_an_animation(run: str, root: Path, capsys: Captured) -> None:
    words = ["generate", run, "--interpolate", "1", "test:7", "--frames", "5", "--steps", "4"]
    found = answer(capsys, *words)
    strip, gif = Path(found["strip"]), Path(found["animation"])
    assert strip == root / run / "samples" / "interpolate-1-test-7-frames5-steps4-seed0.png"
    assert gif == strip.with_suffix(".gif")
    assert found["sampling"] == {"sampler": "ddim", "steps": 4, "guidance": 1.0}
    before = strip.read_bytes(), gif.read_bytes()
    answer(capsys, *words)
    assert (strip.read_bytes(), gif.read_bytes()) == before


def test_the_ends_of_a_way_are_the_pictures_that_it_goes_between() -> None:
    """Of a model that knows two pictures by heart, and nothing else."""
    known = torch.zeros(2, 1, 8, 8).add(-0.9)
    known[0, :, 2:6, 3:5], known[1, :, 3:5, 1:7] = 0.8, 0.7

    class ByHeart(torch.nn.Module):
        config = tiny_ddpm("a", "b").unet.config

        def forward(self, noisy: torch.Tensor, times: torch.Tensor, class_labels: torch.Tensor) -> object:
            alpha_bar = model.alphas_cumprod[times][:, None, None, None]
            clean = known[class_labels.clamp(max=1)]
            noise = (noisy - alpha_bar.sqrt() * clean) / (1 - alpha_bar).sqrt()
            velocity = alpha_bar.sqrt() * noise - (1 - alpha_bar).sqrt() * clean
            return type("Output", (), {"sample": velocity})

    model: Any = tiny_ddpm("a", "b")
    model.unet = ByHeart()
    pictures = as_bytes(known)
    ends = End("a", pictures[0], 0), End("b", pictures[1], 1)
    subject = Subject(model, "mine", Path(), ("a", "b"), 0, Console(quiet=True))
    way = _way(subject, ends, 5, 20)
    assert (way[0].int() - pictures[0].int()).abs().max() <= 1
    assert (way[-1].int() - pictures[1].int()).abs().max() <= 1
    middle = pictures.float().mean(0)
    assert (way[2].float() - middle).abs().max() <= 2


def test_a_repair_keeps_what_is_known(root: Path, capsys: Captured) -> None:
    digit = load("digits").test.images[3, 0].numpy()
    mask = np.zeros((8, 8), np.uint8)
    mask[:3, 2:] = 255
    Image.fromarray(mask).save("hole.png")
    words = ["generate", "plain", "--inpaint", "test:3", "--mask", "hole.png", "-n", "3", "--steps", "3"]
    found = answer(capsys, *words)
    assert (found["original"], found["mask"], found["pictures"]) == ("test:3", "hole.png", 3)
    assert Path(found["strip"]) == root / "plain" / "samples" / "inpaint-test-3-hole-n3-steps3-seed0.png"
    with Image.open(found["strip"]) as strip:
        shown = np.asarray(strip.convert("RGB"))
    scale, gap, left, top = 12, 6, 45, 135 + 27  # of `sandbox.ui.grids`
    pictures = [
        shown[top : top + 8 * scale : scale, left + at * (8 * scale + gap) :][:, : 8 * scale : scale]
        for at in range(5)
    ]
    np.testing.assert_array_equal(pictures[0], digit[..., None].repeat(3, 2))
    assert (pictures[1][mask > 0] == (0x56, 0xB4, 0xE9)).all()
    for picture in pictures[1:]:
        np.testing.assert_array_equal(picture[mask == 0], pictures[0][mask == 0])
    assert (pictures[2] != pictures[3]).any()


def test_a_copied_model_draws_with_the_guidance_that_the_run_recommends(
    root: Path, tmp_path: Path, capsys: Captured
) -> None:
    shutil.copytree(root / "told" / "model", tmp_path / "copy")
    words = ["-n", "1", "--steps", "2", "--class", "7"]
    one, other = (answer(capsys, "generate", name, *words) for name in ("told", "./copy"))
    assert other["sampling"] == one["sampling"] == {"sampler": "dpm++", "steps": 2, "guidance": 2.0}
    assert np.array_equal(tiles(one["grid"]), tiles(other["grid"]))


def test_who_was_always_told_a_class_goes_between_known_pictures_only(root: Path, capsys: Captured) -> None:
    Image.new("L", (8, 8), 90).save("grey.png")
    words = ["generate", "always", "--frames", "2", "--steps", "2", "--interpolate", "1"]
    assert Path(answer(capsys, *words, "7")["strip"]).is_file()
    assert "nobody says what class a picture file is of" in error_of(capsys, [*words, "grey.png"], 2)


def test_a_repair_can_be_told_classes(capsys: Captured) -> None:
    words = ["generate", "told", "--inpaint", "test:3", "--mask", "top", "--steps", "2", "-n", "10"]
    assert answer(capsys, *words)["classes"] == []
    found = answer(capsys, *words, "--classes", "1,8")
    assert found["classes"] == ["1", "8"]
    assert found["sampling"] == {"sampler": "repaint", "steps": 2, "guidance": 2.0}
    assert Path(found["strip"]).name == "inpaint-test-3-top-1-8-n10-steps2-seed0.png"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["plain", "--class", "7"], "--class is for models that were told classes in training"),
        (["plain", "--guidance", "2"], "--guidance is for models that were told classes in training"),
        (["told", "--walk"], "--walk is for models with latents, and told is a diffusion model"),
        (["told", "--class", "3"], "unknown class '3'"),
        (["told", "--sampler", "euler"], "unknown sampler 'euler'"),
        (["told", "--steps", "0"], "--steps must be at least 1, not 0"),
        (["told", "--steps", "101"], "--steps must be at most 100"),
        (["told", "--interpolate", "1", "7", "--steps", "101"], "--steps must be at most 100"),
        (["told", "--inpaint", "1", "--mask", "top", "--steps", "101"], "--steps must be at most 100"),
        (["told", "--guidance", "-1"], "--guidance must be 0 to 100, not -1"),
        (["told", "--guidance", "nan"], "--guidance must be 0 to 100, not nan"),
        (["told", "--animate", "way.mp4"], "--animate must name a file that ends in .gif, not 'way.mp4'"),
        (
            ["told", "--animate", "way.gif", "-n", "90k"],
            "an animation of 90,000 pictures of 8×8 would be too",
        ),
        (["told", "--inpaint", "1", "--mask", "lefft"], "--mask: 'lefft' is no file: did you mean 'left'?"),
        (["told", "--inpaint", "5", "--mask", "left"], "'5' is no class and no file"),
        (["always", "--inpaint", "1", "--mask", "left"], "needs --class or --classes, and always was"),
    ],
)
def test_what_cannot_be_done_is_one_line(words: list[str], message: str, capsys: Captured) -> None:
    assert message in error_of(capsys, ["generate", *words], 2)
    assert list(Path().iterdir()) == []
