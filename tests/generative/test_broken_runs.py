"""Damaged runs of generators, and runs of others: one clear line each."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from sandbox import load_run
from sandbox.__main__ import main
from tests.agents.run_folders import (
    at_metric_line,
    error_of,
    press_ctrl_c,
)
from tests.generative.run_folders import pictures_in, train, without_curves

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    without_curves(monkeypatch)
    return tmp_path / "runs"


@pytest.fixture
def run(root: Path) -> Path:
    with at_metric_line(6, press_ctrl_c):
        assert train(root, "run", "vae", "--class-conditional") == 130
    return root / "run"


def damaged(run: Path, file: str, change: Any) -> None:
    path = run / file
    path.write_text(change(path.read_text()))


@pytest.mark.parametrize(
    ("file", "change", "code", "says"),
    [
        ("config.toml", lambda text: "", 4, "config.toml"),
        ("config.toml", lambda text: text + "}", 4, "config.toml"),
        ("config.toml", lambda text: text.replace("latent = 4", "latent = 0"), 4, "latent must be 1 to"),
        ("config.toml", lambda text: text.replace("latent = 4", 'latent = "4 }"'), 4, "latent"),
        ("config.toml", lambda text: text.replace("latent = 4", "latent = 5"), 4, "does not fit"),
        ("config.toml", lambda text: text.replace('"tiny"', '"small"'), 4, "does not fit"),
        ("config.toml", lambda text: text.replace('"tiny"', '"tinny"'), 4, "backbone"),
        ("config.toml", lambda text: "noise = 0.1\n" + text, 4, "noise"),
        ("run.json", lambda text: "", 4, "run.json"),
        ("run.json", lambda text: "[]", 4, "run.json"),
        ("run.json", lambda text: text.replace('"vae"', '"gan"'), 2, "unknown kind of run 'gan'"),
        ("run.json", lambda text: text.replace('"classes"', '"others"'), 4, "run.json"),
        ("run.json", lambda text: text.replace('"9"', "9"), 4, "run.json"),
        ("run.json", lambda text: text.replace('"9"', '"x"'), 4, ""),
    ],
)
def test_a_damaged_run_is_one_line(
    run: Path, file: str, change: Any, code: int, says: str, capsys: Captured
) -> None:
    damaged(run, file, change)
    capsys.readouterr()
    for command in ("resume", "evaluate"):
        assert main([command, str(run)]) == code
        lines = capsys.readouterr().err.splitlines()
        lines = [line for line in lines if not line.startswith("continuing")]
        assert says in lines[0]
        assert len(lines) <= 2
        assert len(lines[0]) < 400


@pytest.mark.parametrize(
    ("shape", "says"),
    [("", "no shape"), ("[1, 8]", "no shape"), ('[1, 8, "x"]', "no shape"), ("[0, 8, 8]", "no shape")],
)
def test_a_damaged_shape_is_named_by_load_run(run: Path, shape: str, says: str) -> None:
    from sandbox.core.errors import RunBroken

    text = (run / "run.json").read_text()
    start_, end = text.index('"shape"'), text.index("]", text.index('"shape"')) + 1
    new = f'"shape": {shape}' if shape else '"form": []'
    (run / "run.json").write_text(text[:start_] + new + text[end:])
    with pytest.raises(RunBroken, match=says):
        load_run(str(run))


def test_impossible_shapes_ask_for_no_memory(run: Path, capsys: Captured) -> None:
    text = (run / "run.json").read_text()
    start_, end = text.index('"shape"'), text.index("]", text.index('"shape"')) + 1
    (run / "run.json").write_text(text[:start_] + '"shape": [1, 99999, 99999]' + text[end:])
    error = error_of(capsys, ["evaluate", str(run)], 4)
    assert error.endswith("run.json is damaged: no pictures have 1 channels of 99999×99999")


def test_without_a_checkpoint_there_is_nothing_to_open(run: Path, capsys: Captured) -> None:
    shutil.rmtree(run / "checkpoints")
    assert "checkpoint" in error_of(capsys, ["evaluate", str(run)], 4)
    assert "checkpoint" in error_of(capsys, ["resume", str(run)], 4)


@pytest.mark.parametrize("words", [["watch"], ["predict", "{picture}"]])
def test_commands_for_others_say_so(words: list[str], run: Path, tmp_path: Path, capsys: Captured) -> None:
    pictures_in(tmp_path / "mine", "cats", each=1)
    picture = str(tmp_path / "mine" / "cats" / "0.png")
    command, *rest = (word.format(picture=picture) for word in words)
    assert "of the kind 'vae'" in error_of(capsys, [command, str(run), *rest], 2)


def test_resume_is_for_the_kind_that_made_the_run(run: Path, capsys: Captured) -> None:
    damaged(run, "run.json", lambda text: text.replace('"kind": "vae"', '"kind": "autoencoder"'))
    error_of(capsys, ["resume", str(run)], 4)
    damaged(run, "run.json", lambda text: text.replace('"kind": "autoencoder"', '"kind": "classifier"'))
    error_of(capsys, ["resume", str(run)], 4)
    assert main(["evaluate", str(run)]) in (2, 4)
