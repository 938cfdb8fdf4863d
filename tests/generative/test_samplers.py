"""Samplers, on a mixture of Gaussians with a perfect network: what they draw is the mixture."""

from __future__ import annotations

from inspect import signature
from typing import Any

import pytest
import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler
from diffusers.schedulers.scheduling_heun_discrete import HeunDiscreteScheduler
from diffusers.schedulers.scheduling_pndm import PNDMScheduler
from torch import Tensor

from generative.config import NoiseSchedule, Prediction
from generative.diffusion import noise_scheduler
from generative.samplers import SAMPLERS, build_sampler, set_steps
from sandbox.core.errors import UnknownName, UsageError
from tests.generative.mixtures import (
    COVARIANCES,
    MEANS,
    WEIGHTS,
    distance,
    floor,
    perfect_output,
    points,
    responsibilities,
    sampled,
)

SCHEDULES: list[tuple[NoiseSchedule, bool]] = [
    ("linear", False),
    ("cosine", False),
    ("linear", True),
    ("cosine", True),
]
ENOUGH = {"ddpm": 1000, "ddim": 150, "dpm++": 80, "unipc": 80}
"""steps after which nothing but chance is left of the distance, with 3 000 points"""
COUNT = 3000


@pytest.fixture(scope="module")
def exact() -> Tensor:
    return points(COUNT, torch.Generator().manual_seed(7))


@pytest.mark.parametrize(("noise_schedule", "zero_snr"), SCHEDULES)
@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_draws_from_the_mixture(
    name: str, noise_schedule: NoiseSchedule, zero_snr: bool, exact: Tensor
) -> None:
    trained = noise_scheduler(noise_schedule, "v", zero_snr)
    found = sampled(build_sampler(name, trained), trained.alphas_cumprod, "v", ENOUGH[name], COUNT, seed=1)
    assert distance(found, exact) < 1.5 * floor(COUNT)
    nearest = responsibilities(found, torch.tensor(1.0)).argmax(0)
    parts = [found[nearest == number] for number in range(len(WEIGHTS))]
    torch.testing.assert_close(
        torch.tensor([len(part) / COUNT for part in parts]), WEIGHTS, atol=0.03, rtol=0
    )
    torch.testing.assert_close(torch.stack([part.mean(0) for part in parts]), MEANS, atol=0.02, rtol=0)
    spreads = torch.stack([part.T.cov() for part in parts])
    torch.testing.assert_close(spreads, COVARIANCES, atol=0.003, rtol=0)


def test_the_distance_sees_a_sampler_of_another_schedule(exact: Tensor) -> None:
    wrong = build_sampler("dpm++", noise_scheduler("linear", "v", False))
    found = sampled(wrong, noise_scheduler("cosine", "v", False).alphas_cumprod, "v", 25, COUNT, seed=1)
    assert distance(found, exact) > 3 * floor(COUNT)


@pytest.mark.parametrize(("noise_schedule", "zero_snr"), SCHEDULES)
@pytest.mark.parametrize("name", SAMPLERS)
def test_whatever_is_predicted_the_same_points_are_drawn(
    name: str, noise_schedule: NoiseSchedule, zero_snr: bool
) -> None:
    predictions: list[Prediction] = ["v", "x0"] if zero_snr else ["v", "x0", "epsilon"]
    drawn = []
    for prediction in predictions:
        trained = noise_scheduler(noise_schedule, prediction, zero_snr)
        sampler = build_sampler(name, trained)
        drawn.append(sampled(sampler, trained.alphas_cumprod, prediction, 20, 200, seed=2))
    for others in drawn[1:]:
        torch.testing.assert_close(others, drawn[0], atol=0.01, rtol=0)


@pytest.mark.parametrize("name", SAMPLERS)
def test_errors_of_predicted_noise_do_not_explode_where_a_cosine_schedule_ends(
    name: str, exact: Tensor
) -> None:
    # There ᾱ is 2e-9: an error of 5 % of the noise is one of a thousand times the picture.
    trained = noise_scheduler("cosine", "epsilon", False)
    generator = torch.Generator().manual_seed(3)
    sampler = build_sampler(name, trained)
    set_steps(sampler, ENOUGH[name])
    x = torch.randn(COUNT, 2, 1, 1, generator=generator)
    for timestep in sampler.timesteps:
        output = perfect_output("epsilon", x[:, :, 0, 0], trained.alphas_cumprod[timestep]).view_as(x)
        x = stepped(
            sampler, output + 0.05 * torch.randn(x.shape, generator=generator), timestep, x, generator
        )
    assert distance(x[:, :, 0, 0], exact) < 2.5 * floor(COUNT)


def test_ddim_is_what_diffusers_calls_so() -> None:
    trained = noise_scheduler("linear", "v", False)
    theirs: Any = DDIMScheduler.from_config(trained.config)
    ours: Any = build_sampler("ddim", trained)
    theirs.set_timesteps(20)
    ours.set_timesteps(20)
    x = y = torch.randn(50, 2, 1, 1, generator=torch.Generator().manual_seed(0))
    for timestep in theirs.timesteps:
        alpha_bar = trained.alphas_cumprod[timestep]
        x = theirs.step(perfect_output("v", x[:, :, 0, 0], alpha_bar).view_as(x), timestep, x).prev_sample
        y = ours.step(perfect_output("v", y[:, :, 0, 0], alpha_bar).view_as(y), timestep, y).prev_sample
    torch.testing.assert_close(x, y, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", ["ddim", "dpm++", "unipc"])
def test_clipping_is_the_threshold_of_diffusers_at_one(name: str) -> None:
    sampler: Any = build_sampler(name, noise_scheduler("cosine", "v", False))
    x0 = 2 * torch.randn(5, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    assert torch.equal(sampler._threshold_sample(x0), type(sampler)._threshold_sample(sampler, x0))


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_picture_is_the_same_in_whatever_batch_it_is_drawn(name: str) -> None:
    def drawn(numbers: list[int]) -> Tensor:
        generators = [torch.Generator().manual_seed(number) for number in numbers]
        sampler = build_sampler(name, noise_scheduler("cosine", "v", False))
        set_steps(sampler, 6)
        x = torch.cat([torch.randn(1, 1, 5, 5, generator=generator) for generator in generators])
        for timestep in sampler.timesteps:
            x = stepped(sampler, x.tanh(), timestep, x, generators)
        return x

    assert torch.equal(drawn([3, 7, 1])[1], drawn([7])[0])


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("steps", [1, 2, 61, 1000])
def test_any_number_of_steps_can_be_taken(name: str, steps: int) -> None:
    # At 61 diffusers' own spacing yields a timestep of −1.
    sampler = build_sampler(name, noise_scheduler("cosine", "x0", True))
    set_steps(sampler, steps)
    x = torch.zeros(1, 1, 2, 2)
    for timestep in sampler.timesteps:
        x = stepped(sampler, torch.full_like(x, 0.5), timestep, x, torch.Generator().manual_seed(0))
    assert len(sampler.timesteps) == steps
    torch.testing.assert_close(x, torch.full_like(x, 0.5))


@pytest.mark.parametrize("steps", [0, -3, 1001])
def test_steps_that_cannot_be_taken_are_refused(steps: int) -> None:
    sampler = build_sampler("dpm++", noise_scheduler("cosine", "v", False))
    with pytest.raises(UsageError, match=f"{steps} steps cannot be taken"):
        set_steps(sampler, steps)


@pytest.mark.parametrize(
    "foreign",
    [
        DDIMScheduler(beta_schedule="scaled_linear", clip_sample=False, prediction_type="v_prediction"),
        PNDMScheduler(beta_schedule="squaredcos_cap_v2", num_train_timesteps=500),
        HeunDiscreteScheduler(),  # whose noise differs by default from that of all others
        DDPMScheduler(beta_schedule="sigmoid"),  # which the others don't know by name
        DDPMScheduler(trained_betas=[0.1, 0.2, 0.3], num_train_timesteps=3),
    ],
    ids=lambda scheduler: type(scheduler).__name__,
)
@pytest.mark.parametrize("name", SAMPLERS)
def test_other_peoples_schedules_are_kept(name: str, foreign: Any) -> None:
    sampler = build_sampler(name, foreign)
    torch.testing.assert_close(sampler.alphas_cumprod, foreign.alphas_cumprod)
    assert sampler.config["prediction_type"] == foreign.config["prediction_type"]


@pytest.mark.parametrize(
    ("foreign", "says"),
    [
        (FlowMatchEulerDiscreteScheduler(), "does not say what noise"),
        (DDPMScheduler(variance_type="learned_range"), "variance"),
        (DDPMScheduler(rescale_betas_zero_snr=True), "zero SNR"),
    ],
)
def test_what_cannot_be_sampled_is_refused(foreign: Any, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        build_sampler("dpm++", foreign)


def test_an_unknown_sampler_gets_a_suggestion() -> None:
    with pytest.raises(UnknownName, match="did you mean 'dpm\\+\\+'"):
        build_sampler("dpm+", noise_scheduler("cosine", "v", False))


def test_other_schedulers_keep_their_own_spacing() -> None:
    scheduler = DDIMScheduler(timestep_spacing="leading")
    set_steps(scheduler, 10)
    assert scheduler.timesteps.tolist() == list(range(900, -1, -100))


def stepped(sampler: Any, output: Tensor, timestep: Tensor, x: Tensor, generator: Any) -> Tensor:
    """One step, with noise where the sampler adds it."""
    noisy = {"generator": generator} if "generator" in signature(sampler.step).parameters else {}
    return sampler.step(output, timestep, x, **noisy).prev_sample
