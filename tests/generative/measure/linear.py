"""A VAE whose every number is known: linear, with Gaussian pixels, so that the evidence has a closed form."""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor
from torch.distributions import MultivariateNormal, Normal

from generative.objective import standard_normal_log_density
from generative.vae import VAE, Posterior
from sandbox.data.pictures import Pictures
from sandbox.nn.batches import to_model

SIDE, NOISE = 3, 0.4


class LinearVAE(torch.nn.Module):
    """Pixels are a matrix times the latents, and noise. The last latent has no influence on them.

    Args:
        off: added to the exact posterior's log variance and, times 0.2, to its mean; 0 leaves it exact.
    """

    likelihood = "gaussian"
    flow, divergence, prior_log_density = None, VAE.divergence, VAE.prior_log_density

    def __init__(self, off: float = 0.0, classes: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.classes, self.off = classes, off
        directions = torch.randn(SIDE**2, 2, generator=torch.Generator().manual_seed(1)) / SIDE
        # Orthogonal columns: so is the posterior, which a VAE's has to be.
        orthogonal = torch.linalg.qr(directions).Q
        self.matrix = torch.nn.Parameter(torch.cat([orthogonal, torch.zeros(SIDE**2, 1)], 1))

    def encode(self, images: Tensor, labels: Tensor | None = None) -> Posterior:
        precision = 1 + self.matrix.square().sum(0) / NOISE**2  # (latent,)
        mean = images.flatten(1) @ self.matrix / NOISE**2 / precision
        log_variance = -precision.log().expand_as(mean)
        return Posterior(mean + 0.2 * self.off, log_variance + self.off)

    def log_likelihood(self, targets: Tensor, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        return Normal(latents @ self.matrix.T, NOISE).log_prob(targets.flatten(1)).sum(1)

    def log_weights(
        self, targets: Tensor, posterior: Posterior, labels: object, times: int, generator: torch.Generator
    ) -> Tensor:
        many = posterior.repeat(times)
        latents = many.sample(generator)
        seen = self.log_likelihood(targets.repeat(times, 1, 1, 1), latents)
        weights = seen + standard_normal_log_density(latents) - many.log_density(latents)
        return weights.unflatten(0, (times, -1))

    def log_evidence(self, pictures: Pictures) -> Tensor:
        """(n,) in nats."""
        images = to_model(pictures.images, None, torch.Generator()).flatten(1)
        covariance = self.matrix @ self.matrix.T + NOISE**2 * torch.eye(SIDE**2)
        return MultivariateNormal(torch.zeros(SIDE**2), covariance).log_prob(images).detach()


def linear_vae(off: float = 0.0) -> tuple[VAE, LinearVAE]:
    """The same model twice: as what is measured takes it to be, and as what it is."""
    model = LinearVAE(off)
    return cast(VAE, model), model


def drawn(n: int) -> Pictures:
    """Pictures as the linear model draws them, in 256 grey levels."""
    model, generator = LinearVAE(), torch.Generator().manual_seed(2)
    latents = torch.randn(n, 3, generator=generator)
    noise = NOISE * torch.randn(n, SIDE**2, generator=generator)
    pixels = (latents @ model.matrix.detach().T + noise).clamp(-1, 1)
    images = pixels.add(1).mul(127.5).round().to(torch.uint8).reshape(n, 1, SIDE, SIDE)
    return Pictures(images, torch.zeros(n, dtype=torch.int64), ("all",))


def log_evidence_bits(nats: float) -> float:
    """Of a picture of the linear model, in bits for each pixel."""
    return nats / math.log(2) / SIDE**2
