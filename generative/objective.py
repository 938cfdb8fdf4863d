"""The mathematics of autoencoders' objectives: pure functions, in nats, one number a picture.

Everything is summed over pixels and latents: what is averaged over the batch is the caller's business.
"""

from __future__ import annotations

import math
from typing import overload

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

GREY_LEVELS = 256
HALF_BIN = 1 / (GREY_LEVELS - 1)
"""half the distance of two grey levels, for pictures in [−1, 1]"""
NARROW = 0.01
"""bins narrower than this, in standard deviations, are measured by their middle: differences would cancel"""
LOG_2_PI = math.log(2 * math.pi)


def gaussian_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Kullback–Leibler divergence of N(mean, variance) from the standard normal, for each latent.

    Args:
        mean: (n, latent).
        log_variance: (n, latent), natural logarithms.

    Returns:
        (n, latent), nats, none below 0.
    """
    # expm1(v) − v keeps what 1 + v would round away, where the posterior is nearly the prior.
    return 0.5 * (mean.square() + torch.expm1(log_variance) - log_variance)


def standard_normal_log_density(latents: Tensor) -> Tensor:
    """Of latents (n, latent), each standard normal on its own: (n,) in nats."""
    return -0.5 * (latents.square() + LOG_2_PI).sum(1)


def bernoulli_log_likelihood(targets: Tensor, logits: Tensor) -> Tensor:
    """Log probability of black and white pictures, summed over their pixels.

    Args:
        targets: (n, …), 0 or 1.
        logits: (n, …), of the probability of 1.

    Returns:
        (n,), nats.
    """
    return -binary_cross_entropy_with_logits(logits, targets, reduction="none").flatten(1).sum(1)


def discretized_gaussian_log_likelihood(images: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
    """Log probability of pictures of 256 grey levels, summed over their pixels (Ho et al. 2020, 3.3).

    The probability of a level is what a normal distribution gives to the levels' surroundings, half-way to
    the neighbours; black and white take the tails. Over the levels it sums to one.

    Args:
        images: (n, …), in [−1, 1]: level k is 2·k/255 − 1.
        mean: (n, …), in [−1, 1].
        log_scale: logarithm of the standard deviation, in the same unit; any shape that spreads over images.

    Returns:
        (n,), nats.
    """
    per_scale = torch.exp(-log_scale)
    low = (images - HALF_BIN - mean) * per_scale
    high = (images + HALF_BIN - mean) * per_scale
    inside = _log_mass(low, high, 2 * HALF_BIN * per_scale)
    brightest = torch.where(images > 1 - HALF_BIN, _log_below(-low), inside)
    return torch.where(images < HALF_BIN - 1, _log_below(high), brightest).flatten(1).sum(1)


def _log_mass(low: Tensor, high: Tensor, width: Tensor) -> Tensor:
    """log(Φ(high) − Φ(low)), without underflow, cancellation, or a gradient that is no number."""
    # Mirrored into the left tail, where Φ is small and its logarithm exact.
    mirrored = low + high > 0
    left, right = torch.where(mirrored, -high, low), torch.where(mirrored, -low, high)
    log_right = _log_below(right)
    ratio = (_log_below(left) - log_right).clamp(max=-1e-6)  # log of Φ(left) / Φ(right)
    wide = log_right + torch.log(-torch.expm1(ratio))
    # The bin's width times the density at its middle, with the next term of the series.
    middle, narrow = (low + high) / 2, width.clamp(max=NARROW)
    curve = torch.log1p(narrow.square() * (middle.square() - 1) / 24)
    by_middle = torch.log(narrow) - 0.5 * (middle.square() + LOG_2_PI) + curve
    return torch.where(width < NARROW, by_middle, wide)


def _log_below(x: Tensor) -> Tensor:
    """log Φ(x), as `torch.special.log_ndtr`, whose gradient is wrong far in the tail (float32, x < −100)."""
    tail, body = x.clamp(max=0), x.clamp(min=0)
    in_tail = torch.log(torch.special.erfcx(-tail / math.sqrt(2)) / 2) - tail.square() / 2
    return torch.where(x < 0, in_tail, torch.log1p(-torch.special.erfc(body / math.sqrt(2)) / 2))


def free_bits(kl: Tensor, nats: float) -> Tensor:
    """KL of each latent, raised to at least ``nats``: below, a latent is not pressed further.

    From Kingma et al. 2016, appendix C.8, with every latent a group.

    Args:
        kl: (latent,), means over the batch.

    Returns:
        (latent,); the gradient is 0 where it was raised.
    """
    return kl.clamp(min=nats)


def importance_bound(log_weights: Tensor) -> Tensor:
    """Lower bound of the log evidence that grows with the number of samples (Burda et al. 2016).

    Args:
        log_weights: (k, n), log p(x, z) − log q(z | x) for z drawn from q; with k = 1, draws of the ELBO.

    Returns:
        (n,), nats.
    """
    return torch.logsumexp(log_weights, 0) - math.log(len(log_weights))


@overload
def bits_per_dimension(nats: float, dimensions: int) -> float: ...
@overload
def bits_per_dimension(nats: Tensor, dimensions: int) -> Tensor: ...
def bits_per_dimension(nats: float | Tensor, dimensions: int) -> float | Tensor:
    """What ``nats`` a picture come to in bits for each of its ``dimensions`` (pixels times channels)."""
    return nats / (dimensions * math.log(2))
