"""What a classifier of a run answers to pictures that nobody has labelled."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sandbox.core.errors import SandboxError
from sandbox.core.run import Run
from sandbox.supervised.config import ClassifierConfig
from sandbox.supervised.looks import Looks
from sandbox.supervised.models import Classifier
from sandbox.supervised.opened import pictures_of
from sandbox.supervised.prediction.familiarity import (
    Familiarity,
    kept_familiarity,
    measure_familiarity,
    seen,
    write_familiarity,
)
from sandbox.ui.console import Console


@dataclass(frozen=True)
class Answer:
    """What is said of one picture."""

    ranked: tuple[tuple[str, float], ...]
    """all classes with their probabilities, the most likely one first"""
    familiar: bool | None
    """whether the picture is like what was learned from; None where nobody knows"""
    as_far: float | None
    """the part of the validation pictures that are at least as unlike"""


@torch.inference_mode()
def answer(
    model: Classifier, picture: Tensor, classes: tuple[str, ...], known: Familiarity | None, looks: Looks
) -> Answer:
    """The answer to a picture (channels, height, width) uint8.

    Args:
        model: in evaluation mode.
        picture: as the network sees it.
        classes: the names of its answers.
        known: how sure it may be; None for what its logits say.
        looks: copies to look at, too; every picture is altered in the same ways.
    """
    device = next(model.parameters()).device
    temperature = 1.0 if known is None else known.temperature
    images = picture[None].to(device)
    features, logits = seen(model, images)
    if looks.copies:
        scores = looks.log_probabilities(model, images, looks.generator(device), temperature)[0].cpu()
    else:
        scores = (logits[0] / temperature).log_softmax(0)
    probabilities, familiar, as_far = scores.exp(), None, None
    if known is not None:
        distance = float(known.distance(features))
        probabilities, familiar = known.tempered(scores, distance)
        as_far = known.as_far(distance)
    order = scores.argsort(descending=True, stable=True).tolist()  # flattened ones may be equal
    return Answer(tuple((classes[place], float(probabilities[place])) for place in order), familiar, as_far)


def knowledge(
    run: Run, config: ClassifierConfig, step: int, model: Classifier, data_dir: str | None, console: Console
) -> Familiarity | None:
    """What the run keeps about familiar pictures; computed and kept now, where its data are there."""
    from sandbox.supervised.training import learned_from

    found = kept_familiarity(run, step)
    if found is not None:
        return found
    try:
        data = pictures_of(run, config, console, data_dir)
    except SandboxError as error:
        console.note(f"warning: cannot tell familiar pictures from others without the data: {error.message}")
        return None
    console.note("learning what is familiar, once: it is kept with the run")
    found = measure_familiarity(model, learned_from(config, data), data.validation, step)
    try:
        write_familiarity(run, found)
    except OSError as error:
        console.note(f"warning: it cannot be kept: {error.strerror or error}")
    return found
