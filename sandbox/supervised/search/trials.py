"""The trials of a search: each a short fit, scored on the validation pictures, and a line in a file."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from sandbox.core.errors import RunBroken, SandboxError
from sandbox.core.metrics import MetricsWriter, read_metrics
from sandbox.data.pictures import Dataset
from sandbox.supervised.config import ClassifierConfig
from sandbox.supervised.search.space import Values
from sandbox.supervised.training import build_training
from sandbox.ui.console import Console

FILE = "trials.jsonl"
State = Literal["complete", "pruned", "diverged", "failed"]
CHECK_EVERY = 20
"""steps between two questions whether to stop, and whether the loss is still a number"""


@dataclass(frozen=True)
class Trial:
    """What came of one choice of settings."""

    number: int
    state: State
    values: Values
    score: float | None = None
    """accuracy on the validation pictures at the best look; None where there was no look"""
    loss: float | None = None
    """mean cross-entropy in nats at that look"""
    looks: tuple[float, ...] = ()
    """accuracy at each look"""
    steps: int = 0
    """gradient steps that were done"""
    seconds: float = 0.0
    """that it took, looks included"""
    error: str = ""
    """why it failed"""

    @property
    def complete(self) -> bool:
        """Whether it came to its end."""
        return self.state == "complete"


class Stopped(Exception):  # noqa: N818 - no error
    """A signal came while a trial was under way."""


def best_first(trials: Sequence[Trial]) -> list[Trial]:
    """The trials that came to their end; among equal accuracies the lower loss is better, then the older."""
    done = [trial for trial in trials if trial.complete]
    return sorted(done, key=lambda trial: (-(trial.score or 0.0), trial.loss or 0.0, trial.number))


def write_trial(path: Path, trial: Trial) -> None:
    """Append a trial to the file; a torn last line is cut off first."""
    values = dataclasses.asdict(trial)
    with MetricsWriter(path) as writer:
        writer.write(values.pop("number"), values)


def read_trials(path: Path) -> list[Trial]:
    """All trials of the file, in their order; none where there is no file.

    Raises:
        RunBroken: a line is damaged; the message names it.
    """
    trials = []
    for index, line in enumerate(read_metrics(path)):
        try:
            entries = {**line, "number": line["step"], "looks": tuple(line["looks"])}
            entries.pop("step")
            trial = Trial(**entries)
        except (KeyError, TypeError) as error:
            raise RunBroken(f"{path}: line {index + 1} is no trial: {error}") from None
        if trial.number != index or not isinstance(trial.values, dict):
            raise RunBroken(f"{path}: line {index + 1} is not trial {index}")
        trials.append(trial)
    return trials


def try_out(
    number: int,
    values: Values,
    config: Callable[[], ClassifierConfig],
    dataset: Dataset,
    console: Console,
    *,
    prune: Callable[[int, float], bool],
    stopped: Callable[[], bool],
) -> Trial:
    """Fit, looking at the validation pictures on the way; whatever goes wrong is in the trial.

    Args:
        number, values: of the trial.
        config: makes the trial's config; settings that do not fit together make the trial fail.
        prune: gets the number of a look, from 1, and its accuracy; True ends the trial.
        stopped: whether a signal came.

    Raises:
        Stopped: it did.
    """
    start = time.perf_counter()
    trial = Trial(number, "failed", values)
    try:
        # What draws from torch's own state seeds it in each step; who called us must not notice.
        with torch.random.fork_rng(devices=[]):
            trial = _fitted(trial, config(), dataset, console, prune, stopped)
    except (SandboxError, torch.OutOfMemoryError) as error:
        first = str(getattr(error, "message", error)).splitlines()[0]
        trial = dataclasses.replace(trial, error=first)
    return dataclasses.replace(trial, seconds=round(time.perf_counter() - start, 3))


def _fitted(
    trial: Trial,
    config: ClassifierConfig,
    dataset: Dataset,
    console: Console,
    prune: Callable[[int, float], bool],
    stopped: Callable[[], bool],
) -> Trial:
    training = build_training(config, dataset, console)
    fit, looks = config.fit, []
    best: dict[str, float] = {}
    state: State = "complete"
    while training.step < fit.steps:
        metrics = training.update()
        ends = training.step >= fit.steps
        looking = ends or training.step % fit.eval_every == 0
        if looking or training.step % CHECK_EVERY == 0:
            if stopped():
                raise Stopped
            if not math.isfinite(float(metrics["loss"])):
                state = "diverged"
                break
        if not looking:
            continue
        means = training.evaluate(dataset.validation)
        if not math.isfinite(means["loss"]):
            state = "diverged"
            break
        looks.append(means["accuracy"])
        if not best or means["accuracy"] > best["accuracy"]:
            best = means
        if not ends and prune(len(looks), means["accuracy"]):
            state = "pruned"
            break
    return dataclasses.replace(
        trial,
        state=state,
        score=best.get("accuracy"),
        loss=best.get("loss"),
        looks=tuple(looks),
        steps=training.step,
    )


def described(values: dict[str, Any]) -> str:
    """Settings as one line: ``learning_rate=0.012 batch_size=64``."""
    return " ".join(f"{name}={short(value)}" for name, value in values.items())


def short(value: Any) -> str:
    """A setting as people write it."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.3g}" if isinstance(value, float) else str(value)
