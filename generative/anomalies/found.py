"""Scores of pictures, with the statistics that a run keeps for them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from generative.anomalies.given import Given
from generative.anomalies.normality import (
    Normality,
    Scores,
    kept_normality,
    measure_normality,
    write_normality,
)
from generative.anomalies.parts import parts_of
from generative.anomalies.separation import Floats, Separation, separation
from generative.opened import Opened, pictures_of
from generative.pictures import learned_from
from generative.weights import weights_sum
from sandbox.core.errors import UsageError
from sandbox.data.pictures import Dataset
from sandbox.ui.console import Console

LIMITS = (0.95, 0.99)
"""parts of the held-out normal pictures beyond which it is told how many pictures are"""


@dataclass(frozen=True, eq=False)
class Found:
    """How unusual pictures are."""

    normality: Normality
    scores: Scores
    separation: Separation | None
    """None where labels do not say which are normal"""

    def beyond(self, part: float) -> float:
        """The part of the pictures that are more unusual than a `part` of the held-out normal ones."""
        return float((self.scores.score > self.normality.limit(part)).float().mean())


def score_pictures(opened: Opened, given: Given, normality: Normality) -> Found:
    """Score pictures, and measure how well that tells normal ones from others, where labels say which are."""
    scores = normality.scores(parts_of(opened.coder, given.pictures))
    if given.normal is None:
        return Found(normality, scores, None)
    return Found(normality, scores, separation(*groups(scores, given)))


def groups(scores: Scores, given: Given) -> tuple[Floats, Floats]:
    """The scores of the normal pictures and of the others."""
    assert given.normal is not None
    values, normal = scores.score.numpy().astype(np.float64), given.normal.numpy()
    return values[normal], values[~normal]


def check_model(opened: Opened) -> None:
    """Raises UsageError for a model that has to be told the class of what it looks at."""
    if opened.model.classes:
        raise UsageError(
            f"{opened.run.name} is class-conditional: it has to be told what a picture shows, "
            "and of a stranger nobody can",
            hint="train without --class-conditional, or on one class: --only",
        )


def normality_of(opened: Opened, console: Console, data_dir: str | None = None) -> Normality:
    """What the run keeps about usual pictures; computed and kept now, where it keeps nothing.

    Raises:
        SandboxError: that takes the run's data, and they are not there, damaged, or too few.
    """
    weights = weights_sum(opened.coder)
    found = kept_normality(opened.run, weights)
    if found is not None:
        return found
    console.note("learning what is usual, once: it is kept with the run")
    found = learned_normality(opened, pictures_of(opened.run, opened.config, console, data_dir), weights)
    try:
        write_normality(opened.run, found)
    except OSError as error:
        console.note(f"warning: it cannot be kept: {error.strerror or error}")
    return found


def learned_normality(opened: Opened, dataset: Dataset, weights: str | None = None) -> Normality:
    """Compute what is usual: to the model, of the classes that it learned from; raises UsageError."""
    splits = learned_from(opened.config, dataset)
    return measure_normality(
        opened.coder, splits.train, splits.validation, weights or weights_sum(opened.coder)
    )
