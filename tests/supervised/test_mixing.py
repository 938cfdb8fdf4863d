"""Mixed pictures and smoothed labels, against slow and obvious versions."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor
from torch.nn import functional as F

from sandbox.nn.batches import Batch
from sandbox.supervised.models import Classifier, build_classifier, mixed

CLASSES = 4


def batch(seed: int, count: int = 6) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, CLASSES, (count,), generator=generator)
    return Batch(2 * torch.rand(count, 1, 4, 4, generator=generator) - 1, labels)


def model(mixup: float = 0.0, smoothing: float = 0.0) -> Classifier:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = build_classifier("linear", (1, 4, 4), CLASSES)
    made.mixup, made.label_smoothing = mixup, smoothing
    return made


def slow_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Cross-entropy with a distribution (batch, classes) as the truth."""
    return -(truth * F.log_softmax(logits, 1)).sum(1).mean()


@settings(max_examples=25)
@given(st.integers(0, 99), st.floats(0.05, 5), st.floats(0, 0.5))
def test_a_mixed_picture_should_be_answered_by_both_classes(
    seed: int, alpha: float, smoothing: float
) -> None:
    given_batch, net = batch(seed), model(alpha, smoothing)
    loss, _ = net.loss(given_batch, torch.Generator().manual_seed(seed))
    share, others = mixed(6, alpha, torch.Generator().manual_seed(seed))
    one_hot = F.one_hot(given_batch.labels, CLASSES) * (1 - smoothing) + smoothing / CLASSES
    images, truth = given_batch.images, share * one_hot + (1 - share) * one_hot[others]
    logits = net(share * images + (1 - share) * images[others])
    assert float(loss.detach()) == pytest.approx(float(slow_loss(logits, truth).detach()), rel=1e-4)


def test_shares_come_from_a_beta_distribution() -> None:
    """The larger share of each pair is the picture's own."""
    generator = torch.Generator().manual_seed(0)
    shares = [mixed(2, 0.4, generator)[0] for _ in range(2_000)]
    assert min(shares) >= 0.5
    folded = stats.kstest(shares, lambda share: 2 * stats.beta(0.4, 0.4).cdf(share) - 1)
    assert folded.pvalue > 0.01


def test_evaluation_neither_mixes_nor_smooths() -> None:
    given_batch, generator = batch(3), torch.Generator()
    plain, both = model(), model(0.5, 0.2)
    training = [float(net.train().loss(given_batch, generator)[0].detach()) for net in (plain, both)]
    evaluation = [float(net.eval().loss(given_batch, generator)[0].detach()) for net in (plain, both)]
    assert training[0] != training[1]
    assert evaluation[0] == evaluation[1] == training[0]


def test_a_frozen_body_mixes_what_the_head_sees() -> None:
    given_batch = batch(1)
    net = build_classifier("backbone", (1, 8, 8), CLASSES, "tiny")
    net.mixup = 0.4
    features = torch.rand(6, 48, 1, 1)
    loss, _ = net.loss(Batch(given_batch.images, given_batch.labels, features), torch.Generator())
    share, others = mixed(6, 0.4, torch.Generator())
    logits = net.answer(share * features + (1 - share) * features[others])
    slow = share * F.cross_entropy(logits, given_batch.labels)
    slow = slow + (1 - share) * F.cross_entropy(logits, given_batch.labels[others])
    assert float(loss.detach()) == pytest.approx(float(slow.detach()), rel=1e-5)
