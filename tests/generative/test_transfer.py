"""Backbones that move between generators, classifiers and agents, by `--init-from` alone."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import torch

from sandbox import load_run
from sandbox.__main__ import main
from sandbox.core.run import Run
from sandbox.nn.transfer import FILE, convert_stem, load_backbone
from tests.agents.run_folders import at_metric_line, error_of, press_ctrl_c, quick_ends, resume
from tests.generative.run_folders import assert_same_run, train, train_words, without_curves
from tests.supervised import run_folders as classifiers
from tests.supervised.run_folders import answer

Captured = pytest.CaptureFixture[str]

STILL = ("--set", "learning_rate=1e-12", "--set", "ema_decay=0")
"""options with which nothing is learned, so that it can be seen where a run began"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    without_curves(monkeypatch)
    classifiers.without_curves(monkeypatch)
    quick_ends(monkeypatch)
    return tmp_path / "runs"


def assert_began_as(child: Path, parent: Path) -> None:
    """The child's backbone, which learned nothing, is the parent's."""
    mine, theirs = load_backbone(child).state_dict(), load_backbone(parent).state_dict()
    for name, part in theirs.items():
        torch.testing.assert_close(mine[name], part, rtol=0, atol=1e-6, msg=name)
    assert Run(child).info["parent"] == parent.name


@pytest.mark.parametrize(
    ("kind", "other"), [("autoencoder", "vae"), ("vae", "ddpm"), ("ddpm", "autoencoder"), ("ddpm", "ddpm")]
)
def test_from_one_kind_of_generator_to_the_other(kind: str, other: str, root: Path, capsys: Captured) -> None:
    assert train(root, "parent", kind) == 0
    capsys.readouterr()
    assert train(root, "child", other, "--init-from", str(root / "parent"), *STILL) == 0
    assert "parameters as they are, the stem too" in capsys.readouterr().err
    assert_began_as(root / "child", root / "parent")
    config = tomllib.loads((root / "child" / "config.toml").read_text())
    assert config["init_from"] == str(root / "parent" / FILE)


@pytest.mark.parametrize("kind", ["autoencoder", "ddpm"])
def test_from_a_generator_to_a_classifier(kind: str, root: Path) -> None:
    assert train(root, "parent", kind) == 0
    assert classifiers.train(root, "child", "backbone", "--init-from", str(root / "parent"), "--freeze") == 0
    mine, theirs = (load_backbone(root / name).state_dict() for name in ("child", "parent"))
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs)


@pytest.mark.parametrize("kind", ["vae", "ddpm"])
def test_from_a_classifier_to_a_generator(kind: str, root: Path) -> None:
    assert classifiers.train(root, "parent") == 0
    assert train(root, "child", kind, "--init-from", str(root / "parent"), *STILL) == 0
    assert_began_as(root / "child", root / "parent")


@pytest.mark.parametrize("kind", ["autoencoder", "ddpm"])
def test_from_a_generator_to_an_agent(kind: str, root: Path, capsys: Captured) -> None:
    assert train(root, "parent", kind) == 0
    words = ["train-agent", "Catch", "--init-from", str(root / "parent"), "--out", str(root)]
    words += ["--name", "child", "--steps", "64", "--set", "n_steps=16", "--set", "batch_size=32"]
    words += ["--set", "learning_rate=1e-12", "--set", "n_epochs=1", "--threads", "1", "--quiet"]
    capsys.readouterr()
    assert main(words) == 0, capsys.readouterr().err
    assert Run(root / "child").info["parent"] == "parent"
    mine, theirs = (load_backbone(root / name).state_dict() for name in ("child", "parent"))
    stem = theirs.pop("stem.weight")
    torch.testing.assert_close(
        mine["stem.weight"], convert_stem(stem, mine["stem.weight"].shape[1]), rtol=0, atol=1e-6
    )
    for name, part in theirs.items():
        torch.testing.assert_close(mine[name], part, rtol=0, atol=1e-6, msg=name)


def test_to_colour_and_back(root: Path) -> None:
    assert train(root, "grey", "autoencoder") == 0
    options = ("--colours", "colour", *STILL)
    assert train(root, "colour", "vae", "--init-from", str(root / "grey"), *options) == 0
    assert train(root, "again", "vae", "--init-from", str(root / "colour"), *STILL) == 0
    grey, colour, again = (load_backbone(root / name).state_dict() for name in ("grey", "colour", "again"))
    assert colour["stem.weight"].shape[1] == 3
    torch.testing.assert_close(colour["stem.weight"].sum(1, keepdim=True), grey["stem.weight"])
    torch.testing.assert_close(again["stem.weight"], grey["stem.weight"])


def test_the_preset_comes_with_it(root: Path, capsys: Captured) -> None:
    assert train(root, "parent") == 0
    words = ["train-generator", "vae", "digits", "--init-from", str(root / "parent"), "--dry-run"]
    assert answer(capsys, *words)["config"]["backbone"] == "tiny"
    error = error_of(capsys, [*words, "--backbone", "small"], 2)
    assert error == f"the backbone of {root / 'parent'} is 'tiny', not 'small'"


def test_a_file_that_is_no_backbone_is_one_line(root: Path, tmp_path: Path, capsys: Captured) -> None:
    assert train(root, "parent") == 0
    model = root / "parent" / "model" / "diffusion_pytorch_model.safetensors"
    (tmp_path / "cut").write_bytes((root / "parent" / FILE).read_bytes()[:-9])
    (tmp_path / "text").write_text("not weights")
    (tmp_path / "empty").touch()
    for path in (model, tmp_path / "cut", tmp_path / "text", tmp_path / "empty"):
        words = train_words(root, "child", "vae", "--init-from", str(path))
        assert str(path) in error_of(capsys, words, 4)
    assert not (root / "child").exists()


def test_diffusers_own_network_has_no_backbone_to_give_or_to_take(root: Path, capsys: Captured) -> None:
    theirs = ("--unet", "diffusers", "--steps", "1", "--only", "3")
    assert train(root, "theirs", "ddpm", *theirs) == 0
    assert not (root / "theirs" / FILE).exists()
    words = train_words(root, "child", "ddpm", "--init-from", str(root / "theirs"))
    assert error_of(capsys, words, 4) == f"{root / 'theirs'} has no {FILE}"
    assert train(root, "ours", "ddpm", "--steps", "1") == 0
    words = train_words(root, "child", "ddpm", *theirs, "--init-from", str(root / "ours"))
    assert "init_from is for the U-Net over the shared backbone" in error_of(capsys, words, 2)
    assert not (root / "child").exists()


def test_a_stopped_child_goes_on_without_its_parent(root: Path) -> None:
    assert train(root, "parent") == 0
    options = ("--init-from", str(root / "parent"))
    assert train(root, "whole", "vae", *options) == 0
    with at_metric_line(4, press_ctrl_c):
        assert train(root, "stopped", "vae", *options) == 130
    (root / "parent" / FILE).unlink()
    assert resume(root, "stopped") == 0
    assert_same_run(root / "whole", root / "stopped")


def test_what_was_learned_elsewhere_makes_another_run(root: Path) -> None:
    assert train(root, "parent", "autoencoder", "--seed", "5") == 0
    for name, options in (("child", ("--init-from", str(root / "parent"))), ("orphan", ())):
        assert train(root, name, "autoencoder", *options) == 0
    child, orphan = (load_run(str(root / name)).state_dict() for name in ("child", "orphan"))
    assert not torch.equal(child["backbone.stem.weight"], orphan["backbone.stem.weight"])
    assert Run(root / "orphan").info["parent"] is None
