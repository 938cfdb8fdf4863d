"""The kind of run that `train-classifier` makes: load it, evaluate it, resume it."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sandbox.core.config import load_config_of_run
from sandbox.core.errors import RunBroken, UsageError
from sandbox.core.plugins import Question
from sandbox.core.run import Run
from sandbox.data.catalog import entry
from sandbox.supervised.config import MODEL_FOLDER, ClassifierConfig
from sandbox.supervised.pictures import load_pictures
from sandbox.ui.console import Console

if TYPE_CHECKING:
    from sandbox.nn.explain import Subject
    from sandbox.supervised.models import Classifier


class ClassifierRuns:
    """See `sandbox.core.plugins.Kind`."""

    score = "accuracy"

    def load(
        self, run: Run, *, checkpoint: str = "best", device: str = "auto", trust: bool = False
    ) -> Classifier:
        """The trained classifier, ready for pictures (batch, channels, height, width) in [−1, 1].

        Raises:
            RunBroken, CheckpointBroken: a file is missing or damaged; the message names it.
        """
        del trust  # nothing here can execute code
        return open_classifier(run, read_config(run, device), checkpoint, warnings.warn)[1]

    def evaluate(self, run: Run, console: Console, question: Question) -> dict[str, Any]:
        """Accuracy and calibration on a split, the worst classes, and pictures of where it goes wrong.

        Raises:
            UsageError: the question is one for agents.
        """
        if question.episodes is not None or question.seed is not None:
            raise UsageError("--episodes and --seed are for agents: a classifier sees a whole split")
        from sandbox.nn.device import threads
        from sandbox.supervised.evaluation import outcome, tell
        from sandbox.supervised.looks import looks_of
        from sandbox.supervised.measure import measure

        config = read_config(run, question.device)
        split = question.split or "test"
        looks = looks_of(config.data, question.tta, config.seed)
        pictures = load_pictures(config, data_dir=question.data_dir).split(split)
        step, model = open_classifier(run, config, question.checkpoint, warning_to(console))
        with threads(config.threads):
            measured = measure(model, pictures, next(model.parameters()).device, looks)
        tell(run, config, measured, pictures, split, console)
        return outcome(run, config, step, measured, pictures, split, looks.copies)

    def explain(self, run: Run, console: Console, question: Question) -> Subject:
        """The classifier, and pictures of the split, from its beginning to its end, or a picture in a file.

        Raises:
            UsageError: the question is one for agents, or asks for a file and a split at once.
        """
        from sandbox.supervised.explained import asked_pictures, subject

        config = read_config(run, question.device)
        step, model = open_classifier(run, config, question.checkpoint, warning_to(console))
        asked = asked_pictures(run, config, step, model, question, console)
        return subject(config, step, model, classes_of(run, config), asked)

    def resume(self, run: Run, console: Console, *, trust: bool, device: str | None) -> dict[str, Any]:
        """Continue from the newest good checkpoint to the end of the config's steps."""
        del trust
        from sandbox.supervised.commands import report
        from sandbox.supervised.training import resume

        result = resume(read_config(run, device), run, console)
        report(result, console)
        return result


def open_classifier(
    run: Run, config: ClassifierConfig, checkpoint: str, on_broken: Callable[[str], None]
) -> tuple[int, Classifier]:
    """The step of a checkpoint, and the classifier with its weights, in evaluation mode.

    Raises:
        RunBroken, CheckpointBroken: a file is missing or damaged; the message names it.
    """
    from sandbox.nn.checkpoint import Checkpoints
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
        raise RunBroken(f"the checkpoint of {run.name} does not fit its config: {error}") from None
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
