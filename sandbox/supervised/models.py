"""The classifiers: from one linear layer to the shared backbone."""

from __future__ import annotations

import math

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

    body: nn.Sequential
    label_smoothing: float = 0.0
    """in training, this part of the truth is spread over all classes (Szegedy et al. 2016)"""
    mixup: float = 0.0
    """in training, pictures are mixed in pairs, by shares from Beta(mixup, mixup); 0 for not at all"""

    def forward(self, images: Tensor) -> Tensor:
        """Logits (batch, classes) of pictures (batch, channels, height, width) in [−1, 1]."""
        return self.body(images)

    def scales(self, images: Tensor) -> dict[str, Tensor]:
        """Feature maps by their names, finest first; see `sandbox.nn.explain.Eyes`."""
        del images  # dense layers have none
        return {}

    def first_kernels(self) -> Tensor:
        """What the first layer multiplies pictures with: (kernels, channels, height, width)."""
        raise NotImplementedError

    def evidence(self, images: Tensor) -> tuple[Tensor | None, Tensor]:
        """What the logits are made of, and the logits; see `sandbox.nn.explain.Judge`."""
        return None, self(images)

    def answer(self, features: Tensor) -> Tensor:
        """Logits (batch, classes) of what a body gives that learned elsewhere."""
        raise NotImplementedError(f"{type(self).__name__} has no body that could be frozen")

    def loss(self, batch: Batch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean cross-entropy in nats, and the accuracy (of mixed pictures: to the larger one's class).

        Smoothing and mixing are for training: evaluation knows neither.
        """
        answer, seen = (self, batch.images) if batch.features is None else (self.answer, batch.features)
        smoothing = self.label_smoothing if self.training else 0.0
        if self.training and self.mixup:
            share, others = mixed(len(batch), self.mixup, generator)
            logits = answer(torch.lerp(seen[others], seen, share)).float()
            loss, other = (
                F.cross_entropy(logits, labels, label_smoothing=smoothing)
                for labels in (batch.labels, batch.labels[others])
            )
            loss = share * loss + (1 - share) * other
        else:
            logits = answer(seen).float()
            loss = F.cross_entropy(logits, batch.labels, label_smoothing=smoothing)
        accuracy = (logits.detach().argmax(1) == batch.labels).float().mean()
        return loss, {"accuracy": accuracy}


def mixed(count: int, alpha: float, generator: torch.Generator) -> tuple[float, Tensor]:
    """With what the pictures of a batch are mixed (Zhang et al. 2018, "mixup").

    Returns:
        The share of each picture itself, from Beta(alpha, alpha) and at least a half, and the rows (count,)
        of the others.
    """
    from scipy.special import betaincinv  # torch's own Beta takes no generator

    drawn = float(torch.rand((), generator=generator, device=generator.device))
    share = float(betaincinv(alpha, alpha, drawn))
    others = torch.randperm(count, generator=generator, device=generator.device)
    return max(share, 1 - share), others


class Dense(Classifier):
    """Dense layers only: each unit of the first one weighs all pixels of a picture of `shape`."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.shape = shape

    def first_kernels(self) -> Tensor:
        weight = self.body[1].weight
        assert isinstance(weight, Tensor)
        return weight.reshape(-1, *self.shape)


class Linear(Dense):
    """One linear layer on the pixels: logistic regression."""

    def __init__(self, shape: tuple[int, int, int], classes: int) -> None:
        super().__init__(shape)
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(math.prod(shape), classes))


class MLP(Dense):
    """Two dense layers of 512 units: what a course starts with."""

    def __init__(self, shape: tuple[int, int, int], classes: int) -> None:
        super().__init__(shape)
        self.body = nn.Sequential(
            nn.Flatten(),
            nn.Linear(math.prod(shape), 512),
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

    def scales(self, images: Tensor) -> dict[str, Tensor]:
        return self._seen(images)[0]

    def first_kernels(self) -> Tensor:
        weight = self.body[0].weight
        assert isinstance(weight, Tensor)
        return weight

    def evidence(self, images: Tensor) -> tuple[Tensor, Tensor]:
        maps, logits = self._seen(images)
        return list(maps.values())[-1], logits

    def _seen(self, images: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """What comes out of each convolution and its ReLU, before it is pooled, and the logits."""
        maps, x = {}, images
        for layer in self.body:
            x = layer(x)
            if isinstance(layer, nn.ReLU) and x.ndim == 4:
                maps[f"layer {len(maps) + 1}"] = x
        return maps, x


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
        return self.answer(self.features(images))

    def features(self, images: Tensor) -> Tensor:
        """The backbone's last features (batch, channels, rows, columns)."""
        return self.backbone(images)[-1]

    def answer(self, features: Tensor) -> Tensor:
        return self.head(features)

    def stages(self) -> list[nn.Module]:
        """The backbone's stem and stages, lowest first."""
        return [self.backbone.stem, *self.backbone.stages]

    def scales(self, images: Tensor) -> dict[str, Tensor]:
        return self.backbone.scales(images)

    def first_kernels(self) -> Tensor:
        return self.backbone.first_kernels()

    def evidence(self, images: Tensor) -> tuple[Tensor, Tensor]:
        # Behind the norm: before it, making all features twice as large would change nothing.
        features = self.head[:2](self.features(images))
        return features, self.head[2:](features)


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
