"""What a denoiser is told besides the picture: how much noise there is, and of which class it shall be."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LONGEST_PERIOD = 10_000
"""of the waves that tell time, in timesteps; the shortest is 2π"""


class Conditioning(nn.Module):
    """Time and class to a scale and a shift for every channel of every block.

    Sinusoidal time through two dense layers, with the class's embedding added, then SiLU and one linear layer
    for all blocks (FiLM, Perez et al. 2018), which begins at zero: at first nothing is steered. It stands
    outside of the blocks, so that those of a backbone stay what they are everywhere.

    Args:
        block_channels: of each block, in the order in which they are to be steered.
        classes: how many there are; 0 for a model that is told none.
        width: of the embedding, even.
    """

    def __init__(self, block_channels: Sequence[int], classes: int, width: int = 128) -> None:
        super().__init__()
        self.classes, self.width = classes, width
        self.sizes = [2 * channels for channels in block_channels]
        self.time = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.label = nn.Embedding(classes + 1, width) if classes else None
        """the last row is of the null class: any of them"""
        self.steer = nn.Linear(width, sum(self.sizes))
        nn.init.zeros_(self.steer.weight)
        nn.init.zeros_(self.steer.bias)

    def forward(self, timesteps: Tensor, labels: Tensor | None = None) -> tuple[Tensor, ...]:
        """Scale and shift for each block: (batch, 2 · channels) each, see `ResidualBlock`.

        Args:
            timesteps: (batch,), 0 to 999 and between.
            labels: (batch,) int64; `classes` and None stand for the null class.

        Raises:
            ValueError: labels for a model that knows no classes.
        """
        h = self.time(sinusoids(timesteps, self.width).to(self.steer.weight.dtype))  # (batch, width)
        if self.label is not None:
            null = timesteps.new_full(timesteps.shape, self.classes, dtype=torch.long)
            h = h + self.label(null if labels is None else labels)
        elif labels is not None:
            raise ValueError("class labels were given to a model that knows no classes")
        return self.steer(F.silu(h)).split(self.sizes, dim=1)


def sinusoids(timesteps: Tensor, width: int) -> Tensor:
    """Timesteps (batch,) as cosines and sines (batch, width) of periods in geometric progression.

    As positions in Vaswani et al. (2017), "Attention Is All You Need".
    """
    half = width // 2
    powers = torch.arange(half, dtype=torch.float32, device=timesteps.device) / half
    angles = timesteps.float()[:, None] * torch.exp(-math.log(LONGEST_PERIOD) * powers)  # (batch, half)
    return torch.cat([angles.cos(), angles.sin()], dim=1)
