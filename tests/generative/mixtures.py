"""A mixture of Gaussians in the plane, whose score is known exactly at every level of noise."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import torch
from torch import Tensor

from generative.config import Prediction
from generative.diffusion import velocity
from generative.samplers import set_steps

WEIGHTS = torch.tensor([0.5, 0.3, 0.2])
MEANS = torch.tensor([[-0.5, -0.4], [0.5, -0.3], [0.1, 0.55]])
COVARIANCES = torch.tensor(
    [[[0.015, 0.008], [0.008, 0.012]], [[0.006, -0.004], [-0.004, 0.016]], [[0.020, 0.0], [0.0, 0.004]]]
)
"""all of it lies in [−1, 1], as pictures do: that clipping does not touch it is part of what is tested"""
_ANGLES = torch.arange(32) * math.pi / 32
_DIRECTIONS = torch.stack([_ANGLES.cos(), _ANGLES.sin()])  # (2, directions)


def points(count: int, generator: torch.Generator) -> Tensor:
    """Exact samples (count, 2)."""
    which = torch.multinomial(WEIGHTS, count, replacement=True, generator=generator)
    noise = torch.randn(count, 2, generator=generator)
    return MEANS[which] + torch.einsum("nij,nj->ni", torch.linalg.cholesky(COVARIANCES)[which], noise)


def responsibilities(x_t: Tensor, alpha_bar: Tensor) -> Tensor:
    """How probable it is (3, n) that noised points (n, 2) come from each component."""
    off, seen, spread = _noised_components(x_t, alpha_bar)
    surprise = (off * seen).sum(2)  # (3, n), squared distances in standard deviations
    return ((WEIGHTS.log() - spread.logdet() / 2)[:, None] - surprise / 2).softmax(0)


def expected_x0(x_t: Tensor, alpha_bar: Tensor) -> Tensor:
    """What noised points (n, 2) were, on average (n, 2): what a perfect network would predict."""
    _, seen, _ = _noised_components(x_t, alpha_bar)
    means = MEANS[:, None] + alpha_bar.sqrt() * seen @ COVARIANCES  # (3, n, 2), in each component
    return (responsibilities(x_t, alpha_bar)[..., None] * means).sum(0)


def _noised_components(x_t: Tensor, alpha_bar: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Distances (3, n, 2) from the means, the same over the covariances, and these (3, 2, 2)."""
    spread = alpha_bar * COVARIANCES + (1 - alpha_bar) * torch.eye(2)
    off = x_t - alpha_bar.sqrt() * MEANS[:, None]
    return off, off @ torch.linalg.inv(spread), spread


def perfect_output(prediction: Prediction, x_t: Tensor, alpha_bar: Tensor) -> Tensor:
    """The output (n, 2) of a network without error, at ᾱ ()."""
    x0 = expected_x0(x_t, alpha_bar)
    noise = (x_t - alpha_bar.sqrt() * x0) / (1 - alpha_bar).sqrt()
    if prediction == "v":
        return velocity(x0, noise, alpha_bar)
    return x0 if prediction == "x0" else noise


def sampled(
    sampler: Any, alpha_bars: Tensor, prediction: Prediction, steps: int, count: int, seed: int
) -> Tensor:
    """Points (count, 2) that a sampler draws with a perfect network, told the ᾱ (timesteps,) of training."""
    generator = torch.Generator().manual_seed(seed)
    noisy = {"generator": generator} if type(sampler).__name__ == "DDPMScheduler" else {}
    set_steps(sampler, steps)
    x = torch.randn(count, 2, 1, 1, generator=generator)  # as pictures of one pixel and two channels
    for timestep in sampler.timesteps:
        output = perfect_output(prediction, x[:, :, 0, 0], alpha_bars[timestep])
        x = sampler.step(output.view_as(x), timestep, x, **noisy).prev_sample
    return x[:, :, 0, 0]


def distance(one: Tensor, other: Tensor) -> float:
    """Sliced Wasserstein distance of two sets of points (n, 2): the mean over directions, of order 1."""
    return (_sorted_shadows(one) - _sorted_shadows(other)).abs().mean().item()


@cache
def floor(count: int) -> float:
    """The distance of two sets of exact samples, on average over ten pairs."""
    generator = torch.Generator().manual_seed(100)
    pairs = [(points(count, generator), points(count, generator)) for _ in range(10)]
    return sum(distance(one, other) for one, other in pairs) / len(pairs)


def _sorted_shadows(x: Tensor) -> Tensor:
    return (x @ _DIRECTIONS).sort(0).values
