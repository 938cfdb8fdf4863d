"""What a classifier's run is: on the command line, in `config.toml` and in Python. Loads no torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from sandbox.core.config import Count
from sandbox.core.errors import ConfigError
from sandbox.data.form import Colours, Form
from sandbox.nn.fit_settings import FitSettings
from sandbox.nn.presets import PresetName

Model = Literal["linear", "mlp", "cnn", "backbone", "hf"]
HF = "hf:"
"""how the name of a vision model of Hugging Face's begins"""
MODEL_FOLDER = "hf"
"""of a run that learned with one: its config and best weights, as `transformers` saves them"""
Frozen = Literal["all", "first"]
"""how long a backbone that learned elsewhere stays as it is: to the end, or until its head has learned"""


@dataclass(frozen=True)
class ClassifierConfig:
    """One run of `train-classifier`, with nothing left open."""

    data: str
    """name of the data set; see `python -m sandbox list data`"""
    size: Count | None = None
    """side of the pictures, in pixels; left out: the data set's own"""
    colours: Colours | None = None
    """grey or colour; left out: the data set's own"""
    model: Model = "backbone"
    """linear, mlp (two dense layers), cnn (three convolutions, batch norm), the shared backbone, or hf"""
    backbone: PresetName = "small"
    """preset of the backbone; see `python -m sandbox list backbones`"""
    init_from: str | None = None
    """file with the backbone to start from, or a run that has one; or hf:NAME, hf:FOLDER (Hugging Face)"""
    augment: bool = False
    """change the pictures a little each time they are seen; never those of the validation"""
    mixup: float = 0.0
    """mix pictures in pairs, by shares from Beta(mixup, mixup); 0 for not at all"""
    label_smoothing: float = 0.0
    """spread this part of the truth over all classes"""
    balanced: bool = False
    """see every class equally often, however many pictures it has"""
    pictures: Count | None = None
    """learn from this many pictures only, of all classes; left out: from all"""
    seed: int = 0
    """decides everything that is random"""
    device: str = "auto"
    """auto, cpu, cuda, cuda:1, mps"""
    threads: int = 1
    """torch's threads on the CPU; another number rounds differently"""
    data_dir: str | None = None
    """folder with the data; left out: SANDBOX_DATA, then the cache"""
    checkpoint_every: Count = 0
    """steps between checkpoints: what a power cut can cost; 0 for as often as evaluations"""
    keep_checkpoints: int = 3
    """how many of the newest to keep, besides the best"""
    fit: FitSettings = field(default_factory=FitSettings)
    """budget, optimiser, schedule"""

    def __post_init__(self) -> None:
        for name in ("threads", "keep_checkpoints"):
            _require(getattr(self, name) >= 1, name, "at least 1", getattr(self, name))
        _require(self.pictures is None or self.pictures >= 1, "pictures", "at least 1", self.pictures)
        _require(self.checkpoint_every >= 0, "checkpoint_every", "0 or more", self.checkpoint_every)
        self.form  # noqa: B018 - to check it
        _require(0 <= self.seed < 2**31, "seed", "between 0 and 2147483647", self.seed)
        _require(0 <= self.mixup <= 10, "mixup", "between 0 and 10", self.mixup)
        _require(0 <= self.label_smoothing < 1, "label_smoothing", "0 or more, below 1", self.label_smoothing)
        if self.init_from is not None and self.model not in ("backbone", "hf"):
            raise ConfigError(f"init_from needs the model 'backbone', not {self.model!r}", key="init_from")
        if self.fit.frozen_steps and self.model not in ("backbone", "hf"):
            raise ConfigError(f"the model {self.model!r} has no backbone to freeze", key="frozen_steps")

    @property
    def form(self) -> Form:
        """Size and colours that the pictures are brought to. Raises ConfigError for impossible ones."""
        return Form(self.size, self.colours)


def _require(holds: bool, name: str, rule: str, value: object) -> None:
    if not holds:
        raise ConfigError(f"{name} must be {rule}, not {value}", key=name)
