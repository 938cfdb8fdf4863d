"""`train-classifier --init-from … --freeze / --fine-tune`, and data that is no name of the table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from sandbox import load_run
from sandbox.__main__ import main
from sandbox.core.run import Run
from sandbox.nn.transfer import load_backbone
from tests.agents.run_folders import at_metric_line, press_ctrl_c, resume
from tests.supervised.run_folders import answer, train, train_words, without_curves

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    without_curves(monkeypatch)
    return tmp_path / "runs"


@pytest.fixture
def parent(root: Path) -> str:
    assert train(root, "parent") == 0
    return str(root / "parent")


def fit_of(capsys: Captured, words: list[str]) -> dict[str, Any]:
    return answer(capsys, *words, "--dry-run")["config"]["fit"]


def test_a_frozen_backbone_is_the_parents_to_the_bit(root: Path, parent: str) -> None:
    assert train(root, "child", "backbone", "--init-from", parent, "--freeze") == 0
    mine, theirs = (load_backbone(root / name).state_dict() for name in ("child", "parent"))
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs)


def test_a_fine_tuned_backbone_is_not(root: Path, parent: str) -> None:
    assert train(root, "child", "backbone", "--init-from", parent, "--fine-tune") == 0
    mine = load_run(str(root / "child"), checkpoint="last").backbone.state_dict()
    theirs = load_backbone(root / "parent").state_dict()
    assert not any(torch.equal(mine[name], theirs[name]) for name in theirs)


@pytest.mark.parametrize(("option", "share"), [("--freeze", 1.0), ("--fine-tune", 0.3)])
def test_the_options_become_a_number_of_steps(
    root: Path, parent: str, option: str, share: float, capsys: Captured
) -> None:
    words = train_words(root, "child", "backbone", "--init-from", parent, option)
    assert fit_of(capsys, [*words, "--steps", "40"])["frozen_steps"] == round(40 * share)
    assert fit_of(capsys, [*words, "--quick"])["frozen_steps"] == max(1, round(2 * share))


def test_another_budget_keeps_the_share_of_a_config(root: Path, parent: str, capsys: Captured) -> None:
    assert train(root, "child", "backbone", "--init-from", parent, "--fine-tune") == 0
    config = str(root / "child" / "config.toml")
    fit = fit_of(capsys, ["train-classifier", "--config", config, "--steps", "240"])
    assert (fit["steps"], fit["frozen_steps"]) == (240, 70)  # 7 of 24 before


@pytest.mark.parametrize("budget", [["--steps", "40"], ["--set", "steps=40"], ["--epochs", "10"]])
def test_a_typed_number_of_frozen_steps_is_that_number(
    root: Path, parent: str, budget: list[str], capsys: Captured
) -> None:
    words = train_words(root, "child", "backbone", "--init-from", parent, "--set", "frozen_steps=11", *budget)
    assert fit_of(capsys, words)["frozen_steps"] == 11


def test_minutes_are_for_both_parts(root: Path, parent: str, capsys: Captured) -> None:
    words = train_words(root, "child", "backbone", "--init-from", parent, "--fine-tune")
    fit = fit_of(capsys, [*words, "--max-minutes", "0.01"])
    assert fit["frozen_steps"] == pytest.approx(0.3 * fit["steps"], abs=1)


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (["--freeze"], "about what was learned elsewhere"),
        (["--init-from", "{parent}", "--freeze", "--fine-tune"], "begins with a frozen backbone"),
        (["--mixup", "-1"], "mixup must be between 0 and 10"),
        (["--label-smoothing", "1"], "label_smoothing must be"),
        (["--size", "2"], "size must be 4 to 1,024"),
        (["--colours", "red"], "--colours"),
        (["--model", "cnn", "--set", "frozen_steps=3"], "has no backbone to freeze"),
    ],
)
def test_what_makes_no_sense_is_refused(
    root: Path, parent: str, options: list[str], what: str, capsys: Captured
) -> None:
    words = [option.format(parent=parent) for option in options]
    assert main([*train_words(root, "child"), *words]) == 2
    assert what in capsys.readouterr().err
    assert not (root / "child").exists()


# Pictures of one's own


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Twelve bright and twenty-four dark colour pictures, 20×30."""
    rng = np.random.default_rng(0)
    for name, low, count in (("bright", 150, 12), ("dark", 0, 24)):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(count):
            pixels = rng.integers(low, low + 100, (20, 30, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.png")
    return tmp_path / "photos"


def words_for(photos: Path, root: Path, *options: str) -> list[str]:
    words = ["train-classifier", f"folder:{photos}", "--size", "16", "--backbone", "tiny", "--steps", "30"]
    words += ["--set", "batch_size=8", "--threads", "1", "--name", "mine", "--out", str(root), "--quiet"]
    return [*words, *options]


def test_a_folder_of_pictures_is_learned(root: Path, photos: Path, capsys: Captured) -> None:
    assert main(words_for(photos, root, "--balanced")) == 0
    run = Run(root / "mine")
    assert (run.info["classes"], run.info["shape"]) == (["bright", "dark"], [3, 16, 16])
    assert f'data = "folder:{photos}"' in run.config_path.read_text()
    found = answer(capsys, "evaluate", str(run.path))
    assert found["evaluation"]["accuracy"] == 1.0
    assert set(json.loads((run.path / "manifest.json").read_text())["data"])  # sums of what it learned from


def test_grey_and_another_size(root: Path, photos: Path) -> None:
    assert main(words_for(photos, root, "--colours", "grey")) == 0
    assert Run(root / "mine").info["shape"] == [1, 16, 16]


def test_a_run_of_a_folder_opens_without_the_folder(root: Path, photos: Path, tmp_path: Path) -> None:
    assert main(words_for(photos, root)) == 0
    photos.rename(tmp_path / "elsewhere")
    assert load_run(str(root / "mine"))(torch.zeros(2, 3, 16, 16)).shape == (2, 2)


def test_other_classes_than_it_learned_are_refused(root: Path, photos: Path, capsys: Captured) -> None:
    assert main(words_for(photos, root)) == 0
    (photos / "dark").rename(photos / "night")
    for command in ("evaluate", "explain"):
        assert main([command, str(root / "mine")]) == 4
        assert "mine learned bright, dark" in capsys.readouterr().err


def test_pictures_that_change_while_a_run_is_stopped_are_told(
    root: Path, photos: Path, capsys: Captured
) -> None:
    with at_metric_line(1, press_ctrl_c):
        assert main(words_for(photos, root, "--set", "log_every=2")) == 130
    Image.new("RGB", (20, 30)).save(photos / "dark" / "0.png")
    assert resume(root, "mine") == 0
    assert "have changed since mine began" in capsys.readouterr().err


def test_a_moved_folder_is_named_by_data_dir(
    root: Path, photos: Path, tmp_path: Path, capsys: Captured
) -> None:
    assert main(words_for(photos, root)) == 0
    photos.rename(tmp_path / "moved")
    found = answer(capsys, "evaluate", str(root / "mine"), "--data-dir", str(tmp_path / "moved"))
    assert found["evaluation"]["accuracy"] == 1.0
    assert "have changed" not in capsys.readouterr().err


def test_pictures_that_changed_are_told(root: Path, photos: Path, capsys: Captured) -> None:
    assert main(words_for(photos, root)) == 0
    (photos / "dark" / "7.png").unlink()
    assert main(["evaluate", str(root / "mine")]) == 0
    assert "have changed since mine began" in capsys.readouterr().err


def test_frames_are_never_altered(root: Path, capsys: Captured) -> None:
    words = ["train-classifier", "frames:Catch@expert", "--steps", "2", "--out", str(root), "--augment"]
    assert main(words) == 2
    assert "never augmented" in capsys.readouterr().err


def test_one_class_is_nothing_to_tell_apart(root: Path, photos: Path, capsys: Captured) -> None:
    (photos / "dark").rename(photos.parent / "away")
    assert main(words_for(photos, root)) in (2, 4)
    assert "class" in capsys.readouterr().err
    assert not root.exists() or not list(root.iterdir())
