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
from sandbox.supervised.config import ClassifierConfig
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
        return _open(run, read_config(run, device), checkpoint, warnings.warn)[1]

    def evaluate(self, run: Run, console: Console, question: Question) -> dict[str, Any]:
        """Accuracy on a split, a table of the classes, and the confusion matrix as a picture.

        Raises:
            UsageError: the question is one for agents.
        """
        if question.episodes is not None or question.seed is not None:
            raise UsageError("--episodes and --seed are for agents: a classifier sees a whole split")
        from sandbox.data.catalog import load
        from sandbox.nn.device import threads
        from sandbox.supervised.commands import told
        from sandbox.supervised.drawings import draw_confusion
        from sandbox.supervised.measure import measure

        config = read_config(run, question.device)
        split = question.split or "test"
        pictures = load(config.data, question.data_dir or config.data_dir).split(split)
        step, model = _open(run, config, question.checkpoint, lambda text: console.note(f"warning: {text}"))
        with threads(config.threads):
            measured = measure(model, pictures, next(model.parameters()).device)
        score = measured.summary(split)
        columns = ["class", "pictures", "precision", "recall", "most often taken for"]
        rows = measured.table(pictures.classes)
        cells = [[f"{cell:.4f}" if isinstance(cell, float) else cell for cell in row] for row in rows]
        console.table(columns, cells, title=f"{config.model} on {config.data}, {split}")
        picture = draw_confusion(run, measured, pictures.classes, split)
        console.print(f"{run.name}: {told(score)}")
        console.print(f"confusion {run.relative() / picture.relative_to(run.path)}")
        return {
            "schema": "sandbox.classifier/1",
            "run": str(run.path),
            "data": config.data,
            "model": config.model,
            "seed": config.seed,
            "steps": step,
            "evaluation": score,
            "classes": [
                dict(zip(("class", "n", "precision", "recall"), row[:4], strict=True)) for row in rows
            ],
            "confusion": measured.confusion.tolist(),
        }

    def explain(self, run: Run, console: Console, question: Question) -> Subject:
        """The classifier's backbone, and pictures of the split, from its beginning to its end.

        Raises:
            UsageError: it has no backbone, or the question is one for agents.
        """
        if question.episodes is not None or question.seed is not None:
            raise UsageError("--episodes and --seed are for agents: a classifier sees pictures of a split")
        from sandbox.data.catalog import load
        from sandbox.supervised.explained import subject

        config = read_config(run, question.device)
        step, model = _open(run, config, question.checkpoint, lambda text: console.note(f"warning: {text}"))
        pictures = load(config.data, question.data_dir or config.data_dir).split(question.split or "test")
        return subject(run, config, step, model, pictures, question)

    def resume(self, run: Run, console: Console, *, trust: bool, device: str | None) -> dict[str, Any]:
        """Continue from the newest good checkpoint to the end of the config's steps."""
        del trust
        from sandbox.supervised.commands import report
        from sandbox.supervised.training import resume

        result = resume(read_config(run, device), run, console)
        report(result, console)
        return result


def _open(
    run: Run, config: ClassifierConfig, checkpoint: str, on_broken: Callable[[str], None]
) -> tuple[int, Classifier]:
    """The step of a checkpoint, and the classifier with its weights."""
    from sandbox.data.catalog import entry
    from sandbox.nn.checkpoint import Checkpoints
    from sandbox.nn.device import pick_device
    from sandbox.nn.fit_run import learned_weights
    from sandbox.supervised.models import build_classifier

    known = entry(config.data)
    model = build_classifier(config.model, known.shape, len(known.classes), config.backbone)
    step, state = Checkpoints(run.checkpoints_dir).load(checkpoint, on_broken)
    try:
        model.load_state_dict(learned_weights(state))
    except (KeyError, RuntimeError) as error:
        raise RunBroken(f"the checkpoint of {run.name} does not fit its config: {error}") from None
    return step, model.to(pick_device(config.device)).eval()


def read_config(run: Run, device: str | None) -> ClassifierConfig:
    """The config of a run, on another device if one is given.

    Raises:
        RunBroken: config.toml is missing or damaged; the message names the file, and line and key.
    """
    config = load_config_of_run(run.config_path, ClassifierConfig)
    return config if device in (None, "auto") else dataclasses.replace(config, device=device)
