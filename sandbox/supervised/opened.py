"""What a classifier's run holds: its config, its classes, the form of its pictures, and the network."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

from sandbox.core.config import load_config_of_run
from sandbox.core.errors import Broken, RunBroken
from sandbox.core.manifest import read_manifest
from sandbox.core.run import Run
from sandbox.data.catalog import entry
from sandbox.supervised.config import MODEL_FOLDER, ClassifierConfig
from sandbox.supervised.pictures import load_pictures
from sandbox.ui.console import Console

if TYPE_CHECKING:
    from sandbox.data.pictures import Dataset
    from sandbox.supervised.models import Classifier


def open_classifier(
    run: Run, config: ClassifierConfig, checkpoint: str, on_broken: Callable[[str], None]
) -> tuple[int, Classifier]:
    """The step of a checkpoint, and the classifier with its weights, in evaluation mode.

    Raises:
        RunBroken, CheckpointBroken: a file is missing or damaged; the message names it.
    """
    from sandbox.nn.checkpoint import Checkpoints, misfit
    from sandbox.nn.device import pick_device
    from sandbox.nn.fit_run import learned_weights
    from sandbox.supervised import hf
    from sandbox.supervised.models import build_classifier

    shape, classes = shape_of(run, config), len(classes_of(run, config))
    if config.model == "hf":
        model = hf.reopened(run.path / MODEL_FOLDER, classes)
    else:
        model = build_classifier(config.model, shape, classes, config.backbone)
    step, state = Checkpoints(run.checkpoints_dir).load(checkpoint, on_broken)
    try:
        model.load_state_dict(learned_weights(state))
    except (KeyError, RuntimeError) as error:
        raise RunBroken(f"the checkpoint of {run.name} does not fit its config: {misfit(error)}") from None
    return step, model.to(pick_device(config.device)).eval()


def shape_of(run: Run, config: ClassifierConfig) -> tuple[int, int, int]:
    """(channels, height, width) of the pictures that a run's classifier sees. Raises RunBroken."""
    shape = run.info.get("shape")
    if shape is None:  # runs were once made without it, of data sets that the table knows
        return entry(config.data).shape
    match shape:
        case [int(channels), int(height), int(width)] if min(shape) > 0:
            return channels, height, width
    raise RunBroken(f"{run.path / 'run.json'} is damaged: {shape!r} is no shape of pictures")


def classes_of(run: Run, config: ClassifierConfig) -> tuple[str, ...]:
    """The names that a run's classifier gives. Raises RunBroken."""
    classes = run.info.get("classes")
    if classes is None:
        return entry(config.data).classes
    if isinstance(classes, list) and classes and all(isinstance(name, str) for name in classes):
        return tuple(classes)
    raise RunBroken(f"{run.path / 'run.json'} is damaged: {classes!r} are no names of classes")


def pictures_of(run: Run, config: ClassifierConfig, console: Console, data_dir: str | None = None) -> Dataset:
    """The data set of a run, as its classifier sees it.

    Args:
        console: is told where it is not what the run began with.
        data_dir: searched instead of the config's.

    Raises:
        Broken: its classes are not those that the run learned.
        SandboxError: the pictures are not there, or damaged.
    """
    dataset, learned = load_pictures(config, data_dir=data_dir), classes_of(run, config)
    if dataset.classes != learned:
        raise Broken(
            f"{config.data} has the classes {', '.join(dataset.classes)}, and {run.name} learned "
            f"{', '.join(learned)}",
            hint="give it back the classes that it had, or train anew",
        )
    if (read_manifest(run) or {}).get("data", dict(dataset.sums)) != dataset.sums:
        console.note(
            f"warning: the pictures of {config.data} have changed since {run.name} began: "
            "it may have learned from some that are in another split now"
        )
    return dataset


def warning_to(console: Console) -> Callable[[str], None]:
    """Tells people what is wrong with a checkpoint."""
    return lambda text: console.note(f"warning: {text}")


def read_config(run: Run, device: str | None) -> ClassifierConfig:
    """The config of a run, on another device if one is given.

    Raises:
        RunBroken: config.toml is missing or damaged; the message names the file, and line and key.
    """
    config = load_config_of_run(run.config_path, ClassifierConfig)
    return config if device in (None, "auto") else dataclasses.replace(config, device=device)
