"""`lr-find` as people and scripts use it."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from PIL import Image

from sandbox.__main__ import main
from tests.supervised.run_folders import answer

Captured = pytest.CaptureFixture[str]
SMALL = ("--backbone", "tiny", "--threads", "1", "--quiet")


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_curve_a_suggestion_and_the_command_that_follows_it(runs_root: Path, capsys: Captured) -> None:
    assert main(["lr-find", "digits", *SMALL, "--steps", "60"]) == 0
    out = capsys.readouterr().out
    with Image.open("lr-find-digits.png") as picture:
        assert picture.format == "PNG"
    command = out.rpartition("next   python -m sandbox ")[2].strip()
    assert command.startswith("train-classifier digits --backbone tiny --threads 1 --set learning_rate=0.")
    assert main([*shlex.split(command), "--steps", "2", "--quiet"]) == 0
    assert list(runs_root.iterdir())


def test_the_same_seed_finds_the_same(capsys: Captured) -> None:
    one, again, other = (
        answer(capsys, "lr-find", "digits", *SMALL, "--steps", "30", "--seed", seed) for seed in "112"
    )
    assert one == again
    assert one["losses"] != other["losses"]
    assert len(one["rates"]) == len(one["losses"]) == len(one["smooth"]) <= 30


def test_the_options_of_training_count(capsys: Captured) -> None:
    words = ("--model", "linear", "--set", "optimizer=momentum", "--set", "batch_size=16", "--pictures", "50")
    found = answer(
        capsys, "lr-find", "digits", *words, "--threads", "1", "--quiet", "--steps", "20", "-o", "a.png"
    )
    assert (found["model"], found["optimizer"], found["file"]) == ("linear", "momentum", "a.png")
    assert "--model linear" in found["command"]
    assert "--set optimizer=momentum --set batch_size=16 --set learning_rate=" in found["command"]
    assert Path("a.png").exists()


def test_the_range_is_ones_own(capsys: Captured) -> None:
    words = ("--from", "1e-3", "--to", "2e-3", "--steps", "10")
    found = answer(capsys, "lr-find", "digits", *SMALL, *words)
    assert found["rates"][0] == pytest.approx(1e-3)
    assert found["rates"][-1] == pytest.approx(2e-3)
    assert not found["exploded"]


def test_a_loss_that_still_falls_at_the_end_is_told(capsys: Captured) -> None:
    assert main(["lr-find", "digits", *SMALL, "--from", "1e-5", "--to", "1e-3", "--steps", "20"]) == 0
    assert "still falling at 0.001: try a higher --to" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ("", 2, "which data?"),
        ("digist", 2, "did you mean 'digits'?"),
        ("digits --set learning_rate=1", 2, "leave out --set learning_rate"),
        ("digits --steps 5", 2, "at least 10 steps, not 5"),
        ("digits --steps 0", 2, "at least 10 steps, not 0"),
        ("digits --from 1 --to 0.1", 2, "must grow from above 0, not from 1 to 0.1"),
        ("digits --from nan", 2, "must grow"),
        ("digits -o a.jpg", 2, "-o must end in .png"),
        ("digits --freeze --fine-tune", 2, "--fine-tune begins with a frozen backbone"),
        ("digits --config nowhere.toml", 4, "no such file: nowhere.toml"),
    ],
)
def test_bad_input_is_one_line(words: str, code: int, says: str, capsys: Captured) -> None:
    assert main(["lr-find", *words.split(), "--quiet"]) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert says in shown.err
    assert not list(Path().glob("*.png"))


def test_nothing_is_suggested_where_the_loss_only_rises(tmp_path: Path, capsys: Captured) -> None:
    words = ["lr-find", "digits", "--model", "linear", "--from", "50", "--to", "1000", "--threads", "1"]
    assert main([*words, "-o", str(tmp_path / "a.png")]) == 2
    assert "try a lower --from" in capsys.readouterr().err
    assert not (tmp_path / "a.png").exists()
