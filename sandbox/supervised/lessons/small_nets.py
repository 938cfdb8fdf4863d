"""What several lessons train with: a classifier of any layers, and a fit without a run folder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from sandbox.core.seeding import derive_seed
from sandbox.nn.batches import Augment
from sandbox.nn.fit import Pictures, Training
from sandbox.nn.fit_settings import FitSettings
from sandbox.supervised.models import Classifier


class Layers(Classifier):
    """A classifier that is these layers, one after the other."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(*layers)


def fitted(
    make: Callable[[], nn.Module],
    pictures: Pictures,
    seed: int,
    *,
    augment: Augment | None = None,
    look: Callable[[Training], object] | None = None,
    look_every: int = 0,
    **settings: Any,
) -> Training:
    """Train a net to the end of its budget.

    Args:
        make: builds the net; its first weights follow from the seed.
        pictures: to learn from.
        seed: decides first weights, order, augmentation and dropout.
        augment: changes each batch.
        look: called after every `look_every` steps.
        settings: of `FitSettings`.
    """
    torch.manual_seed(derive_seed(seed, "net"))
    training = Training(make(), pictures, FitSettings(**settings), seed=seed, augment=augment)
    while training.step < training.settings.steps:
        training.update()
        if look is not None and training.step % look_every == 0:
            look(training)
    return training
