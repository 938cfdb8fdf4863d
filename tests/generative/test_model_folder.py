"""`RUN/model`: the best weights as diffusers opens them, wherever a run is killed or copied to."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from generative.autoencoder import Autoencoder
from generative.model_card import CARD
from generative.model_folder import save_model
from generative.vae import VAE
from sandbox.nn.fit import Training
from sandbox.nn.transfer import load_backbone
from tests.agents.run_folders import (
    at_metric_line,
    press_ctrl_c,
    resume,
)
from tests.generative.models import ddpm_of
from tests.generative.run_folders import (
    assert_equal_models,
    assert_same_run,
    bytes_below,
    loaded,
    opened,
    train,
    without_curves,
)

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    without_curves(monkeypatch)
    return tmp_path / "runs"


@pytest.mark.parametrize("links", [True, False])
def test_a_run_may_be_copied_and_resumed_elsewhere(root: Path, tmp_path: Path, links: bool) -> None:
    """Also by those who follow links: `model` is a folder then."""
    assert train(root, "whole", "vae") == 0
    with at_metric_line(4, press_ctrl_c):
        assert train(root, "stopped", "vae") == 130
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(root / "stopped", elsewhere / "stopped", symlinks=links)
    shutil.rmtree(root / "stopped")
    assert_equal_models(opened(elsewhere / "stopped"), loaded(elsewhere / "stopped"))
    assert resume(elsewhere, "stopped") == 0
    assert_same_run(root / "whole", elsewhere / "stopped")


def test_the_models_folder_is_one_of_two_whatever_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed while the same step's model is written again: the link still leads to the first one."""
    form = {"height": 8, "width": 8, "widths": (8, 16), "hidden": 8, "latent": 2}
    old, new = Autoencoder(**form), Autoencoder(**form)
    save_model(tmp_path, old, 5)

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    for moment in ("generative.model_folder.write_atomically", "generative.model_folder._move_over"):
        with monkeypatch.context() as patch:
            patch.setattr(moment, dies)
            with pytest.raises(KeyboardInterrupt):
                save_model(tmp_path, new, 5)
        found = Autoencoder.from_pretrained(tmp_path / "model", low_cpu_mem_usage=False)
        assert_equal_models(found, old)
    for step in (5, 5, 6):
        save_model(tmp_path, new, step)
        found = Autoencoder.from_pretrained(tmp_path / "model", low_cpu_mem_usage=False)
        assert_equal_models(found, new)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "model-step-000000006"]


def test_without_links_the_folder_itself_is_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on most memory sticks."""
    import errno

    def refuses(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(Path, "symlink_to", refuses)
    for step in (5, 5, 6):
        model = VAE(height=8, width=8, widths=(8, 16), hidden=8, latent=2)
        save_model(tmp_path, model, step)
        assert [path.name for path in tmp_path.iterdir()] == ["model"]
        assert_equal_models(VAE.from_pretrained(tmp_path / "model", low_cpu_mem_usage=False), model)


def test_it_is_written_as_diffusers_would(tmp_path: Path) -> None:
    model = VAE(height=8, width=8, widths=(8, 16), hidden=8, latent=2)
    save_model(tmp_path, model, 5)
    model.save_pretrained(tmp_path / "theirs")
    for theirs in (tmp_path / "theirs").iterdir():
        assert (tmp_path / "model" / theirs.name).read_bytes() == theirs.read_bytes()
    assert_readable_by_all_or_none(tmp_path / "model")


def test_of_a_ddpm_the_whole_pipeline_is_written_as_diffusers_would(tmp_path: Path) -> None:
    model = ddpm_of()
    save_model(tmp_path, model, 5)
    model.pipeline("ddpm").save_pretrained(tmp_path / "theirs")
    assert bytes_below(tmp_path / "model") == bytes_below(tmp_path / "theirs")
    cards = [(tmp_path / name / CARD).read_text() for name in ("model", "theirs")]
    assert cards[0] == cards[1]
    assert_readable_by_all_or_none(tmp_path / "model")


def test_its_card_recommends_the_guidance_of_the_run(tmp_path: Path) -> None:
    for name, about in (("told", {"guidance": "1.25"}), ("plain", {})):
        (tmp_path / name).mkdir()
        save_model(tmp_path / name, ddpm_of(), 5, about)
    told, plain = ((tmp_path / name / "model" / CARD).read_text() for name in ("told", "plain"))
    assert "num_inference_steps=20, guidance_scale=1.25).images" in told
    assert "num_inference_steps=20).images" in plain


def assert_readable_by_all_or_none(folder: Path) -> None:
    """Weights are for everybody who may read the config."""
    assert len({path.stat().st_mode for path in folder.rglob("*") if path.is_file()}) == 1


@pytest.mark.parametrize("kind", ["autoencoder", "vae", "ddpm"])
def test_the_model_of_a_run_is_its_best(kind: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here the second of four looks, whatever comes later."""
    original = Training.evaluate

    def evaluate(training: Training, pictures: Any) -> dict[str, float]:
        worse = 1.0 + abs(training.step - 6)
        return original(training, pictures) | {"loss": worse, "mse": worse}

    monkeypatch.setattr(Training, "evaluate", evaluate)
    assert train(root, "run", kind) == 0
    run = root / "run"
    assert (run / "BEST").read_text() == "step-000000000006\n"
    best, last = loaded(run), loaded(run, "last")
    assert not best.training
    assert_equal_models(opened(run), best)
    assert_equal_models(opened(run), loaded(run, "6"))
    assert not torch.equal(
        best.backbone.state_dict()["stem.weight"], last.backbone.state_dict()["stem.weight"]
    )
    for name, part in load_backbone(run).state_dict().items():
        assert torch.equal(best.backbone.state_dict()[name], part)
