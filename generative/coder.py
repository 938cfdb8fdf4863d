"""From pictures to a few numbers, and back: the shared backbone with dense layers behind it, and its mirror.

The backbone's last features are brought to at most 8×8 by further blocks (none at 28×28, two at 128×128):
dense layers on more would have most of the weights and learn the least.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from sandbox.nn.backbone import Backbone
from sandbox.nn.blocks import ResidualBlock, group_norm

COARSEST = 8
"""side of the features that dense layers see, at most"""
WIDEST = 256
"""channels of the further blocks, at most"""

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Scales:
    """Channels and sizes of the features between a picture and the dense layers, finest first."""

    channels: tuple[int, ...]
    sizes: tuple[tuple[int, int], ...]
    """(height, width) of each"""

    @property
    def flat(self) -> int:
        """Numbers in the coarsest features."""
        height, width = self.sizes[-1]
        return self.channels[-1] * height * width


def scales_of(backbone: Backbone, shape: Shape) -> Scales:
    """Those of the backbone on pictures of `shape`, and of the further blocks that halve them."""
    channels, sizes = list(backbone.channels), backbone.sizes(*shape[1:])
    while max(sizes[-1]) > COARSEST:
        channels.append(min(2 * channels[-1], WIDEST))
        height, width = sizes[-1]
        sizes.append((-(-height // 2), -(-width // 2)))
    return Scales(tuple(channels), tuple(sizes))


class Encoder(nn.Module):
    """Backbone features to numbers; the backbone itself stands outside, so that its weights can move.

    Args:
        backbone: whose features it gets.
        shape: (channels, height, width) of the pictures.
        hidden: units of the dense layer.
        outputs: how many numbers.
        classes: of a class-conditional model; 0 for others.
    """

    def __init__(self, backbone: Backbone, shape: Shape, hidden: int, outputs: int, classes: int = 0) -> None:
        super().__init__()
        scales = scales_of(backbone, shape)
        further = scales.channels[len(backbone.channels) - 1 :]
        self.further = nn.Sequential(*(ResidualBlock(*pair, stride=2) for pair in pairwise(further)))
        self.flat = nn.Sequential(group_norm(further[-1]), nn.SiLU(), nn.Flatten())
        self.dense = nn.Linear(scales.flat, hidden)
        self.label = nn.Embedding(classes, hidden) if classes else None
        self.out = nn.Linear(hidden, outputs)

    def forward(self, features: Tensor, labels: Tensor | None = None) -> Tensor:
        """Numbers (batch, outputs) of the backbone's last features (batch, channels, rows, columns).

        Args:
            features: of the pictures.
            labels: (batch,) int64, of a class-conditional model.
        """
        h = self.dense(self.flat(self.further(features)))  # (batch, hidden)
        if self.label is not None:
            h = h + self.label(needed(labels))
        return self.out(F.silu(h))


class Decoder(nn.Module):
    """Numbers to pictures: the mirror of backbone and encoder, with as many blocks and the same channels.

    Args:
        backbone: that is mirrored.
        shape: (channels, height, width) of the pictures.
        latent: how many numbers.
        hidden: units of the dense layer.
        classes: of a class-conditional model; 0 for others.
    """

    def __init__(self, backbone: Backbone, shape: Shape, latent: int, hidden: int, classes: int = 0) -> None:
        super().__init__()
        self.shape, stride = shape, backbone.preset.stem_stride
        self.scales = scales_of(backbone, shape)
        self.dense = nn.Linear(latent, hidden)
        self.label = nn.Embedding(classes, hidden) if classes else None
        self.grow = nn.Linear(hidden, self.scales.flat)
        coarse_first = self.scales.channels[::-1]
        self.blocks = nn.ModuleList(
            UpBlock(before, after, backbone.preset.depth) for before, after in pairwise(coarse_first)
        )
        self.norm = group_norm(coarse_first[-1])
        self.out = nn.Conv2d(coarse_first[-1], shape[0] * stride**2, 3, padding=1)
        self.shuffle = nn.PixelShuffle(stride)

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Pictures (batch, channels, height, width), unbounded, of latents (batch, latent).

        Args:
            latents: to be decoded.
            labels: (batch,) int64, of a class-conditional model.
        """
        h = self.dense(latents)  # (batch, hidden)
        if self.label is not None:
            h = h + self.label(needed(labels))
        x = self.grow(F.silu(h)).unflatten(1, (self.scales.channels[-1], *self.scales.sizes[-1]))
        for block, size in zip(self.blocks, self.scales.sizes[-2::-1], strict=True):
            x = block(x, size)
        x = self.shuffle(self.out(F.silu(self.norm(x))))
        return x[:, :, : self.shape[1], : self.shape[2]]  # an odd side was rounded up


class UpBlock(nn.Module):
    """What mirrors a stage of the backbone: residual blocks, the last of which doubles the picture."""

    def __init__(self, in_channels: int, out_channels: int, depth: int = 1) -> None:
        super().__init__()
        self.before = nn.Sequential(*(ResidualBlock(in_channels, in_channels) for _ in range(depth - 1)))
        self.norm1 = group_norm(in_channels)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.norm2 = group_norm(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        self.shortcut = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(self.conv2.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        """Features (batch, in_channels, …) to (batch, out_channels, *size)."""
        x = self.before(x)
        h = self.conv1(F.silu(self.norm1(x)))
        h = self.conv2(F.silu(self.norm2(F.interpolate(h, size))))
        return F.interpolate(self.shortcut(x), size) + h


def needed(labels: Tensor | None) -> Tensor:
    """The labels; raises ValueError where a class-conditional model was given none."""
    if labels is None:
        raise ValueError("a class-conditional model needs labels: (batch,) int64, indices into its classes")
    return labels


def plain_shape(channels: int, height: int, width: int) -> Shape:
    """A shape out of a config. Raises ValueError for an impossible one."""
    if min(channels, height, width) < 1 or math.prod((channels, height, width)) > 1 << 26:
        raise ValueError(f"no pictures have {channels} channels of {height}×{width}")
    return channels, height, width
