"""`generate RUN`: what it writes, for which kind of run, and what it says where it cannot."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.agents.run_folders import error_of
from tests.generative.run_folders import train, without_curves
from tests.supervised.run_folders import answer

Captured = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with runs on the bundled digits: `vae`, `plane` of two latents, `told` its classes, `auto`."""
    folder = tmp_path_factory.mktemp("generate") / "runs"
    with pytest.MonkeyPatch.context() as patch:
        without_curves(patch)
        assert train(folder, "vae", "vae", "--beta", "0.1") == 0
        assert train(folder, "plane", "vae", "--latent", "2") == 0
        assert train(folder, "told", "vae", "--class-conditional", "--only", "1,7,8") == 0
        assert train(folder, "auto", "autoencoder") == 0
    return folder


@pytest.fixture(autouse=True)
def here(root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SANDBOX_RUNS", str(root))
    monkeypatch.chdir(tmp_path)


def size(path: str | Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        return picture.size


def shown_every_50_ms(path: Path) -> list[np.ndarray]:
    """The frames of a GIF that plays for ever; those that stay for longer, again and again."""
    frames = []
    with Image.open(path) as film:
        for number in range(film.n_frames):  # type: ignore[attr-defined]
            film.seek(number)
            frames += [np.asarray(film.convert("RGB"))] * (film.info["duration"] // 50)
        assert film.info["loop"] == 0
    return frames


def test_a_grid_is_written_into_the_run_and_the_same_each_time(root: Path, capsys: Captured) -> None:
    found = answer(capsys, "generate", "vae")
    assert found["schema"] == "sandbox.generate/1"
    assert Path(found["grid"]) == root / "vae" / "samples" / "grid-seed0.png"
    assert size(found["grid"]) == (8 * 82 + 2, 8 * 82 + 2)  # 64 pictures of 8×8, each pixel 10×10
    before = Path(found["grid"]).read_bytes()
    answer(capsys, "generate", "vae", "-o", "again.png")
    assert Path("again.png").read_bytes() == before
    answer(capsys, "generate", "vae", "-o", "other.png", "--seed", "1")
    assert Path("other.png").read_bytes() != before


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="Linux has a folder that takes no files")
@pytest.mark.parametrize(
    "words",
    [
        ["-o", "/proc/self/x.png"],
        ["--each", "/proc/self/x"],
        ["--interpolate", "1", "2", "-o", "/proc/self/x.png"],
        ["--animate", "/proc/self/x.gif"],
    ],
)
def test_what_could_not_be_written_is_not_drawn(words: list[str], capsys: Captured) -> None:
    assert "cannot write /proc/self/x" in error_of(capsys, ["generate", "vae", *words], 7)


def test_files_hold_what_the_grid_shows(capsys: Captured) -> None:
    answer(capsys, "generate", "vae", "-n", "4", "-o", "grid.png")
    found = answer(capsys, "generate", "vae", "-n", "6", "--each", "made")
    assert found["folder"] == "made"
    files = sorted(Path("made").glob("*.png"))
    assert [file.name for file in files] == [f"0000{number}.png" for number in range(6)]
    with Image.open("grid.png") as grid:
        shown = np.asarray(grid)[2:, 2:, 0]
    for number, file in enumerate(files[:4]):
        row, column = divmod(number, 2)
        tile = shown[82 * row : 82 * row + 80 : 10, 82 * column : 82 * column + 80 : 10]
        with Image.open(file) as picture:
            difference = np.asarray(picture).astype(int) - tile
        assert np.abs(difference).max() <= 1


def test_a_folder_can_be_filled_up_but_not_mixed(capsys: Captured) -> None:
    answer(capsys, "generate", "vae", "-n", "3", "--each", "made")
    before = {file.name: file.read_bytes() for file in Path("made").iterdir()}
    answer(capsys, "generate", "vae", "-n", "5", "--each", "made")
    after = {file.name: file.read_bytes() for file in Path("made").iterdir()}
    assert len(after) == 6
    assert after | before == after
    assert "not the same seed" in error_of(capsys, ["generate", "vae", "--each", "made", "--seed", "1"], 2)


def test_a_run_that_is_told_classes_draws_what_it_learned_in_turn(capsys: Captured) -> None:
    found = answer(capsys, "generate", "told", "-n", "6", "--each", "all")
    assert found["classes"] == ["1", "7", "8"]
    names = [file.name for file in sorted(Path("all").glob("*.png"))]
    assert names == [f"0000{number}-{'178'[number % 3]}.png" for number in range(6)]
    found = answer(capsys, "generate", "told", "--class", "7", "-n", "9")
    assert Path(found["grid"]).name == "grid-7-n9-seed0.png"
    found = answer(capsys, "generate", "told", "--classes", "8,1", "-n", "4", "-o", "two.png")
    assert found["classes"] == ["8", "1"]
    assert "unknown class '3'" in error_of(capsys, ["generate", "told", "--class", "3"], 2)


@pytest.mark.parametrize("run", ["vae", "auto", "told"])
def test_a_way_is_a_strip_and_an_animation_there_and_back(run: str, root: Path, capsys: Captured) -> None:
    words = ["generate", run, "--interpolate", "1", "test:7", "--frames", "5"]
    found = answer(capsys, *words)
    strip, gif = Path(found["strip"]), Path(found["animation"])
    assert strip == root / run / "samples" / "interpolate-1-test-7-frames5-seed0.png"
    assert gif == strip.with_suffix(".gif")
    frames = shown_every_50_ms(gif)
    there, back = frames[11:52], [frames[0], *frames[:-41:-1]]  # either end rests for 12 frames
    assert len(frames) == 2 * 12 + 2 * 39
    np.testing.assert_array_equal(there, back)
    before = strip.read_bytes(), gif.read_bytes()
    answer(capsys, *words)
    assert (strip.read_bytes(), gif.read_bytes()) == before


def test_a_picture_of_ones_own_is_an_end(root: Path, capsys: Captured) -> None:
    Image.fromarray(np.full((30, 40, 3), 90, np.uint8)).save("mine.png")
    found = answer(capsys, "generate", "told", "--interpolate", "mine.png", "8", "-o", "strip.png")
    assert found["ends"][0] == "mine.png"
    assert found["strip"] == "strip.png"
    assert Path("strip.gif").is_file()


def test_another_step_and_another_length_have_names_of_their_own(root: Path, capsys: Captured) -> None:
    first = answer(capsys, "generate", "vae", "-n", "4", "--checkpoint", "first")
    assert Path(first["grid"]).name == f"grid-n4-step{first['steps']}-seed0.png"
    rows = answer(capsys, "generate", "auto", "--walk", "--frames", "5", "--checkpoint", "last")
    assert Path(rows["walk"]).name == f"walk-frames5-step{rows['steps']}-seed0.png"
    found = answer(capsys, "generate", "plane", "--walk", "--frames", "3")
    assert Path(found["walk"]).name == "walk-frames3.png"
    found = answer(capsys, "generate", "auto", "--arithmetic", "9-4+4", "--checkpoint", "last")
    assert Path(found["picture"]).name == f"arithmetic-9-4+4-step{found['steps']}.png"


def test_a_walk_is_a_plane_or_rows(capsys: Captured) -> None:
    plane = answer(capsys, "generate", "plane", "--walk")
    assert (plane["latents"], plane["side"]) == ([0, 1], 20)
    rows = answer(capsys, "generate", "auto", "--walk", "--frames", "5", "-o", "rows.png")
    assert len(rows["latents"]) == len(rows["deviations"]) <= 4
    assert rows["deviations"] == sorted(rows["deviations"], reverse=True)
    narrow, wide = size("rows.png"), size(answer(capsys, "generate", "auto", "--walk")["walk"])
    assert wide[1] == narrow[1]
    told = answer(capsys, "generate", "told", "--walk", "--class", "8")
    assert Path(told["walk"]).name == "walk-8-seed0.png"


def test_a_sum_says_what_it_is_nearest_to(root: Path, capsys: Captured) -> None:
    found = answer(capsys, "generate", "auto", "--arithmetic", "9 - 4 + 4")
    assert found["nearest"] == "9"
    assert Path(found["picture"]) == root / "auto" / "samples" / "arithmetic-9-4+4.png"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["auto"], "auto is an autoencoder: it knows no distribution to draw new pictures from"),
        (
            ["vae", "--class", "7"],
            "--class is for models that were told classes in training, and vae was not",
        ),
        (["told", "--arithmetic", "1-7"], "told is told the class, so its latents do not hold it"),
        (["vae", "--walk", "--arithmetic", "1-7"], "--walk and --arithmetic do not go together"),
        (["vae", "--interpolate", "1", "7", "-n", "4"], "--interpolate and --pictures do not go together"),
        (["vae", "--each", "made", "-o", "x.png"], "--each and --output do not go together"),
        (["told", "--class", "1", "--classes", "7"], "--class and --classes do not go together"),
        (["vae", "--frames", "4"], "--frames is for --interpolate and --walk"),
        (["vae", "--walk", "--frames", "1"], "--frames must be 2 to 60, not 1"),
        (["vae", "-n", "0"], "-n must be at least 1, not 0"),
        (["vae", "-n", "10m"], "a grid has room for 1,000,000 pictures of 8×8, not for 10,000,000"),
        (["vae", "-o", "grid.jpg"], "-o must end in .png, not 'grid.jpg'"),
        (["vae", "--arithmetic", "1-11"], "unknown class '11'"),
        (["vae", "--interpolate", "1", "x"], "'x' is no class and no file"),
    ],
)
def test_what_cannot_be_done_is_one_line(words: list[str], message: str, capsys: Captured) -> None:
    assert message in error_of(capsys, ["generate", *words], 2)
    assert list(Path().iterdir()) == []


def test_another_kind_of_run_draws_nothing(root: Path, capsys: Captured, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(root / "vae", other)
    text = (other / "run.json").read_text().replace('"kind": "vae"', '"kind": "classifier"')
    (other / "run.json").write_text(text)
    assert "no generative model" in error_of(capsys, ["generate", str(other)], 2)
