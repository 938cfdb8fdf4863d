"""What a generative run is: on the command line, in `config.toml` and in Python. Loads no torch."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from generative.unet_diffusers import check_sides
from sandbox.core.config import Count
from sandbox.core.errors import ConfigError
from sandbox.data.form import Colours, Form
from sandbox.nn.fit_settings import FitSettings
from sandbox.nn.presets import PresetName

Likelihood = Literal["bernoulli", "gaussian"]
Prior = Literal["normal", "flow"]
Denoiser = Literal["backbone", "diffusers"]
NoiseSchedule = Literal["cosine", "linear"]
Prediction = Literal["v", "epsilon", "x0"]
MOST_UNITS = 16_384
"""of a dense layer: its weights alone are a gigabyte then"""
MOST_SAMPLES = 1_000
"""latents for each picture: each is decoded"""
FEWEST_TIMESTEPS, MOST_TIMESTEPS = 50, 100_000
"""of a diffusion: with fewer, a linear schedule adds more noise in a step than there is room for"""


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
    backbone: PresetName = "small"
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
class CoderConfig(GeneratorConfig):
    """What brings pictures to a few numbers and back."""

    backbone: PresetName = "shallow"
    """preset of the backbone; see `python -m sandbox list backbones`"""
    latent: Count = 32
    """numbers that a picture is brought to"""
    hidden: Count = 256
    """units of the dense layer on either side of the latents"""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("latent", "hidden"):
            value = getattr(self, name)
            require(1 <= value <= MOST_UNITS, name, f"1 to {MOST_UNITS:,}", value)


@dataclass(frozen=True)
class AutoencoderConfig(CoderConfig):
    """One run of `train-generator autoencoder`."""

    kind: ClassVar[str] = "autoencoder"
    monitor: ClassVar[str] = "mse"

    noise: float = 0.0
    """standard deviation of noise on the pixels (0 to 1) that it learns to remove; 0 for a plain one"""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 <= self.noise < math.inf, "noise", "0 or more", self.noise)


@dataclass(frozen=True)
class VAEConfig(CoderConfig):
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


@dataclass(frozen=True)
class DDPMConfig(GeneratorConfig):
    """One run of `train-generator ddpm`."""

    kind: ClassVar[str] = "ddpm"
    monitor: ClassVar[str] = "loss"

    unet: Denoiser = "backbone"
    """the network: backbone for ours, over the shared one; diffusers for diffusers' own, to compare with"""
    attention: bool = False
    """let the U-Net's coarsest features see each other"""
    noise_schedule: NoiseSchedule = "cosine"
    """how noise grows over the timesteps: cosine (Nichol and Dhariwal 2021) or linear (Ho et al. 2020)"""
    prediction: Prediction = "v"
    """what the network answers with: the noise (epsilon), the picture (x0), or v (Salimans and Ho 2022)"""
    zero_snr: bool = False
    """let nothing of the picture be left at the last timestep (Lin et al. 2024)"""
    min_snr: float = 0.0
    """bound of the weight of little noise in the loss, such as 5 (Hang et al. 2023); 0 for none"""
    timesteps: Count = 1_000
    """of the chain that is learned"""
    class_conditional: bool = False
    """the network is told the class, so that pictures of one class can be drawn"""
    label_dropout: float = 0.1
    """part of the pictures whose class is not told: what guidance compares with (Ho and Salimans 2022)"""
    guidance: float = 1.0
    """how much the class is pronounced when pictures are drawn, unless another is asked for; 1 for none"""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_chain(self.prediction, self.zero_snr, self.timesteps)
        require(0 <= self.min_snr < math.inf, "min_snr", "0 or more", self.min_snr)
        require(0 <= self.label_dropout < 1, "label_dropout", "at least 0 and below 1", self.label_dropout)
        require(0 <= self.guidance < math.inf, "guidance", "0 or more", self.guidance)
        if self.unet == "diffusers" and (self.attention or self.init_from is not None):
            key = "attention" if self.attention else "init_from"
            raise ConfigError(f"{key} is for the U-Net over the shared backbone, not for diffusers'", key=key)
        if self.unet == "diffusers" and self.size is not None:
            check_sides(int(self.size), int(self.size))

    @property
    def guidable(self) -> bool:
        """Whether it learns both classes and the null class, which guidance compares them with."""
        return self.class_conditional and self.label_dropout > 0


CONFIGS: dict[str, type[GeneratorConfig]] = {
    cls.kind: cls for cls in (AutoencoderConfig, VAEConfig, DDPMConfig)
}
"""what can come after `train-generator`"""


def check_chain(prediction: Prediction, zero_snr: bool, timesteps: int) -> None:
    """Raise ConfigError for a chain of noise that nothing can be learned along."""
    span = f"{FEWEST_TIMESTEPS} to {MOST_TIMESTEPS:,}"
    require(FEWEST_TIMESTEPS <= timesteps <= MOST_TIMESTEPS, "timesteps", span, timesteps)
    if zero_snr and prediction == "epsilon":
        raise ConfigError(
            "where nothing of the picture is left, noise says nothing: zero_snr needs prediction v or x0",
            key="zero_snr",
        )


def require(holds: bool, name: str, rule: str, value: object) -> None:
    """Raise ConfigError about the field `name` unless `holds`."""
    if not holds:
        raise ConfigError(f"{name} must be {rule}, not {value}", key=name)
