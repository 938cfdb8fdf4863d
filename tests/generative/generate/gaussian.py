"""A diffusion whose data are Gaussian, so that what a picture is taken for is known exactly."""

from __future__ import annotations

import torch
from torch import Tensor

from generative.diffusion import noise_scheduler

SCHEDULER = noise_scheduler("cosine", "v", False)
ALPHA_BARS = SCHEDULER.alphas_cumprod


class Gaussian:
    """Pictures of two pixels, (n, 1, 1, 2), from a normal distribution.

    Args:
        mean: (2,).
        covariance: (2, 2).
    """

    def __init__(self, mean: Tensor, covariance: Tensor) -> None:
        self._mean, self._covariance = mean, covariance

    def __call__(self, noisy: Tensor, timestep: int) -> Tensor:
        """The mean of all clean pictures that these can come from."""
        alpha_bar = ALPHA_BARS[timestep]
        spread = alpha_bar * self._covariance + (1 - alpha_bar) * torch.eye(2)
        gain = alpha_bar.sqrt() * self._covariance @ torch.linalg.inv(spread)
        beside = noisy.flatten(1) - alpha_bar.sqrt() * self._mean
        return (self._mean + beside @ gain.T).view_as(noisy)

    def draw(self, count: int, seed: int = 0) -> Tensor:
        """Pictures (count, 1, 1, 2)."""
        noise = torch.randn(count, 2, generator=torch.Generator().manual_seed(seed))
        return (self._mean + noise @ torch.linalg.cholesky(self._covariance).T).view(count, 1, 1, 2)
