"""From a config to a trained model, and from a stopped run to its end."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from generative.autoencoder import Autoencoder
from generative.config import CoderConfig, DDPMConfig, GeneratorConfig, VAEConfig
from generative.ddpm import DDPM
from generative.measure.final import final_look
from generative.model_folder import save_model
from generative.opened import build_model, pictures_of
from generative.passes import spread
from generative.pictures import learned_from, load_pictures
from generative.samples import Samples
from generative.vae import VAE
from sandbox.core.manifest import write_manifest
from sandbox.core.memory import available_memory, check_memory
from sandbox.core.run import Run
from sandbox.core.runs import start_run
from sandbox.core.seeding import derive_seed
from sandbox.data.catalog import label
from sandbox.data.pictures import Dataset, Pictures
from sandbox.nn.backbone import PRESETS
from sandbox.nn.checkpoint import Checkpoints
from sandbox.nn.device import keep_memory, pick_device
from sandbox.nn.fit import Training
from sandbox.nn.fit_run import carry_out
from sandbox.nn.fit_session import FitSession
from sandbox.nn.transfer import FILE, load_backbone, parent_of, save_backbone, transfer
from sandbox.ui.console import Console

SCHEMA = "sandbox.generator/1"
MOST_LOOKED = 2_000
"""validation pictures in a look at a DDPM"""
KEPT = 20
"""features of a full picture that a step keeps for each channel of the stem, at least"""


def build_training(config: GeneratorConfig, dataset: Dataset, console: Console) -> Training:
    """A new model of the config, with the pictures that it is to learn from.

    Raises:
        SandboxError: the device is missing, the backbone to start from does not fit, or a step does not fit
            into the memory.
    """
    check_step(config, dataset.shape)
    torch.set_num_threads(config.threads)
    keep_memory()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(config.seed, "model"))
        model = build_model(config, dataset.shape, dataset.classes)
    if config.init_from is not None:
        assert model.backbone is not None  # the config says so
        moved = transfer(load_backbone(config.init_from), model.backbone)
        console.note(f"backbone from {config.init_from}: {moved}")
    pictures = learned_from(config, dataset).train
    if not isinstance(model, DDPM):
        model.decoder.begin_at(pictures.images)
    return Training(model, pictures, config.fit, seed=config.seed, device=pick_device(config.device))


def check_step(config: GeneratorConfig, shape: tuple[int, int, int]) -> None:
    """Refuse pictures (channels, height, width) of which a batch would fill this machine's memory, by far.

    Raises:
        Refused: it has less than a step keeps for its gradient.
    """
    if pick_device(config.device).type != "cpu":
        return
    preset, (_, height, width) = PRESETS[config.backbone], shape
    floats = KEPT * config.fit.batch_size * preset.widths[0] * height * width // preset.stem_stride**2
    if isinstance(config, VAEConfig):
        floats = floats * (1 + config.importance_samples) // 2  # the decoder sees each picture as often
    what = f"a step with {config.fit.batch_size:,} pictures of {width}×{height}"
    hint = "choose a smaller --size, or fewer pictures a step, such as --set batch_size=16"
    check_memory(4 * floats, available_memory(), "this machine", what, hint)


def train(config: GeneratorConfig, root: Path | None, name: str | None, console: Console) -> dict[str, Any]:
    """Train a new run to its end and measure it on the test split; returns what `--json` prints.

    Raises:
        Interrupted: a signal came; the run is saved.
        Diverged: the loss became NaN; the run is marked so.
    """
    dataset = load_pictures(config, console)
    training = build_training(config, dataset, console)
    run = start_run(
        root,
        "train-generator",
        "-".join([config.kind, label(config.data), *config.only]),
        config.kind,
        config,
        ["python", "-m", "sandbox", *sys.argv[1:]],
        _about(config, training, dataset),
        name,
        parent_of(config.init_from),
        data=config.data,
        model=config.kind,
        classes=list(dataset.classes),
        only=list(config.only),
        shape=list(dataset.shape),
    )
    console.run = run
    return _carry_out(config, run, training, dataset, console, resume=False)


def resume(config: GeneratorConfig, run: Run, console: Console) -> dict[str, Any]:
    """Continue a stopped run from its newest good checkpoint; otherwise as `train`.

    Raises:
        Broken: the data has other classes than the run.
    """
    dataset = pictures_of(run, config, console)
    if Checkpoints(run.checkpoints_dir).were_written():
        config = dataclasses.replace(config, init_from=None)  # which may be gone, and is not needed any more
    training = build_training(config, dataset, console)
    return _carry_out(config, run, training, dataset, console, resume=True)


def _carry_out(
    config: GeneratorConfig,
    run: Run,
    training: Training,
    dataset: Dataset,
    console: Console,
    *,
    resume: bool,
) -> dict[str, Any]:
    splits = learned_from(config, dataset)
    guidance = config.guidance if isinstance(config, DDPMConfig) else 1.0
    samples = Samples(run.samples_dir, splits.validation, config.seed, guidance)

    def keep(model: nn.Module) -> None:
        learned = cast(Autoencoder | VAE | DDPM, model)
        step = session.best_step or 0
        about = _told(config, run, step) if isinstance(config, DDPMConfig) else {}
        save_model(run.path, learned, step, about)
        if learned.backbone is not None:
            save_backbone(run.path / FILE, learned.backbone)

    with run.lock():
        if resume:
            write_manifest(run, sys.argv, _about(config, training, dataset))
        if not Checkpoints(run.checkpoints_dir).were_written():
            samples.write(training.learned, 0)
        session = FitSession(
            run,
            console,
            config.fit,
            f"{config.kind} on {label(config.data)}",
            monitor=config.monitor,
            checkpoint_every=config.checkpoint_every,
            keep_checkpoints=config.keep_checkpoints,
            on_best=keep,
            on_look=samples.write,
        )
        carry_out(
            training,
            looked_at(config, splits.validation),
            session,
            resume=resume,
            again=f"train-generator {config.kind}",
        )
        samples.film()
        result = _outcome(run, config, training) | {"train_seconds": round(session.seconds, 3)}
        result["evaluation"] = _measured(training, splits.test, console)
        kept = {key: result[key] for key in ("steps", "epochs", "train_seconds", "evaluation")}
        run.update(status="finished", best=session.best, **kept)
    return result


def looked_at(config: GeneratorConfig, validation: Pictures) -> Pictures:
    """The validation pictures of each look: all, but of a DDPM a few thousand, in their order.

    A look at all would take it as long as a fifth of an epoch. Noise and timesteps are the same in each look,
    so the weights that do better on some do better on all.
    """
    if not isinstance(config, DDPMConfig):
        return validation
    return validation.take(spread(len(validation), MOST_LOOKED).to(validation.images.device))


def _measured(training: Training, test: Pictures, console: Console) -> dict[str, Any]:
    """The `evaluation` of run.json. What samples of a DDPM are worth takes minutes: `evaluate` says it."""
    learned = training.learned
    if isinstance(learned, DDPM):
        return {"split": "test", "n": len(test), **training.evaluate(test)}
    return final_look(cast(Autoencoder | VAE, learned), test, training.device, console)


def _about(config: GeneratorConfig, training: Training, dataset: Dataset) -> dict[str, Any]:
    """What the manifest says beyond machine and versions."""
    return {"device": str(training.device), "threads": config.threads, "data": dict(dataset.sums)}


def _told(config: DDPMConfig, run: Run, step: int) -> dict[str, str]:
    """What the card of a model says of its training."""
    values = {**dataclasses.asdict(config), **dataclasses.asdict(config.fit)}
    network = "backbone" if config.unet == "backbone" else "unet"
    names = (network, "noise_schedule", "prediction", "min_snr", "zero_snr", "batch_size", "ema_decay")
    settings = [f"{name} {values[name]}" for name in names if values[name]]
    about = {"run": run.name, "data": config.data, "steps": f"{step:,}"}
    about["settings"] = ", ".join([*settings, f"seed {config.seed}"])
    return about | ({"guidance": f"{config.guidance:g}"} if config.class_conditional else {})


def _outcome(run: Run, config: GeneratorConfig, training: Training) -> dict[str, Any]:
    """What `train-generator` tells scripts."""
    return {
        "schema": SCHEMA,
        "run": str(run.path),
        "kind": config.kind,
        "data": config.data,
        "only": list(config.only),
        **({"latent": config.latent} if isinstance(config, CoderConfig) else {}),
        "seed": config.seed,
        "steps": training.step,
        "epochs": round(training.step * config.fit.batch_size / len(training.images), 3),
        "parameters": sum(part.numel() for part in training.model.parameters()),
    }
