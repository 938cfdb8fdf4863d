"""Exploration by noise in the weights (Fortunato et al. 2018, arXiv:1706.10295)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


class NoisyLinear(nn.Linear):
    """A linear layer whose weights have a learnt mean and a learnt standard deviation.

    The noise is factorised, and drawn for each row of the batch: with many environments each of them explores
    in its own way, and the rows of a minibatch are independent. Without noise (see `draw`) it is the layer of
    the means.

    Args:
        std: standard deviation at the start, times the square root of `in_features` (0.5 in the paper).
    """

    def __init__(self, in_features: int, out_features: int, std: float = 0.5) -> None:
        super().__init__(in_features, out_features)
        bound = 1 / math.sqrt(in_features)
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.uniform_(self.bias, -bound, bound)
        self.weight_std = nn.Parameter(torch.full_like(self.weight, std * bound))
        self.bias_std = nn.Parameter(torch.full_like(self.bias, std * bound))
        self._noise: tuple[Tensor, Tensor] | None = None

    def draw(self, rows: int, generator: torch.Generator | None) -> None:
        """Noise for the next forward passes on batches of `rows`; `forget` ends it."""
        sizes = ((rows, self.in_features), (rows, self.out_features))
        device = self.weight.device
        inward, outward = (_squashed(torch.randn(size, generator=generator, device=device)) for size in sizes)
        self._noise = inward, outward

    def forget(self) -> None:
        """From here on the means alone."""
        self._noise = None

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        mean = super().forward(input)  # (rows, out)
        if self._noise is None:
            return mean
        inward, outward = self._noise
        # (sigma * outward inward^T) x + sigma_b * outward, for each row, without a matrix a row.
        return mean + functional.linear(input * inward, self.weight_std, self.bias_std) * outward


def _squashed(noise: Tensor) -> Tensor:
    """sign(x) sqrt(|x|), the paper's f."""
    return noise.sign() * noise.abs().sqrt()
