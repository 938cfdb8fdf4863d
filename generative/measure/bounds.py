"""How well a VAE describes pictures: its bounds of the evidence in nats, their terms, and its latents."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from generative.objective import bits_per_dimension, importance_bound
from generative.passes import pass_size, passes, spread
from generative.vae import VAE
from sandbox.core.seeding import derive_seed
from sandbox.data.pictures import Pictures

ACTIVE = 0.01
"""variance of a latent's mean over the data, above which it is active (Burda et al. 2016)"""
FEW = 10
"""where no more than one latent in so many is active, the posterior is called collapsed"""
BINARISED_SEED = 0


@dataclass(frozen=True)
class Gap:
    """By how much the importance-weighted bound is above the ELBO, measured on some of the pictures."""

    mean: float
    """nats, at least 0 but for chance"""
    error: float
    """standard error of the mean, as that of all pictures; 0 where it was measured on all"""
    images: int
    samples: int
    """latents drawn for each of them"""


@dataclass(frozen=True, eq=False)
class Bound:
    """What a VAE makes of pictures. All in nats a picture, summed over pixels and latents."""

    n: int
    """pictures"""
    dimensions: int
    """pixels times channels"""
    elbo: float
    """evidence lower bound: −(reconstruction + kl)"""
    error: float
    """its standard error: how far it would be another with other pictures of the same kind"""
    reconstruction: float
    """mean negative log likelihood, latents drawn from the posterior"""
    kl: Tensor
    """(latent,) float64: mean divergence of each latent from the standard normal"""
    variance: Tensor
    """(latent,) float64: over the pictures, of the posterior's mean"""
    further: float = 0.0
    """by how much the divergence from a learned prior is more than that from the standard normal"""
    gap: Gap | None = field(default=None)

    @property
    def divergence(self) -> float:
        """Mean divergence of the latents from the prior."""
        return float(self.kl.sum()) + self.further

    @property
    def active(self) -> Tensor:
        """(latent,) bool: which latents say something about the picture."""
        return self.variance > ACTIVE

    @property
    def importance(self) -> float | None:
        """The importance-weighted bound (Burda et al. 2016)."""
        return None if self.gap is None else self.elbo + self.gap.mean

    def summary(self) -> dict[str, Any]:
        """As `--json` has it; `nats`, the score, is the ELBO without its sign."""
        found: dict[str, Any] = {
            "nats": -self.elbo,
            "elbo": self.elbo,
            "elbo_error": self.error,
            "reconstruction": self.reconstruction,
            "kl": self.divergence,
            "bits_per_dimension": bits_per_dimension(-self.elbo, self.dimensions),
            "latents": len(self.kl),
            "active_units": int(self.active.sum()),
        }
        if self.gap is None or self.importance is None:
            return found
        return found | {
            "bound": self.importance,
            "bound_bits_per_dimension": bits_per_dimension(-self.importance, self.dimensions),
            "gap": self.gap.mean,
            "gap_error": self.gap.error,
            "gap_images": self.gap.images,
            "samples": self.gap.samples,
        }

    def latents(self) -> list[dict[str, Any]]:
        """Each latent, as `--json` has it."""
        columns = zip(self.kl.tolist(), self.variance.tolist(), self.active.tolist(), strict=True)
        return [
            {"latent": number, "kl": round(kl, 6), "variance": round(variance, 6), "active": active}
            for number, (kl, variance, active) in enumerate(columns)
        ]


def described(model: VAE, pictures: Pictures) -> Pictures:
    """The pictures whose likelihood is measured: as they are, or made black and white by chance, once.

    A pixel is white with the probability that is its grey value, by seed 0: the same in every evaluation.
    """
    if model.likelihood != "bernoulli":
        return pictures
    cpu = torch.device("cpu")
    generator = torch.Generator().manual_seed(BINARISED_SEED)
    parts = [model.targets(images, generator) for images, _ in passes(model, pictures, cpu)]
    white = torch.cat([part > 0 for part in parts]) if parts else pictures.images.bool()
    return Pictures(white.to(torch.uint8) * 255, pictures.labels.cpu(), pictures.classes)


@torch.inference_mode()
def measure_bound(model: VAE, pictures: Pictures, device: torch.device) -> Bound:
    """The ELBO of all pictures, of latents drawn once for each.

    Args:
        model: in evaluation mode, on the device; class-conditional ones are told the labels.
        pictures: as `described` gives them.
    """
    generator = torch.Generator(device).manual_seed(derive_seed(BINARISED_SEED, "latents"))
    costs, kls, more, means = [], [], [], []
    for images, labels in passes(model, pictures, device):
        posterior = model.encode(images, labels)
        latents = posterior.sample(generator)
        costs.append(-model.log_likelihood(images, latents, labels).double().cpu())
        kl, further = model.divergence(posterior, latents)
        kls.append(kl.double().cpu())
        more.append(further.double().cpu())
        means.append(posterior.mean.double().cpu())
    cost, kl, further = torch.cat(costs), torch.cat(kls), torch.cat(more)  # (n,), (n, latent), (n,)
    total = cost + kl.sum(1) + further
    return Bound(
        len(pictures),
        math.prod(pictures.shape),
        -float(total.mean()),
        _standard_error(total),
        float(cost.mean()),
        kl.mean(0),
        torch.cat(means).var(0, correction=0),
        float(further.mean()),
    )


@torch.inference_mode()
def measure_gap(model: VAE, pictures: Pictures, device: torch.device, images: int, samples: int) -> Gap:
    """By how much the bound of so many `samples` is above the ELBO, on `images` evenly spread pictures.

    Both are taken from the same draws, so their difference varies far less from picture to picture than
    either does; added to the ELBO of all pictures it gives the bound of all pictures without bias.
    """
    some = pictures.take(spread(len(pictures), images))
    generator = torch.Generator(device).manual_seed(derive_seed(BINARISED_SEED, "importance"))
    at_once = pass_size(pictures.shape)
    gaps = []
    for part in passes(model, some, device, max(1, at_once // samples)):
        posterior = model.encode(*part)
        weights = torch.cat(
            [
                model.log_weights(part.images, posterior, part.labels, len(times), generator)
                for times in torch.arange(samples).split(max(1, at_once // len(part.images)))
            ]
        ).double()  # (samples, batch)
        gaps.append((importance_bound(weights) - weights.mean(0)).cpu())
    gap = torch.cat(gaps)
    left_out = math.sqrt(1 - len(gap) / len(pictures))  # correction for a finite population
    error = 0.0 if len(gap) == len(pictures) else _standard_error(gap) * left_out
    return Gap(float(gap.mean()), error, len(gap), samples)


def collapse_warning(active: int, latents: int) -> str | None:
    """What to say of a VAE few or none of whose latents say anything about the picture."""
    if active > latents // FEW:
        return None
    few = "none" if not active else f"only {active}"
    return (
        f"posterior collapse: {few} of {latents} latents say anything about the picture; "
        "--kl-warmup 0.3, --free-bits 0.1 or a smaller --beta may help"
    )


def _standard_error(values: Tensor) -> float:
    return float(values.std() / math.sqrt(len(values))) if len(values) > 1 else math.nan
