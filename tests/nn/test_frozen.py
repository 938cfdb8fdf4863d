"""A body that learned elsewhere: frozen it stays, its features are what it gives, then it learns slowly."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from sandbox.core.errors import UsageError
from sandbox.nn import frozen
from sandbox.nn.fit import Training
from sandbox.nn.fit_settings import FitSettings
from sandbox.nn.schedules import learning_rate
from sandbox.supervised.models import BackboneClassifier, build_classifier
from tests.nn.learners import MadeUp, classifier, fitted, same

FROZEN = 6


def model(seed: int = 0) -> BackboneClassifier:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        made = build_classifier("backbone", (1, 8, 8), 3, "tiny")
    assert isinstance(made, BackboneClassifier)
    return made


def training(pictures: Any = None, **settings: Any) -> Training:
    chosen = {"steps": 12, "frozen_steps": FROZEN, "learning_rate": 0.01, **settings}
    return fitted(model(), pictures or MadeUp(), **chosen)


def weights(part: nn.Module) -> list[torch.Tensor]:
    return [weight.detach().clone() for weight in part.parameters()]


def moved(before: list[torch.Tensor], part: nn.Module) -> float:
    return max(float((one - other).abs().max()) for one, other in zip(before, weights(part), strict=True))


def test_a_frozen_body_stays_to_the_bit_and_then_learns() -> None:
    run = training(weight_decay=0.1)
    body, head = run.model.backbone, run.model.head
    before, first = weights(body), weights(head)
    for _ in range(FROZEN):
        run.update()
    assert moved(before, body) == 0
    assert moved(first, head) > 0
    run.update()
    assert moved(before, body) > 0


def test_lower_stages_follow_lower_rates() -> None:
    """The rate of plain SGD is how far a weight moves for its gradient."""
    run = training(optimizer="sgd", schedule="constant", fine_rate=0.2, stage_rate=0.5, learning_rate=1e-3)
    for _ in range(FROZEN):
        run.update()
    parts = [*run.model.stages(), run.model.head]
    before = [weights(part) for part in parts]
    run.update()
    for part, old, height in zip(parts, before, (2, 1, 0, 0), strict=True):
        for weight, was in zip(part.parameters(), old, strict=True):
            assert weight.grad is not None
            rate = 1e-3 * 0.2 * 0.5**height
            assert torch.allclose(was - weight.detach(), rate * weight.grad, atol=1e-7)


def test_the_head_learns_the_same_from_kept_features_as_from_new_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept, new = training(), training()
    for _ in range(FROZEN):
        kept.update()
    monkeypatch.setattr(frozen, "MOST_KEPT_BYTES", 0)
    for _ in range(FROZEN):
        new.update()
    for one, other in zip(weights(kept.model), weights(new.model), strict=True):
        assert torch.allclose(one, other, atol=1e-5)
    assert kept.evaluate(MadeUp(9)) == pytest.approx(new.evaluate(MadeUp(9)), rel=1e-4)


def test_features_are_computed_once_for_each_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    run, validation = training(steps=30, frozen_steps=30), MadeUp(9)
    asked: list[int] = []
    features = run.model.features

    def counted(images: torch.Tensor) -> torch.Tensor:
        asked.append(len(images))
        return features(images)

    monkeypatch.setattr(run.model, "features", counted)
    for _ in range(30):
        run.update()
        run.evaluate(validation)
    assert sum(asked) == len(run.images) + 9


def test_augmented_pictures_are_seen_anew_each_time() -> None:
    def noisy(pictures: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        return (pictures + 0.1 * torch.rand(pictures.shape, generator=generator)).clamp(0, 1)

    run = fitted(model(), frozen_steps=20, augment=noisy, batch_size=24)
    one, other = run.batch(0), run.batch(0)
    assert one.features is not None
    assert other.features is not None
    assert not torch.equal(one.features, other.features)


def test_a_look_right_after_thawing_sees_the_body_as_it_is_then() -> None:
    run, validation = training(), MadeUp(9)
    for _ in range(FROZEN):
        run.update()
    assert run.evaluate(validation)["loss"] == pytest.approx(_slow_loss(run, validation), rel=1e-5)
    for _ in range(3):
        run.update()
    assert run.evaluate(validation)["loss"] == pytest.approx(_slow_loss(run, validation), rel=1e-5)


def _slow_loss(run: Training, pictures: MadeUp) -> float:
    with torch.no_grad():
        logits = run.learned.eval()(pictures.images / 127.5 - 1)
    return float(nn.functional.cross_entropy(logits, pictures.labels))


@pytest.mark.parametrize("stop", [3, FROZEN, 9])
def test_a_stopped_run_goes_on_to_the_same_bits(stop: int) -> None:
    whole, stopped, resumed = (training(ema_decay=0.9) for _ in range(3))
    for _ in range(12):
        whole.update()
    for _ in range(stop):
        stopped.update()
    resumed.evaluate(MadeUp(9))  # whatever it kept is of other weights
    resumed.load_state_dict(stopped.state_dict())
    for _ in range(12 - stop):
        resumed.update()
    assert same(whole.state_dict(), resumed.state_dict())
    assert whole.evaluate(MadeUp(9)) == resumed.evaluate(MadeUp(9))


def test_pictures_that_come_and_go_are_never_taken_for_others() -> None:
    run = training()
    losses = [run.evaluate(MadeUp(6, seed=seed))["loss"] for seed in range(8)]
    again = [training().evaluate(MadeUp(6, seed=seed))["loss"] for seed in range(8)]
    assert losses == pytest.approx(again)


def test_nothing_is_kept_once_the_body_learns() -> None:
    run = training()
    for _ in range(FROZEN):
        run.update()
    assert run._body is not None
    assert run._body._kept
    run.update()
    assert not run._body._kept


def test_both_parts_of_the_budget_follow_the_whole_schedule() -> None:
    settings = FitSettings(steps=30, frozen_steps=10, schedule="cosine", learning_rate=1.0, fine_rate=0.1)
    alone = FitSettings(steps=10, schedule="cosine", learning_rate=1.0)
    rates = [learning_rate(settings, done) for done in range(30)]
    assert rates[:10] == [learning_rate(alone, done) for done in range(10)]
    assert rates[10] == pytest.approx(0.1)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert learning_rate(settings, 30) == pytest.approx(0.0)


def test_a_model_without_a_body_cannot_be_frozen() -> None:
    with pytest.raises(UsageError, match="needs a model with a backbone"):
        fitted(classifier(), frozen_steps=3)
