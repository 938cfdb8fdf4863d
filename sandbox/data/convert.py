"""Pictures of a tensor brought to another size, or to other colours."""

from __future__ import annotations

import torch
from torch import Tensor

from sandbox.core.errors import UsageError
from sandbox.data.form import LUMINANCE
from sandbox.data.pictures import Pictures

AT_ONCE = 256
"""pictures, so that what is made in between stays small"""


def converted(pictures: Pictures, shape: tuple[int, int, int]) -> Pictures:
    """The same pictures as ``shape``, (channels, height, width); unchanged where they are that already.

    Scaled so that they fill the new size, with a filter as wide as the scale demands (no pixel is skipped);
    what sticks out is cut off on both sides alike. As `read_picture` does it with files.

    Raises:
        UsageError: The number of channels is neither 1 nor 3.
    """
    if pictures.shape == shape:
        return pictures
    made = torch.empty(len(pictures), *shape, dtype=torch.uint8)
    for start in range(0, len(pictures), AT_ONCE):
        some = pictures.images[start : start + AT_ONCE].cpu()
        made[start : start + AT_ONCE] = fitted(some, shape)
    return Pictures(made.to(pictures.images.device), pictures.labels, pictures.classes)


def fitted(images: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """A batch (n, channels, height, width) uint8 as (n, *shape); see `converted`."""
    return _scaled(_coloured(images, shape[0]), *shape[1:])


def _coloured(images: Tensor, channels: int) -> Tensor:
    """(n, 1 or 3, height, width) uint8 as (n, channels, height, width)."""
    has = images.shape[1]
    if has == channels:
        return images
    if has == 1 and channels == 3:
        return images.expand(-1, 3, -1, -1)
    if has == 3 and channels == 1:
        weights = torch.tensor(LUMINANCE).view(1, 3, 1, 1)
        grey = (images.to(torch.int32) * weights).sum(1, keepdim=True) + 32_768
        return (grey >> 16).to(torch.uint8)
    raise UsageError(f"pictures of {has} channels cannot be turned into {channels}")


def _scaled(images: Tensor, height: int, width: int) -> Tensor:
    """(n, channels, …) uint8 as (n, channels, height, width)."""
    if images.shape[-2:] == (height, width):
        return images
    has_height, has_width = images.shape[-2:]
    scale = max(height / has_height, width / has_width)
    kept_height, kept_width = max(1, round(height / scale)), max(1, round(width / scale))
    top, left = (has_height - kept_height) // 2, (has_width - kept_width) // 2
    middle = images[..., top : top + kept_height, left : left + kept_width]
    return torch.nn.functional.interpolate(
        middle.contiguous(), size=(height, width), mode="bilinear", antialias=True
    )
