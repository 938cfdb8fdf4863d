"""The one convolutional network under everything that sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise

import torch
from torch import Tensor, nn

from sandbox.core.errors import UnknownName
from sandbox.nn.blocks import ResidualBlock
from sandbox.nn.presets import PRESETS, Preset


class Backbone(nn.Module):
    """A stem, then residual stages that halve the picture; gives the features of every scale.

    Residual blocks with GroupNorm and SiLU, zero-initialised second convolutions. What a task adds (a
    classifier's head, a decoder, a time embedding) lives outside, so the keys of `state_dict()` are the same
    in all networks and weights move between them (`sandbox.nn.transfer`).

    Args:
        in_channels: of the pictures: 1 grey, 3 colour, more for stacked frames.
        widths: channels of the stem, then of each stage.
        depth: residual blocks in each stage.
        stem_stride: 1, or 2 to halve the picture at once: less memory traffic, less detail.

    Attributes:
        channels: of each of the features, as timm's feature extractors have it.
        reductions: by how much each of them is smaller than the picture, likewise.
        block_channels: of each residual block, in the order in which `modulation` counts them.
    """

    def __init__(self, in_channels: int, widths: Sequence[int], depth: int = 1, stem_stride: int = 1) -> None:
        super().__init__()
        if in_channels < 1 or depth < 1 or len(widths) < 2 or min(widths) < 1:
            raise ValueError(
                f"a backbone needs channels, two widths or more and a depth, all of at least 1, "
                f"got in_channels={in_channels}, widths={tuple(widths)}, depth={depth}"
            )
        if stem_stride not in (1, 2):
            raise ValueError(f"stem_stride must be 1 or 2, got {stem_stride}")
        self.in_channels, self.preset = in_channels, Preset(tuple(widths), depth, stem_stride)
        self.channels = list(widths)
        self.reductions = [stem_stride * 2**stage for stage in range(len(widths))]
        self.block_channels = [width for width in widths[1:] for _ in range(depth)]
        self.stem = nn.Conv2d(in_channels, widths[0], 3, stem_stride, padding=1)
        self.stages = nn.ModuleList(_stage(*pair, depth) for pair in pairwise(widths))
        nn.init.kaiming_normal_(self.stem.weight, nonlinearity="linear")
        nn.init.zeros_(self.stem.bias)  # type: ignore[arg-type]
        # A third faster on CPUs, and what GPUs like.
        self.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    def forward(self, x: Tensor, modulation: Sequence[Tensor] | None = None) -> list[Tensor]:
        """The features of every scale, finest first.

        Args:
            x: pictures (batch, in_channels, height, width) in [−1, 1], height and width of at least 8.
            modulation: for each block (batch, 2 · block_channels): scale and shift, see `ResidualBlock`.

        Returns:
            Feature i is (batch, channels[i], ceil(height / reductions[i]), ceil(width / reductions[i])).
        """
        x = self.stem(x.contiguous(memory_format=torch.channels_last))
        features, steering = [x], iter(modulation or [None] * len(self.block_channels))
        for stage in self.stages:
            for block in stage:  # type: ignore[attr-defined]
                x = block(x, next(steering))
            features.append(x)
        return features

    def scales(self, pictures: Tensor) -> dict[str, Tensor]:
        """The features of every scale by their names; see `sandbox.nn.explain.Eyes`."""
        features = self(pictures)
        return {f"stage {number}" if number else "stem": maps for number, maps in enumerate(features)}

    def first_kernels(self) -> Tensor:
        """The stem's weights: (kernels, channels, height, width)."""
        return self.stem.weight

    def sizes(self, height: int, width: int) -> list[tuple[int, int]]:
        """Height and width of each of the features of a picture."""
        return [(-(-height // r), -(-width // r)) for r in self.reductions]

    def description(self) -> dict[str, object]:
        """The arguments that build it again, as plain values."""
        return {"in_channels": self.in_channels, **asdict(self.preset)}


def _stage(in_channels: int, out_channels: int, depth: int) -> nn.ModuleList:
    first = ResidualBlock(in_channels, out_channels, stride=2)
    return nn.ModuleList([first, *(ResidualBlock(out_channels, out_channels) for _ in range(depth - 1))])


def build_backbone(preset: str, in_channels: int) -> Backbone:
    """A new backbone of a preset, see `sandbox.nn.presets`.

    Raises:
        UnknownName: there is no such preset; with a suggestion.
    """
    if preset not in PRESETS:
        raise UnknownName("backbone", preset, list(PRESETS))
    return Backbone(in_channels, **asdict(PRESETS[preset]))


def preset_name(backbone: Backbone) -> str | None:
    """The name of a backbone's preset; None for one of its own shape."""
    return next((name for name, preset in PRESETS.items() if preset == backbone.preset), None)
