"""Damaged runs of generators, and runs of others: one clear line each."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from safetensors import SafetensorError

from sandbox import load_run
from sandbox.__main__ import main
from tests.agents.run_folders import (
    at_metric_line,
    error_of,
    press_ctrl_c,
)
from tests.generative.run_folders import opened, pictures_in, train, without_curves

Captured = pytest.CaptureFixture[str]
SHAPE = re.compile(r'"shape": \[[^]]*\]')


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    without_curves(monkeypatch)
    return tmp_path / "runs"


@pytest.fixture
def run(root: Path) -> Path:
    with at_metric_line(6, press_ctrl_c):
        assert train(root, "run", "vae", "--class-conditional") == 130
    return root / "run"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DDPM's run, of which each test damages a copy."""
    root = tmp_path_factory.mktemp("whole") / "runs"
    with pytest.MonkeyPatch.context() as patch:
        without_curves(patch)
        with at_metric_line(6, press_ctrl_c):
            assert train(root, "run", "ddpm") == 130
    return root / "run"


@pytest.fixture
def diffused(whole: Path, root: Path) -> Path:
    shutil.copytree(whole, root / "run", symlinks=True)
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
    assert_one_line(run, code, says, capsys)


@pytest.mark.parametrize(
    ("file", "change", "code", "says"),
    [
        ("config.toml", lambda text: "", 4, "config.toml"),
        ("config.toml", lambda text: text.replace("timesteps = 100", "timesteps = 10"), 4, "must be 50 to"),
        ("config.toml", lambda text: text.replace('"v"', '"w"'), 4, "prediction"),
        ("config.toml", lambda text: text.replace('"v"', '"epsilon"\nzero_snr = 1'), 4, "config.toml"),
        ("config.toml", lambda text: text.replace('"backbone"', '"diffusers"'), 4, "does not fit"),
        ("config.toml", lambda text: text.replace('"tiny"', '"small"'), 4, "does not fit"),
        ("config.toml", lambda text: text.replace("attention = false", "attention = true"), 4, "not fit"),
        ("config.toml", lambda text: text.replace("conditional = true", "conditional = false"), 4, "not fit"),
        ("config.toml", lambda text: "latent = 3\n" + text, 4, "latent"),
        ("run.json", lambda text: text[: len(text) // 2], 4, "run.json"),
        ("run.json", lambda text: text.replace('"classes"', '"others"'), 4, "run.json"),
        ("run.json", lambda text: text.replace('"9"', '"x"'), 4, ""),
        ("run.json", lambda text: text.replace('"ddpm"', '"vae"'), 4, "config.toml"),
        ("run.json", lambda text: text.replace('"shape"', '"form"'), 4, "no shape of pictures"),
        ("run.json", lambda text: SHAPE.sub('"shape": [1, 9, 9]', text), 4, "was made they were 9×9"),
    ],
)
def test_a_damaged_run_of_a_ddpm_is_one_line(
    diffused: Path, file: str, change: Any, code: int, says: str, capsys: Captured
) -> None:
    before = (diffused / file).read_text()
    damaged(diffused, file, change)
    assert (diffused / file).read_text() != before
    assert_one_line(diffused, code, says, capsys)


def assert_one_line(run: Path, code: int, says: str, capsys: Captured) -> None:
    """Of resuming, and of evaluating."""
    capsys.readouterr()
    for command in ("resume", "evaluate"):
        assert main([command, str(run)]) == code
        lines = capsys.readouterr().err.splitlines()
        lines = [line for line in lines if not line.startswith("continuing")]
        assert says in lines[0]
        assert len(lines) <= 2
        assert len(lines[0]) < 400


@pytest.mark.parametrize(
    "words",
    [
        "reconstruct {run}",
        "anomalies {run}",
        "anomalies {run} digits --normal 3",
        "compress {run} digits -o {folder}/small.npz",
        "generate {run} --walk",
        "generate {run} --arithmetic 8-3+5",
        "watch {run}",
        "predict {run} {folder}/mine/cats/0.png",
    ],
)
def test_what_needs_latents_or_answers_is_not_for_a_ddpm(
    words: str, diffused: Path, tmp_path: Path, capsys: Captured
) -> None:
    pictures_in(tmp_path / "mine", "cats", each=1)
    given = [word.format(run=diffused, folder=tmp_path) for word in words.split()]
    error = error_of(capsys, given, 2)
    assert "ddpm" in error or "diffusion model" in error
    assert not (tmp_path / "small.npz").exists()


@pytest.mark.parametrize("what", ["lost", "cut", "other"])
def test_what_others_read_of_a_run_may_be_damaged_and_the_run_is_not(what: str, diffused: Path) -> None:
    """A run is opened from its checkpoints: `model` is written for diffusers."""
    weights = diffused / "model" / "unet" / "diffusion_pytorch_model.safetensors"
    if what == "lost":
        shutil.rmtree(diffused / "model" / "unet")
    elif what == "cut":
        weights.write_bytes(weights.read_bytes()[:-9])
    else:
        (diffused / "model" / "model_index.json").write_text("{")
    with pytest.raises((OSError, ValueError, SafetensorError)):
        opened(diffused)
    assert load_run(str(diffused)).shape == (1, 8, 8)


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
