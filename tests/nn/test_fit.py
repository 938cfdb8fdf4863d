"""One step of a fit, and one look: what they see, what they draw, and what they leave alone."""

from __future__ import annotations

import shutil
import time
from copy import deepcopy
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from sandbox.core.errors import CheckpointBroken
from sandbox.nn import fit as fit_module
from sandbox.nn.batches import batch_rows
from sandbox.nn.fit import Training
from sandbox.nn.fit_run import steps_in
from tests.nn.learners import Classifier, MadeUp, Numbered, Watched, classifier, fitted, same


def noisy(pictures: Tensor, generator: torch.Generator) -> Tensor:
    return (pictures + 0.1 * torch.rand(pictures.shape, generator=generator)).clamp(0, 1)


def after(training: Training, steps: int) -> Training:
    while training.step < steps:
        training.update()
    return training


# What a step sees


def test_each_step_sees_its_slice_of_the_order() -> None:
    training = fitted(model := Watched(), Numbered(10), batch_size=4, seed=3)
    after(training, 6)
    assert model.rows == [batch_rows(3, step, 4, 10).tolist() for step in range(6)]
    assert training.steps_per_epoch == 3


def test_a_restored_training_sees_the_rows_that_would_have_come_next() -> None:
    whole, stopped = (fitted(Watched(), Numbered(10), batch_size=4) for _ in range(2))
    after(whole, 7)
    after(stopped, 3)
    again = fitted(resumed := Watched(), Numbered(10), batch_size=4)
    again.load_state_dict(deepcopy(stopped.state_dict()))
    after(again, 7)
    assert resumed.rows == whole.model.rows[3:]  # type: ignore[union-attr, index]


def test_what_a_step_draws_follows_from_seed_and_step_alone() -> None:
    """Augmentation, noise and dropout: a step in the middle is the same with and without those before."""
    one = after(fitted(classifier(), augment=noisy), 4)
    other = fitted(classifier(), augment=noisy)
    other.load_state_dict(deepcopy(one.state_dict()))
    torch.manual_seed(99)
    torch.rand(1_000)
    one.update()
    other.update()
    assert same(one.state_dict(), other.state_dict())


def test_steps_and_seeds_augment_differently() -> None:
    """Each step sees the whole of the same twelve pictures, in another order, and no pixel alike."""

    def sums(seed: int, augment: Any) -> set[float]:
        after(fitted(model := Watched(), MadeUp(12), batch_size=12, seed=seed, augment=augment), 3)
        return {round(float(batch.images.double().sum()), 3) for batch in model.seen}

    assert len(sums(0, noisy) | sums(1, noisy)) == 6
    assert len(sums(0, None) | sums(1, None)) == 1


def test_a_model_in_training_drops_out_and_one_that_is_looked_at_does_not() -> None:
    modes: list[bool] = []

    class Asked(Classifier):
        def loss(self, batch: Any, generator: torch.Generator) -> Any:
            modes.append(self.training)
            return super().loss(batch, generator)

    training = fitted(Asked())
    training.update()
    training.evaluate(MadeUp())
    training.update()
    assert modes == [True, False, True]


def test_labels_stay_beside_their_pictures() -> None:
    """Each made-up picture is as bright as its class."""
    training = after(fitted(model := Watched(), MadeUp(24, classes=3), batch_size=7), 5)
    for batch in model.seen:
        bright = ((batch.images.amax((1, 2, 3)) + 1) * 127.5 // 85).long().clamp(max=2)
        assert bright.tolist() == batch.labels.tolist()
    assert training.step == 5


# Settings


def test_a_step_uses_the_rate_of_the_schedule() -> None:
    training = fitted(Watched(), optimizer="sgd", schedule="step", steps=8, learning_rate=1.0)
    rates = []
    for _ in range(8):
        training.update()
        rates.append(training.optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx([1.0] * 4 + [0.1] * 2 + [0.01] * 2)


@pytest.mark.parametrize("longest", [0.0, 0.01])
def test_a_step_is_no_longer_than_a_clipped_gradient_allows(longest: float) -> None:
    training = fitted(Watched(), optimizer="sgd", learning_rate=1.0, clip_norm=longest)
    before = nn.utils.parameters_to_vector(training.model.parameters()).clone()
    metrics = training.update()
    moved = float((nn.utils.parameters_to_vector(training.model.parameters()) - before).detach().norm())
    if longest:
        assert moved == pytest.approx(longest, rel=1e-3)
        assert float(metrics["gradient"]) > longest
    else:
        assert moved > 0.01
        assert "gradient" not in metrics


def test_autocast_computes_in_bfloat16_and_keeps_its_weights() -> None:
    types: list[torch.dtype] = []
    model = classifier()
    model.body[-1].register_forward_hook(lambda layer, given, result: types.append(result.dtype))
    training = fitted(model, autocast=True, steps=60, learning_rate=0.01)
    first = float(training.update()["loss"])
    last = float(after(training, 59).update()["loss"])
    training.evaluate(MadeUp())
    assert set(types) == {torch.bfloat16}
    assert {part.dtype for part in model.parameters()} == {torch.float32}
    assert last < first / 2


@pytest.mark.skipif(
    not (shutil.which("g++") or shutil.which("clang++")), reason="torch.compile needs a C++ compiler"
)
def test_a_compiled_step_computes_the_same() -> None:
    plain, compiled = fitted(Watched()), fitted(Watched(), compile=True)
    compiled.model.load_state_dict(plain.model.state_dict())
    trial = deepcopy(compiled)  # what measuring the speed does
    for _ in range(3):
        losses = [float(training.update()["loss"]) for training in (plain, compiled, trial)]
        assert losses == pytest.approx([losses[0]] * 3, rel=1e-4)
    torch.testing.assert_close(compiled.model.state_dict(), plain.model.state_dict())
    assert compiled.evaluate(MadeUp()) == pytest.approx(plain.evaluate(MadeUp()), rel=1e-4)


@pytest.mark.parametrize("ema_decay", [0.0, 0.9])
def test_32_pictures_are_learned_by_heart(ema_decay: float) -> None:
    pictures = MadeUp(32)
    pictures.labels = torch.randint(0, 3, (32,), generator=torch.Generator().manual_seed(1))  # no rule at all
    training = fitted(classifier(noise=0.0), pictures, steps=120, learning_rate=0.01, ema_decay=ema_decay)
    assert training.evaluate(pictures)["accuracy"] < 0.7
    found = after(training, 120).evaluate(pictures)
    assert found["accuracy"] == 1.0
    assert found["loss"] < 0.1


# Looks


def test_a_look_never_augments() -> None:
    calls: list[int] = []

    def counted(pictures: Tensor, generator: torch.Generator) -> Tensor:
        calls.append(len(pictures))
        return pictures

    training = fitted(classifier(), batch_size=8, augment=counted)
    training.evaluate(MadeUp())
    assert calls == []
    training.update()
    assert calls == [8]


def test_looks_draw_the_same_noise_each_time_and_change_nothing() -> None:
    training = after(fitted(classifier(noise=1.0)), 3)
    before = deepcopy(training.state_dict())
    first = training.evaluate(MadeUp())
    torch.rand(17)
    assert training.evaluate(MadeUp()) == first
    assert same(training.state_dict(), before)
    plain = after(fitted(classifier(noise=1.0)), 3)
    training.update()
    plain.update()
    assert same(training.state_dict(), plain.state_dict())


def test_a_look_uses_the_averaged_weights() -> None:
    training = after(fitted(classifier(noise=0.0), ema_decay=0.9, learning_rate=0.01), 10)
    assert training.ema is not None
    assert training.learned is training.ema.average
    alone = fitted(training.ema.average)
    assert training.evaluate(MadeUp()) == alone.evaluate(MadeUp())
    assert training.evaluate(MadeUp()) != fitted(training.model).evaluate(MadeUp())


@settings(max_examples=20)
@given(st.integers(1, 30), st.integers(1, 12))
def test_a_look_is_the_mean_over_all_pictures_however_they_are_batched(count: int, size: int) -> None:
    training, pictures = fitted(Watched()), MadeUp(count)
    images = pictures.images.flatten(1).double() / 127.5 - 1
    weight, bias = (part.detach().double() for part in training.model.parameters())
    wanted = (images @ weight.T + bias).square().mean()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit_module, "EVALUATION_BATCH", size)
        assert training.evaluate(pictures)["loss"] == pytest.approx(float(wanted), rel=1e-4)


def test_of_large_pictures_fewer_are_looked_at_together() -> None:
    training, pictures = fitted(Watched()), MadeUp(10)
    with pytest.MonkeyPatch.context() as patch:
        for pixels, sizes in ((64 * 4, [4, 4, 2]), (64 * 20, [10]), (1, [1] * 10)):
            patch.setattr(fit_module, "EVALUATION_PIXELS", pixels)
            training.learned.seen = []  # type: ignore[assignment]
            training.evaluate(pictures)
            assert [len(batch) for batch in training.learned.seen] == sizes  # type: ignore[arg-type]


# States


def test_a_state_of_another_model_is_refused() -> None:
    state = fitted(Watched()).state_dict()
    for damaged in (state, {**state, "model": {}}, {}, {**state, "optimizer": 5}):
        with pytest.raises(CheckpointBroken, match="does not fit the model of this run"):
            fitted(classifier()).load_state_dict(damaged)


def test_a_state_without_averages_is_refused_where_weights_are_averaged() -> None:
    with pytest.raises(CheckpointBroken, match="average"):
        fitted(Watched(), ema_decay=0.9).load_state_dict(fitted(Watched()).state_dict())


def test_another_number_of_threads_is_told() -> None:
    training = fitted(Watched())
    assert training.resume(training.state_dict()) == []
    assert training.resume({**training.state_dict(), "threads": 3}) == [
        "3 torch threads computed before, 1 do now"
    ]


# Time as a budget


def test_minutes_are_turned_into_steps_by_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a clock that goes on by half a second in each step."""
    training = fitted(classifier(), ema_decay=0.9)
    before = deepcopy(training.state_dict())
    clock, update = [100.0], Training.update

    def slowly(self: Training) -> object:
        clock[0] += 0.5
        return update(self)

    monkeypatch.setattr(Training, "update", slowly)
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    assert steps_in(1.5, training) == 180
    assert steps_in(0.0001, training) == 1
    assert same(training.state_dict(), before)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
@pytest.mark.parametrize("autocast", [False, True])
def test_a_gpu_learns_the_same(autocast: bool) -> None:
    chosen = {"steps": 60, "learning_rate": 0.01, "ema_decay": 0.9, "autocast": autocast}
    settings_ = fitted(classifier(), **chosen).settings
    training = Training(GpuClassifier(), MadeUp(), settings_, seed=0, device="cuda", augment=None)
    assert after(training, 60).evaluate(MadeUp())["accuracy"] > 0.9


class GpuClassifier(Classifier):
    """The same, with its noise drawn where the pictures are."""

    def loss(self, batch: Any, generator: torch.Generator) -> Any:
        assert generator.device.type == batch.images.device.type == "cuda"
        logits = self.body(batch.images).float()
        return nn.functional.cross_entropy(logits, batch.labels), {
            "accuracy": (logits.argmax(1) == batch.labels).float().mean()
        }
