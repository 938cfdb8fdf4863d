"""The mathematics of diffusion: against chains of single steps, against diffusers, and against itself."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from generative.config import NoiseSchedule, Prediction
from generative.diffusion import (
    PREDICTION_TYPES,
    guided,
    min_snr_weight,
    noise_scheduler,
    noised,
    predicted_x0,
    prediction_of,
    slerp,
    target_of,
    velocity,
)
from sandbox.core.errors import ConfigError

PREDICTIONS: tuple[Prediction, ...] = ("v", "epsilon", "x0")
shares = st.floats(0.01, 0.99)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("zero_snr", [False, True])
@pytest.mark.parametrize("noise_schedule", ["linear", "cosine"])
def test_many_small_steps_of_noise_are_one_large_one(noise_schedule: NoiseSchedule, zero_snr: bool) -> None:
    scheduler = noise_scheduler(noise_schedule, "v", zero_snr, timesteps=50)
    x0, count = torch.tensor([0.8, -0.3]), 20_000
    generator = torch.Generator().manual_seed(0)
    x = x0.expand(count, 2)
    for timestep, beta in enumerate(scheduler.betas):
        x = (1 - beta).sqrt() * x + beta.sqrt() * torch.randn(count, 2, generator=generator)
        if timestep not in (0, 10, 25, 49):
            continue
        alpha_bar = scheduler.alphas_cumprod[timestep]
        standard = (x - noised(x0, torch.zeros(2), alpha_bar)) / (1 - alpha_bar).sqrt()
        # Five standard errors of a mean, and of a covariance, of standard normal numbers.
        torch.testing.assert_close(standard.mean(0), torch.zeros(2), atol=5 / math.sqrt(count), rtol=0)
        torch.testing.assert_close(standard.T.cov(), torch.eye(2), atol=5 * math.sqrt(2 / count), rtol=0)


def test_noising_and_velocity_are_those_of_diffusers() -> None:
    scheduler = noise_scheduler("cosine", "v", zero_snr=True)
    timesteps = torch.tensor([0, 300, 998, 999])
    x0, noise = normal(4, 3, 5, 5, seed=1).float(), normal(4, 3, 5, 5, seed=2).float()
    alpha_bar = scheduler.alphas_cumprod[timesteps]
    x_t = noised(x0, noise, alpha_bar)
    torch.testing.assert_close(x_t, scheduler.add_noise(x0, noise, timesteps))  # pyright: ignore[reportArgumentType]
    theirs = scheduler.get_velocity(x0, noise, timesteps)  # pyright: ignore[reportArgumentType]
    torch.testing.assert_close(velocity(x0, noise, alpha_bar), theirs)


@given(st.lists(shares, min_size=1, max_size=4), st.sampled_from(PREDICTIONS), st.integers(0, 99))
def test_noise_picture_and_velocity_follow_from_each_other(
    alpha_bars: list[float], prediction: Prediction, seed: int
) -> None:
    alpha_bar = torch.tensor(alpha_bars, dtype=torch.float64)
    x0, noise = normal(len(alpha_bar), 1, 2, 3, seed=seed), normal(len(alpha_bar), 1, 2, 3, seed=seed + 100)
    x_t = noised(x0, noise, alpha_bar)
    output = target_of(prediction, x0, noise, alpha_bar)
    torch.testing.assert_close(predicted_x0(prediction, output, x_t, alpha_bar), x0)


@pytest.mark.parametrize("prediction", ["v", "x0"])
def test_where_there_is_only_noise_the_picture_can_still_be_predicted(prediction: Prediction) -> None:
    x0, noise, nothing = normal(2, 4, seed=1), normal(2, 4, seed=2), torch.zeros(2)
    x_t = noised(x0, noise, nothing)
    torch.testing.assert_close(x_t, noise)
    output = target_of(prediction, x0, noise, nothing)
    torch.testing.assert_close(predicted_x0(prediction, output, x_t, nothing), x0)


@given(shares, st.floats(0.1, 20), st.sampled_from(PREDICTIONS))
def test_weighted_errors_count_as_errors_of_the_picture_by_the_smaller_of_snr_and_gamma(
    alpha_bar: float, gamma: float, prediction: Prediction
) -> None:
    # Of any wrong prediction: its weighted squared error, beside that of the picture it means.
    a = torch.tensor([alpha_bar], dtype=torch.float64)
    x0, noise = normal(1, 6, seed=1), normal(1, 6, seed=2)
    x_t, target = noised(x0, noise, a), target_of(prediction, x0, noise, a)
    wrong = target + normal(1, 6, seed=3)
    weighted = min_snr_weight(prediction, a, gamma) * (wrong - target).square().sum()
    snr = alpha_bar / (1 - alpha_bar)
    picture = (predicted_x0(prediction, wrong, x_t, a) - x0).square().sum()
    torch.testing.assert_close(weighted.sum(), min(snr, gamma) * picture)


@pytest.mark.parametrize(
    ("prediction", "hardly_any_signal", "without_noise"), [("v", 0, 0), ("epsilon", 1, 0), ("x0", 0, 5)]
)
def test_weights_have_their_limits_where_there_is_no_noise_and_hardly_any_signal(
    prediction: Prediction, hardly_any_signal: float, without_noise: float
) -> None:
    weights = min_snr_weight(prediction, torch.tensor([1e-30, 1.0]), gamma=5)
    assert weights.tolist() == pytest.approx([hardly_any_signal, without_noise], abs=1e-29)


@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize("gamma", [0.5, 5.0])
def test_where_there_is_no_signal_at_all_weights_are_1(prediction: Prediction, gamma: float) -> None:
    """There sampling begins: a weight of 0 would leave what is drawn first to chance."""
    assert min_snr_weight(prediction, torch.zeros(2), gamma).tolist() == [1, 1]


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_gamma_0_weighs_all_alike(prediction: Prediction) -> None:
    assert min_snr_weight(prediction, torch.tensor([0.0, 0.3, 1.0]), gamma=0).tolist() == [1, 1, 1]


def test_guidance_1_is_none_to_the_last_bit_and_0_forgets_the_class() -> None:
    conditional, unconditional = normal(3, 1, 8, 8, seed=1).float(), 1e4 * normal(3, 1, 8, 8, seed=2).float()
    assert torch.equal(guided(conditional, unconditional, 1), conditional)
    assert torch.equal(guided(conditional, unconditional, 0), unconditional)
    torch.testing.assert_close(guided(conditional, unconditional, 2), 2 * conditional - unconditional)


@given(shares, st.floats(0, 8), st.sampled_from(PREDICTIONS))
def test_guidance_is_the_same_whatever_is_predicted(
    alpha_bar: float, guidance: float, prediction: Prediction
) -> None:
    a, x_t = torch.tensor(alpha_bar, dtype=torch.float64), normal(2, 4, seed=1)
    outputs = normal(2, 4, seed=2), normal(2, 4, seed=3)
    pictures = [predicted_x0(prediction, output, x_t, a) for output in outputs]
    found = predicted_x0(prediction, guided(*outputs, guidance), x_t, a)
    torch.testing.assert_close(found, guided(pictures[0], pictures[1], guidance))


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_diffusers_is_told_what_is_predicted(prediction: Prediction) -> None:
    scheduler = noise_scheduler("cosine", prediction, zero_snr=False)
    assert scheduler.config["prediction_type"] == PREDICTION_TYPES[prediction]
    assert prediction_of(scheduler) == prediction


@pytest.mark.parametrize("zero_snr", [False, True])
@pytest.mark.parametrize("noise_schedule", ["linear", "cosine"])
def test_a_schedule_goes_from_a_picture_to_noise_however_many_timesteps_there_are(
    noise_schedule: NoiseSchedule, zero_snr: bool
) -> None:
    long = noise_scheduler(noise_schedule, "v", zero_snr).alphas_cumprod
    short = noise_scheduler(noise_schedule, "v", zero_snr, timesteps=100).alphas_cumprod
    for alpha_bars in (long, short):
        assert bool((alpha_bars.diff() < 0).all())
        assert alpha_bars[0] > 0.99
        assert alpha_bars[-1] == 0 if zero_snr else 0 < alpha_bars[-1] < 1e-4
    torch.testing.assert_close(short, long[9::10], atol=0.01, rtol=0)


def test_noise_cannot_be_predicted_where_there_is_nothing_else() -> None:
    with pytest.raises(ConfigError, match="zero_snr needs prediction v or x0"):
        noise_scheduler("linear", "epsilon", zero_snr=True)


def test_too_few_timesteps_are_refused() -> None:
    with pytest.raises(ConfigError, match="timesteps must be 50 to 100,000, not 20"):
        noise_scheduler("linear", "v", False, timesteps=20)


def test_between_two_noises_all_is_noise() -> None:
    start, end = normal(3, 64, 64, seed=1), normal(3, 64, 64, seed=2)
    between = slerp(start, end, torch.linspace(0, 1, 5, dtype=torch.float64))
    assert between.shape == (5, 3, 64, 64)
    torch.testing.assert_close(between[0], start)
    torch.testing.assert_close(between[-1], end)
    # Five standard errors of the mean, and of the variance, of so many standard normal numbers.
    assert between.flatten(1).mean(1).abs().max() < 5 / math.sqrt(start.numel())
    assert (between.flatten(1).var(1) - 1).abs().max() < 5 * math.sqrt(2 / start.numel())
    assert ((start + end) / 2).var() < 0.6  # what a straight line would make of it


def test_from_a_noise_to_itself_there_is_no_way() -> None:
    noise = normal(1, 8, 8)
    between = slerp(noise, noise, torch.linspace(0, 1, 3, dtype=torch.float64))
    torch.testing.assert_close(between, noise.expand(3, 1, 8, 8))
