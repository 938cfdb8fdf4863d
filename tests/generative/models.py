"""Tiny models for tests, and pictures for them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from generative.config import Prediction
from generative.ddpm import DDPM
from generative.diffusion import noise_scheduler
from generative.unet import UNet

TINY = {"widths": (8, 16), "hidden": 16, "latent": 3}


def model_of(kind: type[Any], seed: int = 0, **options: Any) -> Any:
    """A new tiny model; its weights follow from the seed."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return kind(**{"height": 8, "width": 8, **TINY, **options})


def ddpm_of(
    prediction: Prediction = "v",
    classes: tuple[str, ...] = ("a", "b", "c"),
    *,
    seed: int = 0,
    zero_snr: bool = False,
    timesteps: int = 1000,
    size: tuple[int, int] = (8, 8),
    channels: int = 1,
    **options: Any,
) -> DDPM:
    """A new tiny denoiser in which nothing is zero any more; its weights follow from the seed."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        unet = UNet(size, channels, widths=(8, 16), classes=classes)
        with torch.no_grad():
            for part in unet.parameters():
                part.add_(torch.randn_like(part), alpha=0.05)
    return DDPM(unet, noise_scheduler("cosine", prediction, zero_snr, timesteps), classes, **options)


def drawn(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(count: int, *shape: int, seed: int = 0) -> Tensor:
    """(count, *shape) of the 256 grey levels, in [−1, 1]."""
    levels = torch.randint(0, 256, (count, *(shape or (1, 8, 8))), generator=drawn(seed))
    return levels / 127.5 - 1
