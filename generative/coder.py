"""From pictures to a few numbers, and back: the shared backbone with dense layers behind it, and its mirror.

The backbone's last features are brought to at most 8×8 by further blocks (none at 28×28, two at 128×128):
dense layers on more would have most of the weights and learn the least.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from generative.config import MOST_UNITS
from sandbox.nn.backbone import Backbone
from sandbox.nn.blocks import ResidualBlock, group_norm

COARSEST = 8
"""side of the features that dense layers see, at most"""
WIDEST = 256
"""channels of the further blocks, at most"""

MOST_CHANNELS, DEEPEST = 4096, 64
"""of a backbone"""
LIKELY = (0.01, 0.99)
"""what a decoder begins with, at least and at most: nothing is certain before it is seen"""

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
        self.stages = nn.ModuleList(
            _stage(before, after, backbone.preset.depth) for before, after in pairwise(coarse_first)
        )
        self.norm = group_norm(coarse_first[-1])
        self.out = nn.Conv2d(coarse_first[-1], shape[0] * stride**2, 3, padding=1)
        self.shuffle = nn.PixelShuffle(stride)
        self.mean = nn.Parameter(torch.zeros(shape))
        """logits of the mean picture"""

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
        for stage, size in zip(self.stages, self.scales.sizes[-2::-1], strict=True):
            # As in the backbone, all is computed at the smaller size.
            x = F.interpolate(stage(x), size)
        x = self.shuffle(self.out(F.silu(self.norm(x))))
        return x[:, :, : self.shape[1], : self.shape[2]] + self.mean  # an odd side was rounded up

    @torch.no_grad()
    def begin_at(self, images: Tensor) -> None:
        """Let an untrained decoder answer with about the mean of pictures (n, channels, height, width) uint8.

        What is the same in all pictures need not be learned, which short trainings feel.
        """
        mean = images.mean(0, dtype=torch.float32).div(255).clamp(*LIKELY)
        self.mean.copy_(mean.logit())


def _stage(in_channels: int, out_channels: int, depth: int) -> nn.Sequential:
    first = ResidualBlock(in_channels, out_channels)
    return nn.Sequential(first, *(ResidualBlock(out_channels, out_channels) for _ in range(depth - 1)))


def needed(labels: Tensor | None) -> Tensor:
    """The labels; raises ValueError where a class-conditional model was given none."""
    if labels is None:
        raise ValueError("a class-conditional model needs labels: (batch,) int64, indices into its classes")
    return labels


def check_sizes(latent: int, hidden: int, widths: Sequence[int], depth: int) -> None:
    """Refuse sizes before memory is asked for: they may come out of a stranger's file. Raises ValueError."""
    rules = {"latent": (latent, MOST_UNITS), "hidden": (hidden, MOST_UNITS), "depth": (depth, DEEPEST)}
    rules |= {f"widths[{number}]": (width, MOST_CHANNELS) for number, width in enumerate(widths)}
    for name, (value, most) in rules.items():
        if not 1 <= value <= most:
            raise ValueError(f"{name} must be 1 to {most:,}, not {value:,}")


def plain_shape(channels: int, height: int, width: int) -> Shape:
    """A shape out of a config. Raises ValueError for an impossible one."""
    if min(channels, height, width) < 1 or math.prod((channels, height, width)) > 1 << 26:
        raise ValueError(f"no pictures have {channels} channels of {height}×{width}")
    return channels, height, width
