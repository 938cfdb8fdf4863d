"""Vision backbones of Hugging Face's `transformers` under our head, by name or from a folder: extra [hf].

Weights are read from safetensors alone, and no code that comes with a model is run.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn import functional as F

from sandbox.core.errors import Broken, MissingExtra, NotFound, Refused, UsageError
from sandbox.supervised.config import HF
from sandbox.supervised.models import Classifier

SIDE = 224
"""of pictures, where a model does not say"""
HALF = (0.5, 0.5, 0.5)


class HfClassifier(Classifier):
    """One linear layer on the averaged last features of a vision model.

    Args:
        vision: a `transformers` model that takes `pixel_values`.
        preparation: what it wants pictures to be like, from `preprocessor_config.json`; may be empty.
        classes: how many.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, vision: Any, preparation: dict[str, Any], classes: int) -> None:
        super().__init__()
        self.vision = vision
        self.preparation = preparation
        self.side = side_of(vision.config, preparation)
        mean, deviation = (preparation.get(key) or HALF for key in ("image_mean", "image_std"))
        # Ours go from −1 to 1: (x + 1) / 2 is what mean and deviation are about.
        self.register_buffer("shift", torch.tensor(mean).reshape(1, 3, 1, 1) * 2 - 1, persistent=False)
        self.register_buffer("scale", torch.tensor(deviation).reshape(1, 3, 1, 1) * 2, persistent=False)
        with torch.no_grad():
            width = self.features(torch.zeros(1, 3, 32, 32)).shape[1]
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, classes))

    def train(self, mode: bool = True) -> HfClassifier:
        """As in torch; but batch norms keep the statistics of the pictures that they were trained on."""
        super().train(mode)
        for part in self.vision.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.eval()
        return self

    def forward(self, images: Tensor) -> Tensor:
        return self.answer(self.features(images))

    def features(self, images: Tensor) -> Tensor:
        """The last features, averaged over places or patches: (batch, width)."""
        return self._pooled(self._hidden(images))

    def answer(self, features: Tensor) -> Tensor:
        return self.head(features)

    def stages(self) -> list[nn.Module]:
        """Whatever comes before the layers, then each of them, the last one with whatever follows."""
        lists = [part for part in self.vision.modules() if isinstance(part, nn.ModuleList)]
        if not lists:
            return [self.vision]
        layers = list(max(lists, key=lambda part: sum(weight.numel() for weight in part.parameters())))
        inside = {id(part) for layer in layers for part in layer.modules()}
        parts = [part for part in self.vision.modules() if id(part) in inside or _has_weights(part)]
        last = max(place for place, part in enumerate(parts) if id(part) in inside)
        before = [part for part in parts[:last] if id(part) not in inside]
        return [nn.ModuleList(before), *layers[:-1], nn.ModuleList([layers[-1], *parts[last + 1 :]])]

    def scales(self, images: Tensor) -> dict[str, Tensor]:
        hidden = self._hidden(images)
        return {"last features": hidden} if hidden.ndim == 4 else {}

    def first_kernels(self) -> Tensor:
        first = next(part for part in self.vision.modules() if isinstance(part, nn.Conv2d))
        return first.weight

    def evidence(self, images: Tensor) -> tuple[Tensor | None, Tensor]:
        hidden = self._hidden(images)
        return hidden if hidden.ndim == 4 else None, self.answer(self._pooled(hidden))

    def _hidden(self, images: Tensor) -> Tensor:
        """(batch, channels, rows, columns) of convolutions, (batch, patches, channels) of a transformer."""
        images = images.expand(-1, 3, -1, -1) if images.shape[1] == 1 else images
        if images.shape[-2:] != (self.side, self.side):
            images = F.interpolate(images, (self.side, self.side), mode="bilinear", antialias=True)
        # Channels last, torch 2.13 crashes on the CPU in the backward pass of a frozen batch norm.
        prepared = ((images - self.shift) / self.scale).contiguous()
        return self.vision(pixel_values=prepared).last_hidden_state

    def _pooled(self, hidden: Tensor) -> Tensor:
        return hidden.mean((2, 3)) if hidden.ndim == 4 else hidden.mean(1)

    def save(self, folder: Path) -> None:
        """Write config and weights, so that `hf:FOLDER` starts from them. Raises OSError."""
        self.describe(folder)
        with _quiet():
            self.vision.save_pretrained(folder)

    def describe(self, folder: Path) -> None:
        """Write what `reopened` needs. Raises OSError."""
        import json

        folder.mkdir(parents=True, exist_ok=True)
        self.vision.config.save_pretrained(folder)
        (folder / "preprocessor_config.json").write_text(json.dumps(self.preparation, indent=2))


def pretrained(source: str, classes: int) -> HfClassifier:
    """A classifier whose backbone is the model that `source` names, "hf:microsoft/resnet-18" or "hf:FOLDER".

    Raises:
        MissingExtra: `transformers` is not installed.
        NotFound: there is no such model or folder.
        Broken: its weights are damaged, or are no safetensors.
        UsageError: it is no vision model.
        Refused: the network is not there.
    """
    transformers, name = _transformers(), _name(source)
    config, preparation = described(source)
    with _refusals(name), _quiet():
        vision = transformers.AutoModel.from_pretrained(
            name, config=config, use_safetensors=True, trust_remote_code=False, dtype=torch.float32
        )
    return HfClassifier(vision, preparation, classes)


def reopened(folder: Path, classes: int) -> HfClassifier:
    """The classifier of a run, without its weights, from what `HfClassifier.describe` wrote.

    Raises:
        MissingExtra: `transformers` is not installed.
        NotFound, Broken: the description is missing or damaged.
    """
    config, preparation = described(f"{HF}{folder}")
    with _refusals(str(folder)), _quiet():
        vision = _transformers().AutoModel.from_config(config, trust_remote_code=False, dtype=torch.float32)
    return HfClassifier(vision, preparation, classes)


def described(source: str) -> tuple[Any, dict[str, Any]]:
    """The config of a model and what it says about preparing pictures; loads no weights. Raises as above."""
    transformers, name = _transformers(), _name(source)
    with _refusals(name), _quiet():
        config = transformers.AutoConfig.from_pretrained(name, trust_remote_code=False)
    if not hasattr(config, "num_channels"):
        raise UsageError(f"{name} is no model for pictures, but {config.model_type!r}")
    try:
        with _quiet():
            preparation, _ = transformers.ImageProcessingMixin.get_image_processor_dict(name)
    except OSError:  # it says nothing about it
        preparation = {}
    return config, preparation


def located(source: str) -> str:
    """The same model by a name that holds everywhere: folders by their whole path. Raises NotFound."""
    name = _name(source)
    return f"{HF}{Path(name).absolute()}" if Path(name).is_dir() else source


def side_of(config: Any, preparation: dict[str, Any]) -> int:
    """Width and height of the pictures that a model was trained on."""
    size = preparation.get("crop_size") or preparation.get("size") or getattr(config, "image_size", SIDE)
    if isinstance(size, dict):
        size = size.get("height") or size.get("shortest_edge") or SIDE
    return int(max(size) if isinstance(size, list | tuple) else size)


def _has_weights(part: nn.Module) -> bool:
    """Whether it holds weights itself, and not only its parts."""
    return any(True for _ in part.parameters(recurse=False))


def _name(source: str) -> str:
    name = source.removeprefix(HF)
    if not name.strip():
        raise UsageError("hf: names no model", hint="such as hf:microsoft/resnet-18, or hf:FOLDER")
    path = Path(name).expanduser()
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise NotFound(f"{path} holds no model: it has no config.json", hint="hf:FOLDER or hf:NAME")
        return str(path)
    if name.startswith((".", "/", "~")) or name.count("/") > 1 or " " in name:
        raise NotFound(f"there is no folder {name!r} with a model", hint="such as hf:microsoft/resnet-18")
    return name


def _transformers() -> Any:
    try:
        import transformers
    except ImportError:
        raise MissingExtra("a backbone of Hugging Face's", "hf") from None
    return transformers


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """No progress bars, and nothing about retries: the console is ours."""
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    from huggingface_hub.utils import logging as hub
    from transformers.utils import logging

    before = hub.get_verbosity(), logging.get_verbosity()
    hub.set_verbosity_error()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        hub.set_verbosity(before[0])
        logging.set_verbosity(before[1])


@contextlib.contextmanager
def _refusals(name: str) -> Iterator[None]:
    """What `transformers` raises, as one line of ours."""
    try:
        yield
    except OSError as error:
        first = str(error).strip().splitlines()[0]
        if "connect" in first:
            raise Refused(f"{name} could not be fetched: {first}", hint="name a folder: hf:FOLDER") from None
        if "safetensors" in str(error):
            raise Broken(f"{name} has no weights as safetensors", hint="others could execute code") from None
        raise NotFound(f"the model {name} was not found: {first}") from None
    except (ValueError, RuntimeError, KeyError, AttributeError, SafetensorError) as error:
        raise Broken(f"{name} cannot be opened: {str(error).strip().splitlines()[0]}") from None
