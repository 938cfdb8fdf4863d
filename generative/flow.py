"""A prior that is learned: a normalizing flow over the latents."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from generative.objective import standard_normal_log_density

LAYERS, UNITS = 4, 128
MOST_STRETCH = 2.0
"""logarithm of how much a layer stretches a latent, at most"""


class CouplingFlow(nn.Module):
    """Affine couplings (Dinh et al. 2017, "Density estimation using Real NVP") between latents and noise.

    Each layer moves and stretches every second latent by what a small dense network makes of the others, in
    turns. It begins as the identity: a new flow is the standard normal.

    Args:
        latent: how many latents, at least 2.
    """

    def __init__(self, latent: int) -> None:
        super().__init__()
        self.nets = nn.ModuleList(
            _net((latent + 1) // 2, latent // 2) if number % 2 == 0 else _net(latent // 2, (latent + 1) // 2)
            for number in range(LAYERS)
        )

    def log_density(self, latents: Tensor) -> Tensor:
        """Of latents (batch, latent): (batch,) in nats."""
        noise, stretch = self.to_noise(latents)
        return standard_normal_log_density(noise) - stretch

    def to_noise(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        """The standard normal noise (batch, latent) that latents are made of, and by how much it was
        stretched: the logarithm of the determinant of `from_noise` there, (batch,)."""
        total = latents.new_zeros(len(latents))
        for number, net in reversed(list(enumerate(self.nets))):
            kept, moved = _halves(latents, number)
            shift, stretch = _steered(net, kept)
            latents = _joined(kept, (moved - shift) * torch.exp(-stretch), number)
            total = total + stretch.sum(1)
        return latents, total

    def from_noise(self, noise: Tensor) -> Tensor:
        """Latents (batch, latent) of standard normal noise (batch, latent)."""
        for number, net in enumerate(self.nets):
            kept, moved = _halves(noise, number)
            shift, stretch = _steered(net, kept)
            noise = _joined(kept, moved * torch.exp(stretch) + shift, number)
        return noise


def _net(before: int, after: int) -> nn.Sequential:
    last = nn.Linear(UNITS, 2 * after)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Linear(before, UNITS), nn.SiLU(), nn.Linear(UNITS, UNITS), nn.SiLU(), last)


def _steered(net: nn.Module, kept: Tensor) -> tuple[Tensor, Tensor]:
    """Shift and stretch (batch, moved) each."""
    shift, stretch = net(kept).chunk(2, 1)
    return shift, MOST_STRETCH * torch.tanh(stretch / MOST_STRETCH)


def _halves(latents: Tensor, number: int) -> tuple[Tensor, Tensor]:
    """The latents that layer `number` keeps, and those that it moves."""
    return latents[:, number % 2 :: 2], latents[:, 1 - number % 2 :: 2]


def _joined(kept: Tensor, moved: Tensor, number: int) -> Tensor:
    whole = kept.new_empty(len(kept), kept.shape[1] + moved.shape[1])
    whole[:, number % 2 :: 2], whole[:, 1 - number % 2 :: 2] = kept, moved
    return whole
