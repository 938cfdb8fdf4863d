"""Small things to fit, and made-up pictures to fit them to."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sandbox.nn.batches import Batch
from sandbox.nn.fit import Training
from sandbox.nn.fit_settings import FitSettings


class MadeUp:
    """`count` random pictures (count, 1, 8, 8) of classes that their brightness tells apart."""

    def __init__(self, count: int = 24, classes: int = 3, seed: int = 0) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.labels = torch.arange(count) % classes
        bright = (255 * self.labels // classes)[:, None, None, None]
        self.images = (torch.randint(0, 85, (count, 1, 8, 8), generator=generator) + bright).to(torch.uint8)


class Numbered:
    """`count` grey pictures whose label is their row."""

    def __init__(self, count: int) -> None:
        self.labels = torch.arange(count)
        self.images = torch.zeros(count, 1, 8, 8, dtype=torch.uint8)


class Classifier(nn.Module):
    """Everything that can make a resumed run differ: dropout, batch norm, and noise of its own."""

    def __init__(self, noise: float = 0.1) -> None:
        super().__init__()
        self.noise = noise
        self.body = nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.2), nn.Flatten(), nn.Linear(144, 3)
        )

    def loss(self, batch: Batch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        noise = torch.randn(batch.images.shape, generator=generator)
        logits = self.body(batch.images + self.noise * noise).float()
        accuracy = (logits.detach().argmax(1) == batch.labels).float().mean()
        return F.cross_entropy(logits, batch.labels), {"accuracy": accuracy}


class Watched(nn.Module):
    """A linear model that keeps what its loss was given."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(64, 1)
        self.seen: list[Batch] = []

    def loss(self, batch: Batch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        self.seen.append(batch)
        return self.layer(batch.images.flatten(1)).square().mean(), {}

    @property
    def rows(self) -> list[list[int]]:
        return [batch.labels.tolist() for batch in self.seen]


def fitted(
    model: nn.Module, pictures: Any = None, *, seed: int = 0, augment: Any = None, **settings: Any
) -> Training:
    """A `Training` of `model` that has not begun."""
    chosen = {"steps": 20, "batch_size": 8, "schedule": "constant", **settings}
    return Training(model, pictures or MadeUp(), FitSettings(**chosen), seed=seed, augment=augment)


def classifier(seed: int = 0, **options: Any) -> Classifier:
    """A new `Classifier`; its weights follow from the seed."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Classifier(**options)


def same(one: Any, other: Any) -> bool:
    """Whether two trees of dicts and tensors hold the same bits."""
    if isinstance(one, Tensor):
        return isinstance(other, Tensor) and torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return bool(one == other)
