"""Small runs of `train-generator` for tests: made, stopped, resumed, and compared."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from generative.autoencoder import Autoencoder
from generative.ddpm import DDPM
from generative.model_card import CARD
from generative.pipeline import ConditionalPipeline
from generative.vae import VAE
from sandbox import load_run
from sandbox.__main__ import main
from sandbox.core.run import Run
from tests.agents.run_folders import bytes_in
from tests.supervised import run_folders as classifiers

CONFIG = """
data = "{data}"
{own}
backbone = "tiny"
threads = 1
keep_checkpoints = 99
[fit]
steps = 12
batch_size = 16
schedule = "cosine"
ema_decay = 0.9
log_every = 2
eval_every = 3
"""
"""12 steps with four looks, a checkpoint at each"""
OWN = {"ddpm": "timesteps = 100"}
"""what a kind's config has of its own; that of the others are few units"""


def train_words(root: Path, name: str, kind: str = "autoencoder", *options: str, data: str = "") -> list[str]:
    """The command line of `train`."""
    config = root.parent / f"{root.name}-{kind}.toml"
    config.write_text(CONFIG.format(data="digits", own=OWN.get(kind, "latent = 4\nhidden = 16")))
    words = ["train-generator", kind, *([data] if data else []), "--config", str(config)]
    return [*words, "--out", str(root), "--name", name, "--quiet", *options]


def train(root: Path, name: str, kind: str = "autoencoder", *options: str, data: str = "") -> int:
    """Train a small run `root/name` in this process; returns the exit code."""
    return main(train_words(root, name, kind, *options, data=data))


def left_behind(run: Path) -> dict[str, Any]:
    """All that must not depend on interruptions."""
    return {
        **classifiers.left_behind(run),
        "samples": bytes_in(run / "samples"),
        "model": bytes_below(run / "model"),
        "folders": sorted(path.name for path in run.glob("model-*")),
    }


def bytes_below(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below `folder`, but of the card, which names the run."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != CARD)
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def assert_same_run(one: Path, other: Path) -> None:
    """`other`, which may have been stopped, left behind what `one` did.

    It may have more checkpoints, of the moments when it was stopped, and another name behind `model`.
    """
    first, second = left_behind(one), left_behind(other)
    assert len(first.pop("folders")) == len(second.pop("folders")) == 1
    for name, files in first.pop("checkpoints").items():
        assert second["checkpoints"].get(name) == files, name
    for name, kept in first.items():
        assert second[name] == kept, name


def without_curves(patch: pytest.MonkeyPatch) -> None:
    """Draw no curve at the end of a run."""
    patch.setattr("generative.drawings.draw_curve", lambda run: None)


def pictures_in(folder: Path, *classes: str, each: int = 10, size: tuple[int, int] = (14, 10)) -> str:
    """Colour pictures (height, width) of one's own, a folder for each class; returns what names them."""
    rng = np.random.default_rng(0)
    for number, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for row in range(each):
            pixels = rng.integers(80 * number, 80 * number + 80, (*size, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{row}.png")
    return f"folder:{folder}"


def opened(run: Path) -> Any:
    """`RUN/model`, as diffusers opens it; of a DDPM's pipeline the network."""
    if Run(run).info["kind"] == "ddpm":
        return ConditionalPipeline.from_pretrained(run / "model").unet
    cls = {"autoencoder": Autoencoder, "vae": VAE}[Run(run).info["kind"]]
    return cls.from_pretrained(run / "model", low_cpu_mem_usage=False)


def loaded(run: Path, checkpoint: str = "best") -> Any:
    """What `load_run` finds; of a DDPM the network."""
    model = load_run(str(run), checkpoint=checkpoint)
    return model.unet if isinstance(model, DDPM) else model


def assert_equal_models(one: Any, other: Any) -> None:
    assert type(one) is type(other)
    assert one.state_dict().keys() == other.state_dict().keys()
    for name, part in one.state_dict().items():
        assert torch.equal(other.state_dict()[name], part), name
