"""The classifiers, their loss and their measure, against slow and obvious versions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from sandbox.core.errors import UnknownName
from sandbox.data.pictures import Pictures
from sandbox.nn.batches import Batch
from sandbox.nn.fit import Training
from sandbox.nn.fit_settings import FitSettings
from sandbox.supervised import measure as measuring
from sandbox.supervised.measure import Measured, measure
from sandbox.supervised.models import MODELS, Classifier, build_classifier
from tests.nn.learners import MadeUp

every_model = pytest.mark.parametrize("model", MODELS)


class Given(Classifier):
    """Its logits are the first pixels of each picture."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes, self.unused = classes, nn.Parameter(torch.zeros(()))

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1)[:, : self.classes] + self.unused


@settings(max_examples=30)
@given(st.integers(1, 9), st.integers(2, 6), st.integers(0, 99))
def test_the_loss_is_the_mean_of_minus_the_log_of_the_right_probability(
    batch: int, classes: int, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    images = 6 * torch.rand(batch, 1, 4, 4, generator=generator) - 3
    labels = torch.randint(0, classes, (batch,), generator=generator)
    loss, metrics = Given(classes).loss(Batch(images, labels), generator)
    losses, right = [], 0
    for picture, label in zip(images.flatten(1)[:, :classes].tolist(), labels.tolist(), strict=True):
        powers = [math.exp(logit) for logit in picture]
        losses.append(-math.log(powers[label] / sum(powers)))
        right += max(range(classes), key=picture.__getitem__) == label
    assert float(loss.detach()) == pytest.approx(sum(losses) / batch, rel=1e-4)
    assert float(metrics["accuracy"]) == pytest.approx(right / batch)
    assert loss.requires_grad
    assert not metrics["accuracy"].requires_grad


@settings(max_examples=30)
@given(st.integers(1, 40), st.integers(2, 5), st.integers(1, 13), st.integers(0, 99))
def test_measuring_counts_every_picture_once(count: int, classes: int, size: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (count, 1, 4, 4), generator=generator).to(torch.uint8)
    labels = torch.randint(0, classes, (count,), generator=generator)
    names = tuple("abcde"[:classes])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measuring, "BATCH", size)
        found = measure(Given(classes), Pictures(images, labels, names), torch.device("cpu"))
    wanted = np.zeros((classes, classes), dtype=int)
    loss = 0.0
    for picture, label in zip(images.flatten(1)[:, :classes].double() / 127.5 - 1, labels, strict=True):
        wanted[int(label), int(picture.argmax())] += 1
        loss -= float(picture.log_softmax(0)[label]) / count
    assert found.confusion.tolist() == wanted.tolist()
    assert (found.n, found.right) == (count, wanted.trace())
    assert found.loss == pytest.approx(loss, rel=1e-4)


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_the_interval_is_wilsons(n: int, part: float) -> None:
    right = round(n * part)
    low, high = Measured(np.array([[right, 0], [n - right, 0]]), 0.0).interval
    z, p = 1.959963984540054, right / n
    middle, width = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    assert low == pytest.approx((middle - width) / (1 + z * z / n), abs=1e-9)
    assert high == pytest.approx((middle + width) / (1 + z * z / n), abs=1e-9)


def test_the_table_names_the_class_that_another_is_most_often_taken_for() -> None:
    table = Measured(np.array([[8, 1, 3], [0, 5, 0], [0, 0, 0]]), 0.0).table(["a", "b", "c"])
    assert table == [
        ["a", 12, 1.0, 0.6667, 0.8, "c (3)"],
        ["b", 5, 0.8333, 1.0, 0.9091, ""],
        ["c", 0, 0.0, None, 0.0, ""],  # never shown, and three times wrongly recognised
    ]


@every_model
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 28, 28), (2, 13, 9)])
def test_every_model_takes_pictures_of_any_size(model: str, shape: tuple[int, int, int]) -> None:
    assert build_classifier(model, shape, 7)(torch.zeros(2, *shape)).shape == (2, 7)


@every_model
def test_every_model_learns_32_pictures_by_heart(model: str) -> None:
    pictures = MadeUp(32)
    pictures.labels = torch.randint(0, 3, (32,), generator=torch.Generator().manual_seed(1))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_classifier(model, (1, 8, 8), 3, "tiny")
    settings_ = FitSettings(steps=900, batch_size=32, learning_rate=0.005, optimizer="adam")
    training = Training(network, pictures, settings_, seed=0)
    while training.step < 900 and training.evaluate(pictures)["accuracy"] < 1:
        training.update()
    assert training.evaluate(pictures)["accuracy"] == 1


def test_in_evaluation_every_picture_is_judged_alone() -> None:
    images = torch.rand(5, 1, 8, 8) * 2 - 1
    for model in MODELS:
        network = build_classifier(model, (1, 8, 8), 3, "tiny").eval()
        alone = torch.cat([network(image[None]) for image in images])
        torch.testing.assert_close(network(images), alone, rtol=1e-4, atol=1e-5)


def test_an_unknown_model_is_refused_with_a_suggestion() -> None:
    with pytest.raises(UnknownName, match="unknown model 'cn': did you mean 'cnn'"):
        build_classifier("cn", (1, 8, 8), 3)
