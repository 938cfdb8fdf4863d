"""The classifiers: from one linear layer to the shared backbone."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sandbox.core.errors import UnknownName
from sandbox.nn.backbone import Backbone, build_backbone
from sandbox.nn.batches import Batch
from sandbox.nn.blocks import group_norm

GRID = 4
"""The backbone's last features are averaged to a grid of 4×4: where something is stays known, roughly."""


class Classifier(nn.Module):
    """Gives each picture a score for each class. A subclass says how, in `body`."""

    body: nn.Module

    def forward(self, images: Tensor) -> Tensor:
        """Logits (batch, classes) of pictures (batch, channels, height, width) in [−1, 1]."""
        return self.body(images)

    def loss(self, batch: Batch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean cross-entropy in nats, and the accuracy."""
        del generator  # nothing is drawn
        logits = self(batch.images).float()
        accuracy = (logits.detach().argmax(1) == batch.labels).float().mean()
        return F.cross_entropy(logits, batch.labels), {"accuracy": accuracy}


class Linear(Classifier):
    """One linear layer on the pixels: logistic regression."""

    def __init__(self, shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        channels, height, width = shape
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(channels * height * width, classes))


class MLP(Classifier):
    """Two dense layers of 512 units: what a course starts with."""

    def __init__(self, shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        channels, height, width = shape
        self.body = nn.Sequential(
            nn.Flatten(),
            nn.Linear(channels * height * width, 512),
            nn.ReLU(),
            nn.Linear(512, 512),
            nn.ReLU(),
            nn.Linear(512, classes),
        )


class CNN(Classifier):
    """Three convolutions with batch norm and pooling, then a dense layer: what a course goes on to."""

    def __init__(self, shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        channels, height, width = shape
        cells = -(-height // 8) * -(-width // 8)
        self.body = nn.Sequential(
            *_convolution(channels, 25),
            *_convolution(25, 50, dropout=0.2),
            *_convolution(50, 75),
            nn.Flatten(),
            nn.Linear(75 * cells, 512),
            nn.Dropout(0.3),
            nn.ReLU(),
            nn.Linear(512, classes),
        )


def _convolution(before: int, after: int, dropout: float = 0.0) -> list[nn.Module]:
    layers = [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU()]
    return [*layers, nn.Dropout(dropout), nn.MaxPool2d(2, ceil_mode=True)]


class BackboneClassifier(Classifier):
    """The shared backbone, and one linear layer on its last features.

    Args:
        backbone: may have learned elsewhere.
        classes: how many.
    """

    def __init__(self, backbone: Backbone, classes: int) -> None:
        super().__init__()
        self.backbone = backbone
        width = backbone.channels[-1]
        self.head = nn.Sequential(
            group_norm(width),
            nn.SiLU(),
            nn.AdaptiveAvgPool2d(GRID),
            nn.Flatten(),
            nn.Linear(width * GRID**2, classes),
        )

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.backbone(images)[-1])


PLAIN: dict[str, type[Linear] | type[MLP] | type[CNN]] = {"linear": Linear, "mlp": MLP, "cnn": CNN}
MODELS = (*PLAIN, "backbone")


def build_classifier(
    model: str, shape: tuple[int, int, int], classes: int, backbone: str = "small"
) -> Classifier:
    """A new classifier called `model`, one of `MODELS`, for pictures of `shape` (channels, height, width).

    Raises:
        UnknownName: there is no such model or backbone.
    """
    if model in PLAIN:
        return PLAIN[model](shape, classes)
    if model != "backbone":
        raise UnknownName("model", model, list(MODELS))
    return BackboneClassifier(build_backbone(backbone, shape[0]), classes)
