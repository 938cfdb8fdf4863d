"""Tiny diffusion models for tests."""

from __future__ import annotations

import torch
from torch import nn

from generative.ddpm import DDPM
from generative.diffusion import noise_scheduler
from generative.unet import UNet

SHAPE = (1, 8, 8)


def tiny_ddpm(*classes: str, seed: int = 0) -> DDPM:
    """A model of pictures of 8×8 with random weights, none of them zero."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        unet = UNet(8, 1, None, (8, 16), classes=classes)
        for part in unet.parameters():
            nn.init.normal_(part, std=0.1)
    return DDPM(unet, noise_scheduler("cosine", "v", False), classes).eval()
