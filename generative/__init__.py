"""Generative models over the sandbox's one backbone: autoencoder, VAE and DDPM.

    from generative import ConditionalPipeline
    from sandbox import train

    vae = train("generator", "vae", "mnist", max_minutes=2)  # a VAE; "autoencoder" and "ddpm" likewise
    pictures = vae.decode(vae.from_noise(torch.randn(16, vae.latent)))  # (16, 1, 28, 28) in [-1, 1]
    pipeline = ConditionalPipeline.from_pretrained("RUN/model")  # of a ddpm: draws like one of diffusers'

Models are diffusers' `ModelMixin` and `ConfigMixin`: a folder that `save_pretrained` wrote, such as a run's
`model/`, opens with `from_pretrained`. Nothing heavy is loaded before it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .autoencoder import Autoencoder
    from .ddpm import DDPM
    from .pipeline import ConditionalPipeline
    from .unet import UNet
    from .vae import VAE

__all__ = ["DDPM", "VAE", "Autoencoder", "ConditionalPipeline", "UNet"]

_HOMES = {
    "Autoencoder": "generative.autoencoder",
    "ConditionalPipeline": "generative.pipeline",
    "DDPM": "generative.ddpm",
    "UNet": "generative.unet",
    "VAE": "generative.vae",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'generative' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
