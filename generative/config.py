"""What a generative run is: on the command line, in `config.toml` and in Python. Loads no torch."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from sandbox.core.config import Count
from sandbox.core.errors import ConfigError
from sandbox.data.form import Colours, Form
from sandbox.nn.fit_settings import FitSettings
from sandbox.nn.presets import PresetName

Likelihood = Literal["bernoulli", "gaussian"]
Prior = Literal["normal", "flow"]
MOST_UNITS = 16_384
"""of a dense layer: its weights alone are a gigabyte then"""
MOST_SAMPLES = 1_000
"""latents for each picture: each is decoded"""


@dataclass(frozen=True)
class GeneratorConfig:
    """What every run of `train-generator` has, with nothing left open."""

    kind: ClassVar[str]
    """of run; what comes after `train-generator`"""
    monitor: ClassVar[str]
    """the mean over the validation pictures that decides which weights are the best; the least is"""

    data: str
    """name of the data set; see `python -m sandbox list data`"""
    size: Count | None = None
    """side of the pictures, in pixels; left out: the data set's own"""
    colours: Colours | None = None
    """grey or colour; left out: the data set's own"""
    only: tuple[str, ...] = ()
    """names of the classes to learn from; none: all of them"""
    latent: Count = 32
    """numbers that a picture is brought to"""
    hidden: Count = 256
    """units of the dense layer on either side of the latents"""
    backbone: PresetName = "shallow"
    """preset of the backbone; see `python -m sandbox list backbones`"""
    init_from: str | None = None
    """file with the backbone to start from"""
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
        for name in ("latent", "hidden"):
            value = getattr(self, name)
            require(1 <= value <= MOST_UNITS, name, f"1 to {MOST_UNITS:,}", value)
        for name in ("threads", "keep_checkpoints"):
            require(getattr(self, name) >= 1, name, "at least 1", getattr(self, name))
        require(self.checkpoint_every >= 0, "checkpoint_every", "0 or more", self.checkpoint_every)
        require(0 <= self.seed < 2**31, "seed", "between 0 and 2147483647", self.seed)
        require(not self.fit.frozen_steps, "frozen_steps", "0 here", self.fit.frozen_steps)
        self.form  # noqa: B018 - to check it

    @property
    def form(self) -> Form:
        """Size and colours that the pictures are brought to. Raises ConfigError for impossible ones."""
        return Form(self.size, self.colours)


@dataclass(frozen=True)
class AutoencoderConfig(GeneratorConfig):
    """One run of `train-generator autoencoder`."""

    kind: ClassVar[str] = "autoencoder"
    monitor: ClassVar[str] = "mse"

    noise: float = 0.0
    """standard deviation of noise on the pixels (0 to 1) that it learns to remove; 0 for a plain one"""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 <= self.noise < math.inf, "noise", "0 or more", self.noise)


@dataclass(frozen=True)
class VAEConfig(GeneratorConfig):
    """One run of `train-generator vae`."""

    kind: ClassVar[str] = "vae"
    monitor: ClassVar[str] = "loss"

    likelihood: Likelihood = "gaussian"
    """of a pixel: bernoulli (black or white, drawn anew each time) or gaussian (256 grey levels)"""
    beta: float = 1.0
    """weight of the divergence from the prior (Higgins et al. 2017); 1 for the evidence lower bound"""
    kl_warmup: float = 0.0
    """part of the budget in which that weight grows from 0 (Sønderby et al. 2016)"""
    free_bits: float = 0.0
    """divergence in nats that each latent may have for nothing (Kingma et al. 2016)"""
    importance_samples: Count = 1
    """latents drawn for each picture in training; above 1 the bound of Burda et al. (2016) is raised"""
    importance_from: float = 0.0
    """part of the budget before that, in which one is drawn: each step takes less time"""
    prior: Prior = "normal"
    """of the latents: standard normal, or what a normalizing flow learns to make of it (Chen et al. 2017)"""
    class_conditional: bool = False
    """encoder and decoder are told the class: the latents hold what is left"""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 <= self.beta < math.inf, "beta", "0 or more", self.beta)
        require(0 <= self.kl_warmup <= 1, "kl_warmup", "between 0 and 1", self.kl_warmup)
        require(0 <= self.free_bits < math.inf, "free_bits", "0 or more", self.free_bits)
        require(0 <= self.importance_from <= 1, "importance_from", "between 0 and 1", self.importance_from)
        if self.prior == "flow" and self.latent < 2:
            raise ConfigError("a flow needs two latents at least", key="prior")
        samples = self.importance_samples
        require(1 <= samples <= MOST_SAMPLES, "importance_samples", f"1 to {MOST_SAMPLES:,}", samples)
        if self.importance_samples > 1 and (self.beta, self.kl_warmup, self.free_bits) != (1.0, 0.0, 0.0):
            raise ConfigError(
                "importance_samples raises another bound: beta, kl_warmup and free_bits have no place in it",
                key="importance_samples",
            )


CONFIGS: dict[str, type[GeneratorConfig]] = {cls.kind: cls for cls in (AutoencoderConfig, VAEConfig)}
"""what can come after `train-generator`"""


def require(holds: bool, name: str, rule: str, value: object) -> None:
    """Raise ConfigError about the field `name` unless `holds`."""
    if not holds:
        raise ConfigError(f"{name} must be {rule}, not {value}", key=name)
