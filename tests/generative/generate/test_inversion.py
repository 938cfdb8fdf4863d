"""From pictures to the noise that they come from, and back."""

from __future__ import annotations

import pytest
import torch

from generative.diffusion import noise_scheduler
from generative.generate.denoiser import even_timesteps
from generative.generate.inversion import from_noise, to_noise
from generative.samplers import build_sampler, set_steps
from tests.generative.generate.gaussian import ALPHA_BARS, Gaussian

DATA = Gaussian(torch.tensor([0.2, -0.1]), torch.tensor([[0.25, 0.2], [0.2, 0.25]]))
STEPS = even_timesteps(len(ALPHA_BARS), 50)


def noise(count: int, seed: int) -> torch.Tensor:
    return torch.randn(count, 1, 1, 2, generator=torch.Generator().manual_seed(seed))


def test_steps_begin_at_the_last_timestep_and_are_evenly_spread() -> None:
    assert even_timesteps(1000, 4) == [999, 749, 499, 249]
    assert even_timesteps(1000, 1) == [999]
    assert even_timesteps(1000, 1000) == list(range(999, -1, -1))


@pytest.mark.parametrize("steps", [3, 20, 61, 103, 250])
def test_they_are_those_that_samplers_take(steps: int) -> None:
    sampler = build_sampler("ddim", noise_scheduler("cosine", "v", False))
    set_steps(sampler, steps)
    assert even_timesteps(1000, steps) == sampler.timesteps.tolist()


def test_the_noise_of_a_picture_makes_it_again() -> None:
    pictures = DATA.draw(500)
    found = to_noise(DATA, ALPHA_BARS, STEPS, pictures, noise(1, 1)[0])
    again = from_noise(DATA, ALPHA_BARS, STEPS, found)
    assert (again - pictures).abs().max() < 0.1
    assert (again - pictures).square().mean() < 1e-3


def test_the_noise_of_pictures_is_standard_normal() -> None:
    found = to_noise(DATA, ALPHA_BARS, STEPS, DATA.draw(20_000), noise(20_000, 1)).flatten(1)
    assert found.mean(0).abs().max() < 0.05
    assert (torch.cov(found.T) - torch.eye(2)).abs().max() < 0.1


def test_noise_makes_pictures_of_the_data() -> None:
    made = from_noise(DATA, ALPHA_BARS, STEPS, noise(20_000, 2)).flatten(1)
    assert (made.mean(0) - torch.tensor([0.2, -0.1])).abs().max() < 0.02
    assert (torch.cov(made.T) - torch.tensor([[0.25, 0.2], [0.2, 0.25]])).abs().max() < 0.02
