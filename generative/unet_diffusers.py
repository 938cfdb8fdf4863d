"""diffusers' own U-Net, to compare ours with. Loads it only to build one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.core.errors import ConfigError

if TYPE_CHECKING:
    from diffusers import UNet2DModel

WIDTHS, LAYERS = (32, 64, 64), 2
"""channels of each scale, and blocks in each: 1.5 million weights"""
MULTIPLE = 2 ** (len(WIDTHS) - 1)
"""of which sides have to be: it halves pictures, and joins the halves as they are"""


def check_sides(height: int, width: int) -> None:
    """Raise ConfigError where it cannot see pictures of this size."""
    if height % MULTIPLE or width % MULTIPLE:
        side = -(-max(height, width) // MULTIPLE) * MULTIPLE
        raise ConfigError(
            f"diffusers' U-Net needs sides that are multiples of {MULTIPLE}, and these are {width}×{height}",
            hint=f"bring the pictures to another size, such as --size {side}",
            key="size",
        )


def build_unet(shape: tuple[int, int, int], classes: int) -> UNet2DModel:
    """diffusers' U-Net for pictures (channels, height, width); with a null class where there are classes.

    Raises:
        ConfigError: it cannot see pictures of this size.
    """
    from diffusers import UNet2DModel

    channels, height, width = shape
    check_sides(height, width)
    return UNet2DModel(
        sample_size=(height, width),
        in_channels=channels,
        out_channels=channels,
        layers_per_block=LAYERS,
        block_out_channels=WIDTHS,
        down_block_types=("DownBlock2D",) * len(WIDTHS),
        up_block_types=("UpBlock2D",) * len(WIDTHS),
        num_class_embeds=classes + 1 if classes else None,
    )
