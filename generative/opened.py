"""What a generative run holds: its config, the form and classes of its pictures, and the model."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from generative.config import CONFIGS, AutoencoderConfig, CoderConfig, DDPMConfig, GeneratorConfig, VAEConfig
from generative.pictures import load_pictures
from sandbox.core.config import load_config_of_run
from sandbox.core.errors import Broken, RunBroken, UsageError
from sandbox.core.manifest import read_manifest
from sandbox.core.run import Run

if TYPE_CHECKING:
    from generative.autoencoder import Autoencoder
    from generative.ddpm import DDPM
    from generative.vae import VAE
    from sandbox.data.pictures import Dataset
    from sandbox.ui.console import Console

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Opened:
    """A generative run, ready for use."""

    run: Run
    config: GeneratorConfig
    step: int
    """after which the model is as it is here"""
    model: Autoencoder | VAE | DDPM
    """in evaluation mode, on the device"""
    classes: tuple[str, ...]
    """of the data; the model itself knows them only where it is class-conditional"""

    @property
    def learned(self) -> tuple[str, ...]:
        """Names of the classes that it learned from."""
        return tuple(name for name in self.classes if not self.config.only or name in self.config.only)

    @property
    def guidance(self) -> float:
        """With which it draws unless something else is asked for; 1, which is none, where it cannot be."""
        config = self.config
        return config.guidance if isinstance(config, DDPMConfig) and config.guidable else 1.0

    @property
    def about(self) -> dict[str, Any]:
        """By what scripts know it again."""
        config = self.config
        return {
            "run": str(self.run.path),
            "kind": config.kind,
            "data": config.data,
            "only": list(config.only),
            "seed": config.seed,
            "steps": self.step,
        }

    @property
    def coder(self) -> Autoencoder | VAE:
        """The model, which brings pictures to latents. Raises UsageError where it does not."""
        check_coder(self.run)
        return cast("Autoencoder | VAE", self.model)

    @property
    def shape(self) -> Shape:
        """(channels, height, width) of the pictures."""
        return self.model.shape


def open_generator(
    run: Run,
    device: str | None = None,
    checkpoint: str = "best",
    on_broken: Callable[[str], None] = warnings.warn,
) -> Opened:
    """The model of a run with the weights of a checkpoint.

    Args:
        run: made by `train-generator`.
        device: other than the config's.
        checkpoint: best, last, first, or a step.
        on_broken: is told in a sentence of each damaged checkpoint that had to be passed over.

    Raises:
        UsageError: it is another kind of run.
        RunBroken, CheckpointBroken: a file is missing or damaged; the message names it.
        NoDevice: this machine has no such device.
    """
    from torch import nn

    from sandbox.nn.checkpoint import Checkpoints, misfit
    from sandbox.nn.device import pick_device
    from sandbox.nn.fit_run import learned_weights

    config = read_config(run, device)
    classes = _classes_of(run)
    try:
        model = build_model(config, _shape_of(run), classes)
    except ValueError as error:
        raise RunBroken(f"{run.path / 'run.json'} is damaged: {error}") from None
    step, state = Checkpoints(run.checkpoints_dir).load(checkpoint, on_broken)
    try:
        model.load_state_dict(learned_weights(state))
    except (KeyError, RuntimeError) as error:
        raise RunBroken(f"the checkpoint of {run.name} does not fit its config: {misfit(error)}") from None
    nn.Module.to(model, pick_device(config.device))  # diffusers' own `to` hides its types
    return Opened(run, config, step, model.eval(), classes)


def check_coder(run: Run) -> None:
    """Raise UsageError where the run's model does not bring pictures to latents."""
    if run.info["kind"] in CONFIGS and not issubclass(CONFIGS[run.info["kind"]], CoderConfig):
        raise UsageError(
            f"{run.name} is a {run.info['kind']}: it takes noise away, and has no latents",
            hint="this is for autoencoders and VAEs; python -m sandbox generate draws with it",
        )


def build_model(config: GeneratorConfig, shape: Shape, classes: tuple[str, ...]) -> Autoencoder | VAE | DDPM:
    """A new model of a config, for pictures of `shape` (channels, height, width).

    Raises:
        UsageError: diffusers' own network cannot see pictures of this size.
    """
    from generative.autoencoder import Autoencoder
    from generative.vae import VAE
    from sandbox.nn.presets import PRESETS

    if isinstance(config, DDPMConfig):
        return _build_ddpm(config, shape, classes if config.class_conditional else ())
    preset, coder = PRESETS[config.backbone], cast(CoderConfig, config)
    form = (*shape, coder.latent, coder.hidden, preset.widths, preset.depth, preset.stem_stride)
    if isinstance(config, AutoencoderConfig):
        return Autoencoder(*form, noise=config.noise)
    own = cast(VAEConfig, config)
    objective = (own.likelihood, own.beta, own.kl_warmup, own.free_bits)
    samples = (own.importance_samples, own.importance_from)
    return VAE(*form, *objective, *samples, own.prior, classes=classes if own.class_conditional else ())


def _build_ddpm(config: DDPMConfig, shape: Shape, classes: tuple[str, ...]) -> DDPM:
    from generative.ddpm import DDPM
    from generative.diffusion import noise_scheduler
    from generative.unet import UNet
    from sandbox.nn.presets import PRESETS

    if config.unet == "diffusers":
        from generative.unet_diffusers import build_unet

        unet = build_unet(shape, len(classes))
    else:
        preset = PRESETS[config.backbone]
        form = (preset.widths, preset.depth, preset.stem_stride)
        unet = UNet(shape[1:], shape[0], None, *form, config.attention, classes)
    scheduler = noise_scheduler(
        config.noise_schedule, config.prediction, config.zero_snr, int(config.timesteps)
    )
    return DDPM(unet, scheduler, classes, config.label_dropout, config.min_snr)


def read_config(run: Run, device: str | None = None) -> GeneratorConfig:
    """The config of a run, on another device if one is given.

    Raises:
        UsageError: it is another kind of run.
        RunBroken: config.toml is missing or damaged; the message names the file, and line and key.
    """
    kind = run.info["kind"]
    if kind not in CONFIGS:
        raise UsageError(
            f"{run.name} is a run of {run.info['what']}, and no generative model",
            hint="python -m sandbox train-generator makes one",
        )
    config = load_config_of_run(run.config_path, CONFIGS[kind])
    return config if device in (None, "auto") else dataclasses.replace(config, device=device)


def pictures_of(run: Run, config: GeneratorConfig, console: Console, data_dir: str | None = None) -> Dataset:
    """The data set of a run, with all of its classes, as its model sees it.

    Args:
        console: is told where it is not what the run began with.
        data_dir: searched instead of the config's.

    Raises:
        RunBroken: run.json does not say the form or the classes of the pictures.
        Broken: its classes, or the form of its pictures, are not those that the run was made with.
        SandboxError: the pictures are not there, or damaged.
    """
    known, shape = _classes_of(run), _shape_of(run)
    dataset = load_pictures(config, data_dir=data_dir)
    if dataset.classes != known:
        raise Broken(
            f"{config.data} has the classes {', '.join(dataset.classes)}, and when {run.name} was made "
            f"{', '.join(known)}",
            hint="give it back the classes that it had, or train anew",
        )
    if dataset.shape != shape:
        raise Broken(
            f"the pictures of {config.data} are {_form(dataset.shape)}, and when {run.name} was made "
            f"they were {_form(shape)}",
            hint="give it back the pictures that it had, or train anew",
        )
    if (read_manifest(run) or {}).get("data", dict(dataset.sums)) != dataset.sums:
        console.note(f"warning: the pictures of {config.data} have changed since {run.name} began")
    return dataset


def _shape_of(run: Run) -> Shape:
    match run.info.get("shape"):
        case [int(channels), int(height), int(width)] if min(channels, height, width) > 0:
            return channels, height, width
    raise RunBroken(f"{run.path / 'run.json'} is damaged: it has no shape of pictures")


def _form(shape: Shape) -> str:
    channels, height, width = shape
    return f"{width}×{height} of {channels} channel{'s' if channels > 1 else ''}"


def _classes_of(run: Run) -> tuple[str, ...]:
    classes = run.info.get("classes")
    if isinstance(classes, list) and classes and all(isinstance(name, str) for name in classes):
        return tuple(classes)
    raise RunBroken(f"{run.path / 'run.json'} is damaged: it has no names of classes")
