"""The variational autoencoder (Kingma and Welling 2014)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, get_args

import torch
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from generative.coder import Decoder, Encoder, check_sizes, plain_shape
from generative.config import Likelihood, Prior
from generative.flow import CouplingFlow
from generative.objective import (
    bernoulli_log_likelihood,
    discretized_gaussian_log_likelihood,
    free_bits,
    gaussian_kl,
    importance_bound,
    standard_normal_log_density,
)
from generative.saved import SavedModel
from sandbox.nn.backbone import Backbone
from sandbox.nn.batches import Batch

LARGEST_LOG_VARIANCE = 10.0
FIRST_LOG_SCALE = -2.5
"""of the learned deviation, smaller than it will be: errors count much at first, and latents are put to use.
Beginning at -1, a VAE of Snake's frames gave all of them up within 100 steps"""


class Posterior(NamedTuple):
    """What the encoder takes a picture's latents to be: normal, each on its own."""

    mean: Tensor
    """(batch, latent)"""
    log_variance: Tensor
    """(batch, latent)"""

    def sample(self, generator: torch.Generator) -> Tensor:
        """Latents (batch, latent), differentiable in mean and variance."""
        noise = torch.randn(self.mean.shape, generator=generator, device=self.mean.device)
        return self.mean + torch.exp(0.5 * self.log_variance) * noise

    def kl(self) -> Tensor:
        """Divergence from the standard normal, (batch, latent) in nats."""
        return gaussian_kl(self.mean, self.log_variance)

    def log_density(self, latents: Tensor) -> Tensor:
        """Of latents (batch, latent): (batch,) in nats."""
        standard = (latents - self.mean) * torch.exp(-0.5 * self.log_variance)
        return standard_normal_log_density(standard) - 0.5 * self.log_variance.sum(1)

    def repeat(self, times: int) -> Posterior:
        """All of it `times` times, one after the other: (times · batch, latent)."""
        return Posterior(self.mean.repeat(times, 1), self.log_variance.repeat(times, 1))


class VAE(SavedModel):
    """Encoder: the shared backbone and dense layers. Decoder: its mirror. All pictures are in [−1, 1].

    The objective is the evidence lower bound in nats: summed over pixels and latents, and averaged over the
    batch.
    A model of diffusers': `save_pretrained` and `VAE.from_pretrained` write and read a folder.

    Example:
        >>> import torch
        >>> from generative import VAE
        >>> model = VAE(channels=1, height=28, width=28, latent=16)
        >>> model.decode(model.from_noise(torch.randn(2, 16))).shape
        torch.Size([2, 1, 28, 28])

    Args:
        channels, height, width: of the pictures.
        latent: how many latents.
        hidden: units of the dense layer on either side of them.
        widths, depth, stem_stride: shape of the backbone, see `sandbox.nn.backbone.Backbone`.
        likelihood: of a pixel. "bernoulli": white with the probability that is its grey value, drawn anew
            each time, and black otherwise. "gaussian": the mass that a normal has on its grey level, with a
            deviation that is learned, one for each channel (Rybkin et al. 2021).
        beta: weight of the divergence from the prior in `loss`; the bound itself has 1.
        kl_warmup: part of the training in which that weight grows from 0.
        free_bits: divergence in nats that each latent may have for nothing in training.
        importance_samples: latents drawn for each picture in training; above 1 `loss` is the bound of Burda
            et al. (2016).
        importance_from: part of the training before that, in which one is drawn.
        prior: of the latents. "normal": standard normal. "flow": what a normalizing flow makes of that,
            learned with the rest (Chen et al. 2017, "Variational Lossy Autoencoder").
        classes: names of the classes that encoder and decoder are told; none for a model without.
    """

    @register_to_config
    def __init__(
        self,
        channels: int = 1,
        height: int = 28,
        width: int = 28,
        latent: int = 32,
        hidden: int = 256,
        widths: Sequence[int] = (16, 32, 64),
        depth: int = 1,
        stem_stride: int = 1,
        likelihood: str = "gaussian",
        beta: float = 1.0,
        kl_warmup: float = 0.0,
        free_bits: float = 0.0,
        importance_samples: int = 1,
        importance_from: float = 0.0,
        prior: str = "normal",
        classes: Sequence[str] = (),
    ) -> None:
        super().__init__()
        check_sizes(latent, hidden, widths, depth)
        if likelihood not in get_args(Likelihood) or prior not in get_args(Prior):
            raise ValueError(f"there is no likelihood {likelihood!r}, or no prior {prior!r}")
        self.shape, self.latent, self.likelihood = plain_shape(channels, height, width), latent, likelihood
        self.beta, self.kl_warmup, self.free_bits = beta, kl_warmup, free_bits
        self.importance_samples, self.importance_from = importance_samples, importance_from
        self.classes = tuple(classes)
        self.backbone = Backbone(channels, widths, depth, stem_stride)
        self.encoder = Encoder(self.backbone, self.shape, hidden, 2 * latent, len(self.classes))
        self.decoder = Decoder(self.backbone, self.shape, latent, hidden, len(self.classes))
        self.flow = CouplingFlow(latent) if prior == "flow" else None
        self.log_scale = (
            None if likelihood == "bernoulli" else nn.Parameter(torch.full((channels, 1, 1), FIRST_LOG_SCALE))
        )

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Reconstructions (batch, channels, height, width) in [−1, 1], by the posterior's mean."""
        return self.decode(self.embed(images, labels), labels)

    def encode(self, images: Tensor, labels: Tensor | None = None) -> Posterior:
        """What the latents of pictures (batch, channels, height, width) are taken to be.

        Args:
            images: in [−1, 1].
            labels: (batch,) int64, of a class-conditional model.
        """
        mean, log_variance = self.encoder(self.backbone(images)[-1], labels).float().chunk(2, 1)
        return Posterior(mean, log_variance.clamp(-LARGEST_LOG_VARIANCE, LARGEST_LOG_VARIANCE))

    def embed(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """The means of the latents (batch, latent) of pictures."""
        return self.encode(images, labels).mean

    def from_noise(self, noise: Tensor) -> Tensor:
        """Latents (batch, latent) from the prior, of standard normal noise (batch, latent)."""
        return noise if self.flow is None else self.flow.from_noise(noise)

    def prior_log_density(self, latents: Tensor) -> Tensor:
        """Of latents (batch, latent): (batch,) in nats."""
        return standard_normal_log_density(latents) if self.flow is None else self.flow.log_density(latents)

    def divergence(self, posterior: Posterior, latents: Tensor) -> tuple[Tensor, Tensor]:
        """How far the posterior is from the prior, in two parts that are to be summed, in nats.

        Args:
            posterior: of the pictures.
            latents: (batch, latent), drawn from it.

        Returns:
            The divergence of each latent from the standard normal, (batch, latent), which is known exactly;
            and what the prior makes another of it, (batch,), measured at the latents that were drawn.
        """
        kl = posterior.kl()
        if self.flow is None:
            return kl, kl.new_zeros(len(kl))
        return kl, standard_normal_log_density(latents) - self.flow.log_density(latents)

    def decode(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """The mean pictures (batch, channels, height, width) in [−1, 1] of latents (batch, latent)."""
        return self._mean(self.decoder(latents, labels).float())

    def targets(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """What the model describes: pictures as they are, or (Bernoulli) made black and white by chance."""
        if self.likelihood != "bernoulli":
            return images
        drawn = torch.rand(images.shape, generator=generator, device=images.device)
        return (2 * drawn < images + 1).to(images.dtype).mul(2).sub(1)

    def log_likelihood(self, targets: Tensor, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Of `targets` (batch, channels, height, width), given latents (batch, latent): (batch,) in nats."""
        raw = self.decoder(latents, labels).float()
        if self.log_scale is None:
            return bernoulli_log_likelihood((targets + 1) / 2, raw)
        return discretized_gaussian_log_likelihood(targets, self._mean(raw), self.log_scale)

    def loss(self, batch: Batch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """The negative bound, and its terms; β, its growth and free bits as they are at this moment.

        What is evaluated knows neither growth nor free bits nor importance samples, so that one look at the
        validation data can be compared with another.
        """
        labels = batch.labels if self.classes else None
        targets = self.targets(batch.images, generator)
        posterior = self.encode(targets, labels)
        if self.training and self.importance_samples > 1 and batch.progress >= self.importance_from:
            return self._importance_loss(targets, posterior, labels, generator)
        latents = posterior.sample(generator)
        reconstruction = -self.log_likelihood(targets, latents, labels).mean()
        each, more = self.divergence(posterior, latents)
        kl, further = each.mean(0), more.mean()  # (latent,), ()
        charged, weight = kl.sum(), self.beta
        if self.training:
            charged = free_bits(kl, self.free_bits).sum()
            weight = self.beta * min(1.0, batch.progress / self.kl_warmup) if self.kl_warmup else self.beta
        error, divergence = reconstruction.detach(), (kl.sum() + further).detach()
        terms = {"reconstruction": error, "kl": divergence, "elbo": -error - divergence}
        return reconstruction + weight * (charged + further), terms

    def _importance_loss(
        self, targets: Tensor, posterior: Posterior, labels: Tensor | None, generator: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        seen, divergence = self._drawn(targets, posterior, labels, self.importance_samples, generator)
        loss = -importance_bound(seen - divergence).mean()
        error, kl = -seen.detach().mean(), divergence.detach().mean()
        return loss, {"reconstruction": error, "kl": kl, "elbo": -error - kl}

    def log_weights(
        self,
        targets: Tensor,
        posterior: Posterior,
        labels: Tensor | None,
        times: int,
        generator: torch.Generator,
    ) -> Tensor:
        """log p(x, z) − log q(z | x) of `times` latents drawn for each picture: (times, batch) in nats."""
        seen, divergence = self._drawn(targets, posterior, labels, times, generator)
        return seen - divergence

    def _drawn(
        self,
        targets: Tensor,
        posterior: Posterior,
        labels: Tensor | None,
        times: int,
        generator: torch.Generator,
    ) -> tuple[Tensor, Tensor]:
        """log p(x | z), and log q(z | x) − log p(z), as `log_weights`."""
        many = posterior.repeat(times)
        latents = many.sample(generator)
        labels = None if labels is None else labels.repeat(times)
        seen = self.log_likelihood(targets.repeat(times, 1, 1, 1), latents, labels)
        divergence = many.log_density(latents) - self.prior_log_density(latents)
        return seen.unflatten(0, (times, -1)), divergence.unflatten(0, (times, -1))

    def _mean(self, raw: Tensor) -> Tensor:
        return raw.sigmoid().mul(2).sub(1)
