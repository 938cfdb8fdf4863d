"""Who judges pictures: a callable that says what it sees in them, and as what it would class them.

Any callable of this form will do; the features of Inception, as most papers have them, are plugged in so:

    import torch
    from torchvision.models import Inception_V3_Weights, inception_v3

    weights = Inception_V3_Weights.DEFAULT
    network, prepare = inception_v3(weights=weights).eval(), weights.transforms()
    network.fc = torch.nn.Identity()

    @torch.inference_mode()
    def inception(images):
        colour = images.expand(-1, 3, -1, -1)
        return Judged(torch.cat([network(prepare(part)) for part in colour.split(100)]), None)

    Yardstick(inception, dataset.test, dataset.train, 10_000).measure(pictures)
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from generative.passes import pass_size
from sandbox.supervised.models import Classifier
from sandbox.supervised.prediction.familiarity import seen


class Judged(NamedTuple):
    """What a judge makes of n pictures."""

    features: Tensor
    """(n, d) float32, on the CPU: in them distances are measured"""
    answers: Tensor | None
    """(n,) int64, on the CPU: index of the class of each, as the data set has them; None, if it knows none"""


class Judge(Protocol):
    """Looks at pictures."""

    def __call__(self, images: Tensor, /) -> Judged:
        """What it makes of pictures (n, channels, height, width) uint8."""
        ...


class ClassifierJudge:
    """A classifier's answers, and what its last layer sees (behind the last activation).

    Args:
        model: in evaluation mode, with one linear layer at least.
    """

    def __init__(self, model: Classifier) -> None:
        self.model = model

    def __call__(self, images: Tensor, /) -> Judged:
        size = pass_size(_shape(images))
        parts = [seen(self.model, part) for part in images.split(size)]
        features, logits = (torch.cat(each) for each in zip(*parts, strict=True))
        return Judged(features, logits.argmax(1))


class FeatureJudge:
    """What a classifier's last layer sees, without answers: of data that have no classes.

    Args:
        model: as above; it need not have learned anything.
    """

    def __init__(self, model: Classifier) -> None:
        self._classifier = ClassifierJudge(model)

    def __call__(self, images: Tensor, /) -> Judged:
        return Judged(self._classifier(images).features, None)


def _shape(images: Tensor) -> tuple[int, int, int]:
    channels, height, width = images.shape[1:]
    return channels, height, width
