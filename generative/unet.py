"""A U-Net over the sandbox's one backbone: the denoiser of diffusion models."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import torch
from diffusers import UNet2DModel
from diffusers.configuration_utils import register_to_config
from diffusers.models.modeling_utils import ModelMixin  # noqa: F401  diffusers looks for it here, see `UNet`
from diffusers.models.unets.unet_2d import UNet2DOutput
from torch import Tensor, nn
from torch.nn import functional as F

from generative.coder import Shape, check_sizes, plain_shape
from generative.conditioning import Conditioning
from generative.saved import SavedModel
from sandbox.nn.backbone import Backbone
from sandbox.nn.blocks import ResidualBlock, group_norm

HEAD_CHANNELS = 32
"""of each head of the attention"""
MOST_CLASSES, MOST_STAGES, MOST_WEIGHTS = 1 << 16, 16, 1 << 28
"""at most; they may be asked for by a stranger's file"""


class UNet(SavedModel):
    """Encoder: the shared backbone. Decoder: its mirror, which is shown every feature, and the picture.

    Both are told time and class from outside (`Conditioning`). The output begins at zero. Pictures may have
    any size, also another than `sample_size`, which is that of the pictures to be drawn.
    A model of diffusers': `save_pretrained` and `UNet.from_pretrained` write and read a folder, and after
    `import generative.unet` its pipelines open theirs (for that, this module has to know `ModelMixin`).

    Example:
        >>> import torch
        >>> from generative import UNet
        >>> unet = UNet(sample_size=28, in_channels=1)
        >>> unet(torch.zeros(2, 1, 28, 28), timestep=500).sample.shape
        torch.Size([2, 1, 28, 28])

    Args:
        sample_size: height and width of the pictures, or one number for both.
        in_channels, out_channels: of the pictures, and of what is said of them; as many, if not given.
        widths, depth, stem_stride: shape of the backbone, see `sandbox.nn.backbone.Backbone`.
        attention: let the coarsest features look at each other.
        classes: names of the classes that it can be told; none for a model without.

    Raises:
        ValueError: impossible sizes, or more than is sane.
    """

    @register_to_config
    def __init__(
        self,
        sample_size: int | Sequence[int] = 28,
        in_channels: int = 1,
        out_channels: int | None = None,
        widths: Sequence[int] = (16, 32, 64),
        depth: int = 1,
        stem_stride: int = 1,
        attention: bool = False,
        classes: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.shape = _checked(sample_size, in_channels, widths, depth, classes)
        out_channels = in_channels if out_channels is None else out_channels
        _checked(sample_size, out_channels, widths, depth, classes)
        self.classes = tuple(classes)
        self.backbone = Backbone(in_channels, widths, depth, stem_stride)
        self.decoder = SkipDecoder(self.backbone, out_channels, attention)
        blocks = [*self.backbone.block_channels, *self.decoder.block_channels]
        self.conditioning = Conditioning(blocks, len(self.classes))

    def forward(
        self,
        sample: Tensor,
        timestep: float | Tensor,
        class_labels: Tensor | None = None,
        return_dict: bool = True,
    ) -> UNet2DOutput | tuple[Tensor]:
        """What is said of noisy pictures, (batch, out_channels, height, width): their noise, or velocity.

        Args:
            sample: (batch, in_channels, height, width).
            timestep: 0 to 999 and between: one number, or (batch,).
            class_labels: (batch,) int64, indices into `classes`; len(classes) is the null class, and None
                is that for all.
            return_dict: as everywhere in diffusers; else a tuple.
        """
        times = torch.as_tensor(timestep, device=sample.device).expand(len(sample))
        steering = self.conditioning(times, class_labels)
        inside = len(self.backbone.block_channels)
        features = self.backbone(sample, steering[:inside])
        output = self.decoder(sample, features, steering[inside:]).to(sample.dtype)
        return UNet2DOutput(sample=output) if return_dict else (output,)

    @classmethod
    def from_pretrained(cls, folder: str | Path, **options: Any) -> Self:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The model in a folder, see `SavedModel`; the decoder's layout in memory is kept, too."""
        model = super().from_pretrained(folder, **options)
        model.decoder.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        return model


class SkipDecoder(nn.Module):
    """Features to a picture: from the coarsest on upwards, at every scale together with the encoder's own.

    What comes from below is brought to as many channels before it grows, and added to them: put beside each
    other, they would make a third of the work. The picture itself is the outermost of them. Where the stem
    halves the picture, four pixels become the channels of one, so that nothing is computed at full size.

    Args:
        backbone: whose features it gets.
        out_channels: of the picture.
        attention: let the coarsest features look at each other.

    Attributes:
        block_channels: of each residual block, in the order in which `modulation` counts them.
    """

    def __init__(self, backbone: Backbone, out_channels: int, attention: bool) -> None:
        super().__init__()
        widths, depth = backbone.channels[::-1], backbone.preset.depth
        self.stride = backbone.preset.stem_stride
        coarsest, finest = widths[0], widths[-1]
        self.middle = nn.ModuleList([ResidualBlock(coarsest, coarsest) for _ in range(2)])
        self.attention = Attention(coarsest) if attention else nn.Identity()
        self.grow = nn.ModuleList([nn.Conv2d(*pair, 1) for pair in pairwise(widths)])
        self.stages = nn.ModuleList(
            [nn.ModuleList([ResidualBlock(width, width) for _ in range(depth)]) for width in widths[1:]]
        )
        self.block_channels = [coarsest] * 2 + [width for width in widths[1:] for _ in range(depth)]
        self.norm = group_norm(finest)
        pixels = self.stride**2
        self.out = nn.Conv2d(finest + pixels * backbone.in_channels, pixels * out_channels, 3, padding=1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)  # type: ignore[arg-type]
        self.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    def forward(self, pictures: Tensor, features: Sequence[Tensor], modulation: Sequence[Tensor]) -> Tensor:
        """The pictures' counterparts, (batch, out_channels, height, width).

        Args:
            pictures: (batch, in_channels, height, width), as the backbone saw them.
            features: what it made of them, finest first.
            modulation: for each block (batch, 2 · block_channels).
        """
        steering = iter(modulation)
        x = self.attention(self.middle[0](features[-1], next(steering)))
        x = self.middle[1](x, next(steering))
        for grow, stage, skip in zip(self.grow, self.stages, features[-2::-1], strict=True):
            # A side that was odd was rounded up, and comes back one shorter.
            x = F.interpolate(grow(x), skip.shape[2:]) + skip
            for block in stage:  # type: ignore[attr-defined]
                x = block(x, next(steering))
        x = torch.cat([F.silu(self.norm(x)), _packed(pictures, self.stride)], dim=1)
        height, width = pictures.shape[2:]
        return F.pixel_shuffle(self.out(x), self.stride)[:, :, :height, :width]


class Attention(nn.Module):
    """Every place looks at all others, and adds what it finds there; at first it adds nothing.

    Args:
        channels: of the features.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.heads = channels // HEAD_CHANNELS if channels % HEAD_CHANNELS == 0 else 1
        self.norm = group_norm(channels)
        self.query_key_value = nn.Linear(channels, 3 * channels)
        self.out = nn.Linear(channels, channels)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Transform (batch, channels, height, width)."""
        places = self.norm(x).flatten(2).transpose(1, 2)  # (batch, places, channels)
        parts = self.query_key_value(places).unflatten(2, (3, self.heads, -1))
        query, key, value = parts.permute(2, 0, 3, 1, 4)  # (batch, heads, places, channels / heads) each
        found = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
        return x + self.out(found).transpose(1, 2).reshape(x.shape)


def _packed(pictures: Tensor, stride: int) -> Tensor:
    """Pictures with stride² pixels as the channels of one, after repeating the edge of odd ones."""
    height, width = pictures.shape[2:]
    edge = (0, -width % stride, 0, -height % stride)
    return F.pixel_unshuffle(F.pad(pictures, edge, mode="replicate") if any(edge) else pictures, stride)


def _checked(
    sample_size: int | Sequence[int],
    channels: int,
    widths: Sequence[int],
    depth: int,
    classes: Sequence[str],
) -> Shape:
    """The shape of the pictures. Raises ValueError for sizes that ask for more than is sane."""
    sides = (sample_size, sample_size) if isinstance(sample_size, int) else sample_size
    lists = (sides, widths, classes)
    if not all(isinstance(values, Sequence) and not isinstance(values, str) for values in lists):
        raise ValueError(f"sample_size, widths and classes must be lists, not {lists}")
    if not all(isinstance(number, int) for number in (*sides, channels, *widths, depth)) or len(sides) != 2:
        raise ValueError(
            f"sizes must be whole numbers, and two of a picture, not {(*lists[:2], channels, depth)}"
        )
    if not all(isinstance(name, str) for name in classes):
        raise ValueError(f"classes must be names, not {list(classes)[:5]}")
    for name, many, most in (("widths", len(widths), MOST_STAGES), ("classes", len(classes), MOST_CLASSES)):
        if many > most:
            raise ValueError(f"there can be {most:,} {name}, not {many:,}")
    check_sizes(1, 1, widths, depth)
    # So many in encoder and decoder, about; each is four bytes.
    weights = 54 * (depth * sum(width**2 for width in widths) + channels * max(widths))
    if weights > MOST_WEIGHTS:
        raise ValueError(f"about {weights:,} weights are more than {MOST_WEIGHTS:,}")
    return plain_shape(channels, *sides)


def shape_of(unet: UNet | UNet2DModel) -> tuple[int, int, int]:
    """(channels, height, width) of the pictures of a network."""
    side = unet.config["sample_size"]
    height, width = (side, side) if isinstance(side, int) else side
    return unet.config["in_channels"], height, width
