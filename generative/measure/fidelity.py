"""How near reconstructions come to their originals, on pixels from 0 to 1."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch

from generative.autoencoder import Autoencoder
from generative.passes import passes, squared_errors
from generative.vae import VAE
from sandbox.data.pictures import Pictures

NOISE_SEED = 0
"""of the noise with which denoising is measured: the same in every evaluation"""


@dataclass(frozen=True)
class Denoised:
    """What becomes of noised pictures, measured against the clean ones."""

    noise: float
    """standard deviation"""
    before: float
    """mean squared error of the noised pictures themselves"""
    after: float
    """mean squared error of their reconstructions"""

    def summary(self) -> dict[str, float]:
        """As `--json` has it."""
        return {
            "noise": self.noise,
            "input_mse": self.before,
            "mse": self.after,
            "psnr": psnr(self.after),
        }


@dataclass(frozen=True)
class Fidelity:
    """How well a model reconstructs."""

    n: int
    """pictures"""
    mse: float
    """mean squared error of a pixel"""
    denoised: Denoised | None = None
    """of a denoising autoencoder"""

    def summary(self) -> dict[str, Any]:
        """As `--json` has it."""
        parts = {} if self.denoised is None else {"noised": self.denoised.summary()}
        return {"mse": self.mse, "psnr": psnr(self.mse), **parts}


def psnr(mse: float) -> float:
    """The peak signal-to-noise ratio of a mean squared error of pixels from 0 to 1, in dB."""
    return math.inf if mse == 0 else -10 * math.log10(mse)


@torch.inference_mode()
def measure_fidelity(model: Autoencoder | VAE, pictures: Pictures, device: torch.device) -> Fidelity:
    """Reconstruct all pictures: of an autoencoder by their codes, of a VAE by the means of their latents."""
    # On the CPU, so that all devices draw the same.
    generator = torch.Generator().manual_seed(NOISE_SEED)
    noise = noise_of(model)
    plain = before = after = 0.0
    for images, labels in passes(model, pictures, device):
        plain += float(squared_errors(model(images, labels), images).sum())
        if isinstance(model, Autoencoder) and noise:
            noised = model.noised(images.cpu(), generator).to(device)
            before += float(squared_errors(noised, images).sum())
            after += float(squared_errors(model(noised, labels), images).sum())
    n = len(pictures)
    return Fidelity(n, plain / n, Denoised(noise, before / n, after / n) if noise else None)


def noise_of(model: Autoencoder | VAE) -> float:
    """Standard deviation of the noise that the model learned to remove; 0 of all but denoising ones."""
    return model.noise if isinstance(model, Autoencoder) else 0.0
