"""The diffusion model's loss against a slow and obvious version, and what it learns by heart and draws."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from generative.config import Prediction
from generative.ddpm import DDPM
from generative.diffusion import noise_scheduler
from generative.unet import UNet
from generative.unet_diffusers import build_unet
from sandbox.data.pictures import Pictures
from sandbox.nn.batches import Batch
from sandbox.nn.ema import Ema
from sandbox.nn.fit import Training
from sandbox.nn.fit_settings import FitSettings
from tests.generative.models import ddpm_of, drawn, pictures

PREDICTIONS: tuple[Prediction, ...] = ("v", "epsilon", "x0")


def batch_of(count: int, seed: int = 0) -> Batch:
    return Batch(pictures(count, seed=seed), torch.arange(count) % 3)


# The loss


def slow_weight(prediction: str, snr: float, gamma: float) -> float:
    """The first lines of section 3.4 of Hang et al. 2023."""
    if gamma == 0:
        return 1.0
    return {"x0": min(snr, gamma), "epsilon": min(snr, gamma) / snr, "v": min(snr, gamma) / (snr + 1)}[
        prediction
    ]


def slow_noise(prediction: str, answer: Tensor, noisy: Tensor, alpha_bar: Tensor) -> Tensor:
    """The noise that an answer of the network means."""
    if prediction == "epsilon":
        return answer
    x0 = answer if prediction == "x0" else alpha_bar.sqrt() * noisy - (1 - alpha_bar).sqrt() * answer
    return (noisy - alpha_bar.sqrt() * x0) / (1 - alpha_bar).sqrt()


@pytest.mark.parametrize("prediction", PREDICTIONS)
@settings(max_examples=8)
@given(count=st.integers(1, 6), gamma=st.sampled_from([0.0, 1.0, 5.0]), seed=st.integers(0, 99))
def test_the_loss_is_that_of_each_picture_by_itself(
    prediction: Prediction, count: int, gamma: float, seed: int
) -> None:
    model, batch = ddpm_of(prediction, min_snr=gamma).eval(), batch_of(count, seed)
    loss, metrics = model.loss(batch, drawn(seed))

    generator = drawn(seed)
    times = model.timesteps(count, generator)
    noises = torch.randn(batch.images.shape, generator=generator)
    slow_loss = noise_mse = 0.0
    for number in range(count):
        row = slice(number, number + 1)
        x0, noise, time = batch.images[row], noises[row], times[row]
        noisy = model.scheduler.add_noise(x0, noise, time)  # type: ignore[arg-type]
        answer = model.unet(noisy, time, batch.labels[row]).sample.detach()
        velocity = model.scheduler.get_velocity(x0, noise, time)  # type: ignore[arg-type]
        target = {"v": velocity, "epsilon": noise, "x0": x0}[prediction]
        alpha_bar = model.scheduler.alphas_cumprod[time].double()
        weight = slow_weight(prediction, float(alpha_bar / (1 - alpha_bar)), gamma)
        slow_loss += weight * float((answer - target).square().mean()) / count
        meant = slow_noise(prediction, answer.double(), noisy.double(), alpha_bar)
        noise_mse += float((meant - noise).square().mean()) / count
    assert float(loss.detach()) == pytest.approx(slow_loss, rel=1e-3)
    assert float(metrics["noise_mse"]) == pytest.approx(noise_mse, rel=1e-3)
    assert not metrics["noise_mse"].requires_grad


@pytest.mark.parametrize("prediction", ["v", "x0"])
@pytest.mark.parametrize("gamma", [0.0, 5.0])
def test_a_last_timestep_without_a_picture_spoils_no_loss(prediction: Prediction, gamma: float) -> None:
    model = ddpm_of(prediction, zero_snr=True, min_snr=gamma, timesteps=50)
    assert model.alphas_cumprod[-1] == 0
    loss, metrics = model.loss(batch_of(100), drawn())  # two of each timestep
    loss.backward()
    assert loss.isfinite()
    assert metrics["noise_mse"].isfinite()
    assert all(part.grad is None or part.grad.isfinite().all() for part in model.parameters())


@pytest.mark.parametrize("prediction", ["v", "x0"])
def test_a_last_timestep_without_a_picture_is_learned(
    prediction: Prediction, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the weights are: a sampler begins there."""
    model = ddpm_of(prediction, zero_snr=True, min_snr=5.0, timesteps=50)
    monkeypatch.setattr(model, "timesteps", lambda count, generator: torch.full((count,), 49))
    loss, _ = model.loss(batch_of(4), drawn())
    loss.backward()
    assert any(part.grad is not None and part.grad.abs().sum() > 0 for part in model.parameters())


def test_a_new_network_that_says_nothing_misses_all_of_the_noise() -> None:
    scheduler = noise_scheduler("linear", "epsilon", False)
    model = DDPM(UNet(8, widths=(8, 16)), scheduler)
    loss, metrics = model.loss(batch_of(500), drawn())
    assert float(loss.detach()) == float(metrics["noise_mse"])
    assert float(loss.detach()) == pytest.approx(1, abs=0.03)


# Timesteps


@lru_cache
def chain_of(timesteps: int) -> DDPM:
    return ddpm_of(timesteps=timesteps)


@given(count=st.integers(1, 300), timesteps=st.sampled_from([50, 100, 1000]), seed=st.integers(0, 999))
def test_a_batchs_timesteps_are_evenly_spread(count: int, timesteps: int, seed: int) -> None:
    """Between any two of them there are as many as there should be, but for one."""
    model = chain_of(timesteps)
    times = model.timesteps(count, drawn(seed))
    assert times.shape == (count,)
    assert torch.equal(times, model.timesteps(count, drawn(seed)))
    below = (times[None] < torch.arange(timesteps + 1)[:, None]).sum(1)
    wanted = torch.arange(timesteps + 1) * count / timesteps
    assert (below[0], below[-1]) == (0, count)
    assert (below - wanted).abs().max() < 1.01


def test_every_timestep_is_equally_likely_for_every_picture() -> None:
    model, generator = ddpm_of(timesteps=50), drawn()
    times = torch.stack([model.timesteps(3, generator) for _ in range(4000)])  # (draws, pictures)
    for picture in range(3):
        counts = torch.bincount(times[:, picture], minlength=50)
        assert (counts - 80).abs().max() < 45  # five deviations


# Classes


def heard(model: DDPM, batch: Batch) -> Tensor | None:
    """The labels that the network gets in a loss."""
    found: list[Any] = []
    handle = model.unet.register_forward_pre_hook(
        lambda _, words, named: found.append(named.get("class_labels")), with_kwargs=True
    )
    model.loss(batch, drawn())
    handle.remove()
    return found[0]


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5])
def test_in_training_a_part_of_the_classes_is_not_told(rate: float) -> None:
    model, batch = ddpm_of(label_dropout=rate).train(), batch_of(3000)
    labels = heard(model, batch)
    assert labels is not None
    hidden = labels == 3
    assert torch.equal(labels[~hidden], batch.labels[~hidden])
    assert float(hidden.float().mean()) == pytest.approx(rate, abs=5 * (rate / 4 / 3000) ** 0.5)
    told = heard(model.eval(), batch)
    assert told is not None
    assert torch.equal(told, batch.labels)


def test_a_network_without_classes_is_told_nothing() -> None:
    model, batch = ddpm_of(classes=()), batch_of(4)
    assert heard(model.train(), batch) is None
    others = Batch(batch.images, batch.labels.flip(0))
    assert torch.equal(model.loss(batch, drawn())[0], model.loss(others, drawn())[0])


def test_no_labels_are_the_null_class() -> None:
    model, images, times = ddpm_of(), pictures(2), torch.tensor([3, 700])
    assert torch.equal(model(images, times), model(images, times, torch.tensor([3, 3])))
    assert not torch.equal(model(images, times), model(images, times, torch.tensor([0, 3])))


@pytest.mark.parametrize("classes", [(), ("a", "b", "c")])
def test_diffusers_own_network_learns_the_same_way(classes: tuple[str, ...]) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        unet = build_unet((1, 8, 8), len(classes))
    model = DDPM(unet, noise_scheduler("cosine", "v", False), classes).train()
    loss, metrics = model.loss(batch_of(4), drawn())
    loss.backward()
    assert loss.isfinite()
    assert metrics["noise_mse"].isfinite()
    assert (model.shape, model.backbone) == ((1, 8, 8), None)
    assert model.pipeline().classes == classes


# Learning


def four() -> Pictures:
    """Four pictures that differ in every other pixel, a class each."""
    images = torch.where(torch.rand(4, 1, 8, 8, generator=drawn(1)) < 0.5, 30, 220).to(torch.uint8)
    return Pictures(images, torch.arange(4), ("a", "b", "c", "d"))


def by_heart(prediction: Prediction) -> Training:
    """After learning the four for a while."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        unet = UNet(8, widths=(16, 32), classes=four().classes)
    model = DDPM(unet, noise_scheduler("cosine", prediction, False), four().classes)
    training = Training(
        model, four(), FitSettings(steps=150, batch_size=32, learning_rate=0.01, ema_decay=0.9), seed=0
    )
    with torch.random.fork_rng():
        while training.step < 150:
            training.update()
    return training


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_four_pictures_learned_by_heart_are_drawn_by_their_class(prediction: Prediction) -> None:
    model: Any = by_heart(prediction).learned
    labels = torch.arange(4).repeat(3)
    images = model.pipeline()(
        labels, generator=drawn(), num_inference_steps=20, output_type="pt", return_dict=False
    )[0]
    distances = torch.cdist(images.flatten(1), four().images.flatten(1) / 255)  # (drawn, learned)
    assert torch.equal(distances.argmin(1), labels)
    assert (distances.amin(1) / 8).median() < 0.12  # of what lies between black and white


def test_an_evaluation_draws_the_same_noise_each_time() -> None:
    training = Training(ddpm_of(label_dropout=0.5), four(), FitSettings(steps=5, batch_size=4), seed=0)
    before = training.evaluate(four())
    assert training.evaluate(four()) == before
    with torch.random.fork_rng():
        training.update()
        assert training.evaluate(four()) != before
    other = Training(ddpm_of(label_dropout=0.5), four(), FitSettings(steps=5, batch_size=4), seed=1)
    assert other.evaluate(four()) != before


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(8, 8), (9, 13), (28, 28), (33, 64)])
def test_pictures_of_any_size_are_learned_and_drawn(size: tuple[int, int], channels: int) -> None:
    model = ddpm_of(size=size, channels=channels)
    loss, _ = model.loss(Batch(pictures(2, channels, *size), torch.tensor([0, 1])), drawn())
    loss.backward()
    assert all(part.grad is not None and part.grad.isfinite().all() for part in model.parameters())
    images = model.eval().pipeline()(
        [0, 1], generator=drawn(), num_inference_steps=2, output_type="pt", return_dict=False
    )[0]
    assert model.shape == images[0].shape == (channels, *size)


# Keeping


def test_the_schedule_is_no_part_of_the_weights() -> None:
    model = ddpm_of()
    assert all(name.startswith("unet.") for name in model.state_dict())
    average = Ema(model, 0.5).average
    assert torch.equal(average.alphas_cumprod, model.alphas_cumprod)
    assert average.pipeline().unet is average.unet
    assert average.classes == model.classes
