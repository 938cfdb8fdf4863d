"""What the convolutional networks are built of."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class GroupNorm(nn.GroupNorm):
    """torch's, also behind layers that are frozen.

    On the CPU, torch 2.13 crashes in its backward pass for an input in channels-last order that needs no
    gradient.
    """

    def forward(self, x: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        if torch.is_grad_enabled() and not x.requires_grad and x.device.type == "cpu":
            x = x.contiguous()
        return super().forward(x)


def group_norm(channels: int) -> GroupNorm:
    """GroupNorm with at most 8 groups of at least 4 channels, where the number can be divided so.

    Wu and He, "Group Normalization" (2018). No batch statistics: the same in training, evaluation, target
    networks, averaged copies and at batch 1.
    """
    return GroupNorm(math.gcd(channels, 8) if channels >= 32 else math.gcd(channels, 4), channels)


class ResidualBlock(nn.Module):
    """Norm, SiLU, convolution, twice, added to the input (He et al. 2016, "Identity Mappings").

    The second convolution starts at zero, so that a new block passes its input on unchanged. With stride 2
    it halves the picture, ceil(n / 2), in its first convolution and in its shortcut (average of 2×2).

    Args:
        in_channels, out_channels: a linear 1×1 convolution joins the shortcut where they differ.
        stride: 1 or 2.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride
        self.norm1 = group_norm(in_channels)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1)
        self.norm2 = group_norm(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        same = in_channels == out_channels
        self.shortcut = nn.Identity() if same else nn.Conv2d(in_channels, out_channels, 1, bias=False)
        nn.init.kaiming_normal_(self.conv1.weight, nonlinearity="relu")
        nn.init.zeros_(self.conv1.bias)  # type: ignore[arg-type]
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(self.conv2.bias)  # type: ignore[arg-type]
        if not same:
            nn.init.kaiming_normal_(self.shortcut.weight, nonlinearity="linear")  # type: ignore[arg-type]

    def forward(self, x: Tensor, modulation: Tensor | None = None) -> Tensor:
        """Transform (batch, in_channels, height, width) to (batch, out_channels, …).

        Args:
            x: features.
            modulation: (batch, 2 · out_channels), a scale and a shift of each channel after the second norm
                (FiLM, Perez et al. 2018; as in Dhariwal and Nichol 2021, a scale of 0 changes nothing).
        """
        h = self.norm2(self.conv1(F.silu(self.norm1(x))))
        if modulation is not None:
            scale, shift = modulation[:, :, None, None].chunk(2, dim=1)  # (batch, channels, 1, 1) each
            h = h * (1 + scale) + shift
        h = self.conv2(F.silu(h))
        if self.stride == 2:
            x = F.avg_pool2d(x, 2, ceil_mode=True, count_include_pad=False)
        return self.shortcut(x) + h
