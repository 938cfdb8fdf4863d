"""The wing of generative models over the sandbox's one backbone: autoencoder, VAE and DDPM.

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
    return sorted({*globals(), *__all__})
