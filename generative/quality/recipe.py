"""The judge of a data set: trained once by a fixed recipe, and kept in the cache.

Where there are classes it is the `cnn` of `train-classifier`, which has no backbone: it shares nothing with
what it judges, and no run can start from it. Where there are none, as of frames that chance played, it is the
same network untrained, always with the same weights. It has no answers, but distances in its features tell
drawn from real pictures well (Naeem et al. 2020, arXiv:2002.09797), and better than those in an autoencoder's
code, which hardly notices noise.
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
import json
import math
import re
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from generative.quality.judge import ClassifierJudge, FeatureJudge, Judge
from sandbox.core.errors import Diverged
from sandbox.core.files import write_atomically
from sandbox.core.seeding import derive_seed
from sandbox.data.augment import NONE, preset
from sandbox.data.catalog import label
from sandbox.data.pictures import Dataset, Pictures
from sandbox.data.source import cache_root
from sandbox.nn.fit import Training
from sandbox.nn.fit_settings import FitSettings
from sandbox.supervised.models import Classifier, build_classifier
from sandbox.ui.console import Console

VERSION = 1
"""of the recipe: goes up whenever another judge comes out of it"""
SEED = 1_927_000_011
"""derived from nothing that a run is given: it learns in an order of its own"""
PICTURES, EPOCHS, FEWEST = 200_000, 24, 20_000
"""looked at, at most, of pictures as large as MNIST's; how often each of few; and at least, of very few"""
PIXELS = 28 * 28
SCHEMA = "sandbox.judge/1"
_CHECK_EVERY = 100


class HouseJudge(NamedTuple):
    """A judge, and what is known about it."""

    judge: Judge
    kind: str
    """cnn; or untrained, where there are no classes"""
    file: Path | None
    """in the cache; None of an untrained one"""


def house_judge(dataset: Dataset, console: Console, device: torch.device | str = "cpu") -> HouseJudge:
    """The judge of a data set: from the cache, or trained now, which takes two minutes of one core for MNIST.

    It learns from the training pictures, and sees no others. The key in the cache is their content, so that
    other pictures, or the same in another form, get a judge of their own.

    Raises:
        Diverged: its training went wrong.
    """
    train = dataset.train
    model = _untrained(train)
    if len(train.classes) < 2:
        return HouseJudge(FeatureJudge(model.to(device).eval()), "untrained", None)
    name = _name(dataset)
    path = cache_root() / "judges" / f"{name}-{_key(train)}.safetensors"
    if not _load(path, model):
        console.note(
            f"{label(dataset.name)} has no judge yet: training one, once; later measurements read it"
        )
        model = _trained(_untrained(train), dataset, _settings(train), console, device)
        _keep(path, name, model)
    return HouseJudge(ClassifierJudge(model.to(device).eval()), "cnn", path)


def _untrained(train: Pictures) -> Classifier:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(SEED, "model"))
        return build_classifier("cnn", train.shape, max(2, len(train.classes)))


def _settings(train: Pictures) -> FitSettings:
    _, height, width = train.shape
    room = PICTURES * min(1.0, PIXELS / (height * width))
    batch_size = 128 if len(train) > 4_000 else 32
    steps = max(1, math.ceil(min(room, max(EPOCHS * len(train), FEWEST)) / batch_size))
    return FitSettings(
        steps=steps,
        batch_size=batch_size,
        learning_rate=3e-3,
        weight_decay=0.01,
        beta2=0.98,
        ema_decay=0.99,
        clip_norm=1.0,
    )


def _trained(
    model: Classifier,
    dataset: Dataset,
    settings: FitSettings,
    console: Console,
    device: torch.device | str,
) -> Classifier:
    augment = preset(dataset.name)
    training = Training(
        model,
        dataset.train,
        settings,
        seed=SEED,
        device=device,
        augment=None if augment == NONE else augment,
    )
    random = torch.random.fork_rng(devices=[training.device] if training.device.type == "cuda" else [])
    with random, console.progress(settings.steps, "training the judge") as progress:
        while training.step < settings.steps:
            found = training.update()
            if training.step % _CHECK_EVERY and training.step < settings.steps:
                continue
            loss = float(found["loss"])
            if not math.isfinite(loss):
                raise Diverged(f"the judge of {label(dataset.name)} cannot be trained: its loss is no number")
            progress.update(training.step, loss=loss)
    learned = training.learned
    assert isinstance(learned, Classifier)
    return learned


def _name(dataset: Dataset) -> str:
    channels, height, width = dataset.shape
    slug = re.sub(r"[^A-Za-z0-9]+", "-", label(dataset.name)).strip("-")[:40] or "data"
    return f"{slug}-{channels}x{height}x{width}"


def _key(train: Pictures) -> str:
    """Of everything that decides what the judge learns."""
    content = hashlib.sha256(train.images.cpu().numpy().tobytes())
    content.update(train.labels.cpu().numpy().tobytes())
    content.update(json.dumps([VERSION, train.shape, train.classes]).encode())
    return content.hexdigest()[:16]


def _load(path: Path, model: nn.Module) -> bool:
    """Whether the weights in `path` could be put into `model`; what is damaged counts as not there."""
    try:
        with safe_open(path, "pt") as file:
            about = json.loads((file.metadata() or {})[SCHEMA])
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if about["sum"] != _sum(weights):
            return False
        model.load_state_dict(weights)
    except (OSError, SafetensorError, KeyError, ValueError, TypeError, RuntimeError):
        return False
    return True


def _keep(path: Path, name: str, model: nn.Module) -> None:
    """Write the judge; of each data set and form the newest is kept. A cache that is full costs time only."""
    weights = {name: part.detach().cpu().contiguous() for name, part in model.state_dict().items()}
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, save(weights, {SCHEMA: json.dumps({"sum": _sum(weights)})}))
        for old in path.parent.glob(f"{glob.escape(name)}-{'[0-9a-f]' * 16}.safetensors"):
            if old != path:
                old.unlink(missing_ok=True)


def _sum(weights: Mapping[str, Tensor]) -> int:
    """A sum over all weights, so that a damaged file is noticed."""
    found = 0
    for name in sorted(weights):
        found = zlib.crc32(weights[name].contiguous().numpy().tobytes(), found)
    return found
