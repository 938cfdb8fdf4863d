"""Pictures that a network makes up: liked for what they are made for, and the same for the same seed."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from sandbox.data.catalog import load
from sandbox.nn.backbone import Backbone
from sandbox.nn.maximisation import liked_channel, liked_class, maximised
from sandbox.supervised.models import MLP, Classifier, Linear, build_classifier

GROUND = torch.full((1, 8, 8), -0.5)


class Fixed(Classifier):
    """Says the same of every picture."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, images: Tensor) -> Tensor:
        return self.logits.expand(len(images), -1)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-8, 8), min_size=2, max_size=6), st.data())
def test_a_class_is_liked_by_its_log_odds(logits: list[float], data: st.DataObject) -> None:
    chosen = data.draw(st.integers(0, len(logits) - 1))
    judge = Fixed(torch.tensor([logits]))
    found = liked_class(judge, torch.tensor([chosen]))(torch.zeros(1, 1, 2, 2))
    chance = torch.tensor(logits, dtype=torch.float64).softmax(0)[chosen]
    assert float(found) == pytest.approx(float(torch.logit(chance)), abs=1e-3)


def learned(model: str) -> Classifier:
    """A classifier that has seen the digits for a moment."""
    torch.manual_seed(0)
    pictures = load("digits").train
    judge = build_classifier(model, pictures.shape, 10, "tiny")
    optimizer = torch.optim.Adam(judge.parameters(), 3e-2 if model == "linear" else 2e-3)
    for step in range(80):
        rows = torch.arange(step * 64, step * 64 + 64) % len(pictures)
        images, labels = pictures.images[rows].float() / 127.5 - 1, pictures.labels[rows]
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(judge(images), labels).backward()
        optimizer.step()
    return judge.eval()


@pytest.mark.parametrize("model", ["linear", "mlp", "cnn", "backbone"])
def test_pictures_made_for_a_class_are_taken_for_it(model: str) -> None:
    judge, classes = learned(model), torch.arange(10)
    made = maximised(liked_class(judge, classes), GROUND, 10)
    assert made.shape == (10, 1, 8, 8)
    assert made.abs().max() <= 1
    with torch.no_grad():
        chances = judge(made).softmax(1)[classes, classes]
    assert (chances > 0.9).sum() >= 9


def test_the_seed_decides() -> None:
    judge = MLP((1, 8, 8), 10)
    goal = liked_class(judge, torch.tensor([3, 4]))
    one, two, other = (maximised(goal, GROUND, 2, seed) for seed in (1, 1, 2))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)


@pytest.mark.parametrize("everywhere", [False, True])
def test_a_channel_gets_higher_than_in_noise(everywhere: bool) -> None:
    torch.manual_seed(0)
    backbone = Backbone(3, (8, 16))
    goal = liked_channel(backbone, "stage 1", 7, everywhere=everywhere)
    ground = torch.zeros(3, 12, 12)
    made = maximised(goal, ground, 3)
    with torch.no_grad():
        noise = ground + 0.3 * torch.randn(100, 3, 12, 12)
        assert goal(made).min() > goal(noise).max()
        heights = backbone(made)[1][:, 7]  # (3, 6, 6)
        torch.testing.assert_close(goal(made), heights.mean((1, 2)) if everywhere else heights[:, 3, 3])


def test_what_changes_nothing_fades_to_the_ground() -> None:
    judge = Linear((1, 8, 8), 2)
    with torch.no_grad():
        judge.first_kernels().zero_()
    made = maximised(liked_class(judge, torch.tensor([0])), GROUND, 1)
    assert (made - GROUND).abs().max() < 0.1
