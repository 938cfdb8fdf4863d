"""From a config to a trained classifier, and from a stopped run to its end."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Any, cast

import torch

from sandbox.core.errors import UsageError
from sandbox.core.manifest import write_manifest
from sandbox.core.run import Run
from sandbox.core.runs import start_run
from sandbox.core.seeding import derive_seed
from sandbox.data.augment import NONE, Augment
from sandbox.data.augment import preset as augmentation
from sandbox.data.catalog import label
from sandbox.data.pictures import Dataset, Pictures, subset
from sandbox.nn.checkpoint import Checkpoints
from sandbox.nn.device import keep_memory, pick_device
from sandbox.nn.fit import Training
from sandbox.nn.fit_run import carry_out
from sandbox.nn.fit_session import FitSession
from sandbox.nn.transfer import FILE, load_backbone, parent_of, save_backbone, transfer
from sandbox.supervised import hf
from sandbox.supervised.config import HF, MODEL_FOLDER, ClassifierConfig
from sandbox.supervised.measure import Measured, measure
from sandbox.supervised.models import BackboneClassifier, Classifier, build_classifier
from sandbox.supervised.opened import pictures_of
from sandbox.supervised.pictures import load_pictures
from sandbox.supervised.prediction.familiarity import keep_familiarity
from sandbox.ui.console import Console

SCHEMA = "sandbox.classifier/1"


def build_training(
    config: ClassifierConfig, dataset: Dataset, console: Console, model: Classifier | None = None
) -> Training:
    """A new classifier of the config, with the pictures that it is to learn from.

    Args:
        model: used instead of a new one.

    Raises:
        SandboxError: the device is missing, or the backbone to start from does not fit.
    """
    torch.set_num_threads(config.threads)
    keep_memory()
    model = model or new_classifier(config, dataset)
    if config.init_from is not None and isinstance(model, BackboneClassifier):
        moved = transfer(load_backbone(config.init_from), model.backbone)
        console.note(f"backbone from {config.init_from}: {moved}")
    model.mixup, model.label_smoothing = config.mixup, config.label_smoothing
    return Training(
        model,
        learned_from(config, dataset),
        config.fit,
        seed=config.seed,
        device=pick_device(config.device),
        augment=_augmentation(config) if config.augment else None,
        balanced=config.balanced,
    )


def _augmentation(config: ClassifierConfig) -> Augment:
    found = augmentation(config.data)
    if found == NONE:
        raise UsageError(
            f"{label(config.data)} is never augmented: where a thing stands is what is to be learned",
            hint="leave --augment out",
        )
    return found


def new_classifier(config: ClassifierConfig, dataset: Dataset) -> Classifier:
    """An untrained classifier, but for a backbone from elsewhere; its first weights follow from the seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(config.seed, "model"))
        if config.init_from is not None and config.init_from.startswith(HF):
            return hf.pretrained(config.init_from, len(dataset.classes))
        return build_classifier(config.model, dataset.shape, len(dataset.classes), config.backbone)


def learned_from(config: ClassifierConfig, dataset: Dataset) -> Pictures:
    """The pictures of the training split that the config asks for."""
    if config.pictures is None:
        return dataset.train
    return subset(dataset.train, config.pictures, seed=config.seed)


def train(config: ClassifierConfig, root: Path | None, name: str | None, console: Console) -> dict[str, Any]:
    """Train a new run to its end and evaluate it on the test split; returns what `--json` prints.

    Raises:
        Interrupted: a signal came; the run is saved.
        Diverged: the loss became NaN; the run is marked so.
    """
    dataset = load_pictures(config, console)
    training = build_training(config, dataset, console)
    run = start_run(
        root,
        "train-classifier",
        label(config.data),
        "classifier",
        config,
        ["python", "-m", "sandbox", *sys.argv[1:]],
        about(config, training, dataset),
        name,
        parent_of(config.init_from, HF),
        data=config.data,
        model=config.model,
        classes=list(dataset.classes),
        shape=list(dataset.shape),
    )
    console.run = run
    if isinstance(training.model, hf.HfClassifier):
        training.model.describe(run.path / MODEL_FOLDER)
    return _carry_out(config, run, training, dataset, console, resume=False)


def resume(config: ClassifierConfig, run: Run, console: Console) -> dict[str, Any]:
    """Continue a stopped run from its newest good checkpoint; otherwise as `train`.

    Raises:
        Broken: the data has other classes than the run.
    """
    dataset = pictures_of(run, config, console)
    model = None
    if Checkpoints(run.checkpoints_dir).were_written():
        config = dataclasses.replace(config, init_from=None)  # which may be gone, and is not needed any more
        model = hf.reopened(run.path / MODEL_FOLDER, len(dataset.classes)) if config.model == "hf" else None
    training = build_training(config, dataset, console, model)
    return _carry_out(config, run, training, dataset, console, resume=True)


def about(config: ClassifierConfig, training: Training, dataset: Dataset) -> dict[str, Any]:
    """What the manifest says beyond machine and versions."""
    return {"device": str(training.device), "threads": config.threads, "data": dict(dataset.sums)}


def _carry_out(
    config: ClassifierConfig,
    run: Run,
    training: Training,
    dataset: Dataset,
    console: Console,
    *,
    resume: bool,
) -> dict[str, Any]:
    def keep_backbone(model: torch.nn.Module) -> None:
        if isinstance(model, BackboneClassifier):
            save_backbone(run.path / FILE, model.backbone)
        elif isinstance(model, hf.HfClassifier):
            model.save(run.path / MODEL_FOLDER)

    with run.lock():
        if resume:
            write_manifest(run, sys.argv, about(config, training, dataset))
        session = FitSession(
            run,
            console,
            config.fit,
            f"{config.model} on {label(config.data)}",
            monitor="accuracy",
            higher_is_better=True,
            checkpoint_every=config.checkpoint_every,
            keep_checkpoints=config.keep_checkpoints,
            on_best=keep_backbone,
        )
        carry_out(training, dataset.validation, session, resume=resume, again="train-classifier")
        learned = cast(Classifier, training.learned)
        measured = measure(learned, dataset.test, training.device)
        # Of a large model it takes minutes, and not everybody asks: `predict` does it when it is needed.
        if session.best_step is not None and config.model != "hf":
            shown = learned_from(config, dataset)
            try:
                keep_familiarity(run, learned, shown, dataset.validation, session.best_step)
            except OSError as error:
                console.note(f"warning: what is familiar cannot be kept: {error.strerror or error}")
        result = outcome(run, config, training, measured) | {"train_seconds": round(session.seconds, 3)}
        kept = {key: result[key] for key in ("steps", "epochs", "train_seconds", "evaluation")}
        run.update(status="finished", best=session.best, **kept)
    return result


def outcome(run: Run, config: ClassifierConfig, training: Training, measured: Measured) -> dict[str, Any]:
    """What `train-classifier` tells scripts."""
    return {
        "schema": SCHEMA,
        "run": str(run.path),
        "data": config.data,
        "model": config.model,
        "seed": config.seed,
        "steps": training.step,
        "epochs": round(training.step * config.fit.batch_size / len(training.images), 3),
        "parameters": sum(part.numel() for part in training.model.parameters()),
        "evaluation": measured.summary("test"),
    }
