"""Augmentation: every picture of a batch altered by chance, as it might have been drawn or photographed.

All movements are one warp by kornia: 1.1 to 1.3 ms for a batch of 128 pictures of 28×28 on one core, and with
light and erasing 1.3 to 2.9 ms. Randomness is an argument; kornia's own augmentation classes would draw from
torch's global generator instead.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from sandbox.core.errors import ConfigError, UsageError

Padding = Literal["zeros", "border", "reflection"]


@dataclass(frozen=True)
class Augment:
    """How much pictures are altered at most; every amount is drawn evenly between its ends, for each picture.

    Call it with a batch and a generator. What is left out is left alone: ``Augment()`` changes nothing.
    """

    rotation_degrees: float = 0.0
    """to either side, about the middle"""
    shift: float = 0.0
    """in each direction, as a fraction of width or height"""
    scale: float = 0.0
    """0.1 is from 1/1.1 to 1.1 times the size, evenly in the logarithm"""
    shear_degrees: float = 0.0
    """to either side"""
    flip: bool = False
    """mirror half of the pictures, left to right"""
    brightness: float = 0.0
    """added or taken away, where pictures go from 0 to 1"""
    contrast: float = 0.0
    """0.2 is from 1/1.2 to 1.2 times the distance of every pixel from the picture's mean"""
    erasing: float = 0.0
    """probability that a box is replaced by the picture's mean"""
    erased_side: float = 0.4
    """longest side of that box, as a fraction of width or height; a third of it is the shortest"""
    padding: Padding = "zeros"
    """what comes in from outside: black, the outermost pixels drawn out, or the picture mirrored"""

    def __post_init__(self) -> None:
        for name in ("shift", "erasing", "erased_side", "brightness"):
            _check(name, getattr(self, name), 1.0)
        for name in ("scale", "contrast"):
            _check(name, getattr(self, name), math.inf)
        _check("rotation_degrees", self.rotation_degrees, 180.0)
        _check("shear_degrees", self.shear_degrees, 45.0)
        if self.padding not in ("zeros", "border", "reflection"):
            raise ConfigError(
                f"padding must be zeros, border or reflection, not {self.padding!r}", key="padding"
            )

    def __call__(self, pictures: Tensor, generator: torch.Generator) -> Tensor:
        """Return altered pictures; the given ones stay as they are.

        Args:
            pictures: (batch, channels, height, width) float in [0, 1], on any device.
            generator: Draws everything. One of the CPU gives the same amounts for pictures on any device.

        Returns:
            (batch, channels, height, width), in [0, 1], of the same type and on the same device.

        Raises:
            UsageError: The pictures are no such batch.
        """
        if pictures.ndim != 4 or not pictures.is_floating_point():
            raise UsageError(
                "pictures must be float (batch, channels, height, width) in [0, 1], "
                f"not {pictures.dtype} {tuple(pictures.shape)}"
            )
        # Always all columns, so that what is switched off does not shift what the others draw.
        drawn = torch.rand(len(pictures), 12, generator=generator, device=generator.device)
        drawn = drawn.to(pictures.device, pictures.dtype)
        altered = self._moved(pictures, drawn[:, :7]) if self._moves else pictures
        if self.brightness or self.contrast:
            altered = self._relit(altered, drawn[:, 7], drawn[:, 8])
        if self.erasing:
            altered = self._erased(altered, drawn[:, 9:])
        return altered.clamp(0.0, 1.0)

    @property
    def _moves(self) -> bool:
        amounts = (self.rotation_degrees, self.shift, self.scale, self.shear_degrees)
        return any(amounts) or self.flip

    def _moved(self, pictures: Tensor, drawn: Tensor) -> Tensor:
        """Turn, shift, scale, shear and mirror in one warp; ``drawn``: (batch, 7) in [0, 1)."""
        # kornia is slow to import: who only looks at the presets need not wait.
        from kornia.geometry.transform import warp_affine

        height, width = pictures.shape[-2:]
        matrix = self.matrix(height, width, drawn)
        return warp_affine(pictures, matrix, (height, width), padding_mode=self.padding)

    def matrix(self, height: int, width: int, drawn: Tensor) -> Tensor:
        """Where each picture's pixels (x, y, 1) go: (batch, 2, 3) for ``drawn`` (batch, 7) in [0, 1)."""
        from kornia.geometry.transform import get_affine_matrix2d

        signed = 2 * drawn - 1  # (batch, 7) in [−1, 1)
        turn = signed[:, 0] * self.rotation_degrees
        size = drawn.new_tensor([width, height])
        middle = ((size - 1) / 2).expand(len(drawn), 2)
        shear = signed[:, 4:6] * math.radians(self.shear_degrees)
        scale = torch.exp(signed[:, 3:4] * math.log1p(self.scale)).expand(-1, 2)
        if self.flip:
            mirrored = torch.where(drawn[:, 6:7] < 0.5, -1.0, 1.0)
            scale = torch.cat([scale[:, :1] * mirrored, scale[:, 1:]], dim=1)
        shift = signed[:, 1:3] * self.shift * size
        return get_affine_matrix2d(shift, middle, scale, turn, shear[:, 0], shear[:, 1])[:, :2]

    def _relit(self, pictures: Tensor, brightness: Tensor, contrast: Tensor) -> Tensor:
        """Change contrast about each picture's mean, then add light; both amounts (batch,) in [0, 1)."""
        mean = pictures.mean(dim=(1, 2, 3), keepdim=True)
        factor = torch.exp((2 * contrast - 1) * math.log1p(self.contrast)).view(-1, 1, 1, 1)
        added = ((2 * brightness - 1) * self.brightness).view(-1, 1, 1, 1)
        return torch.addcmul(mean * (1 - factor) + added, pictures, factor)

    def _erased(self, pictures: Tensor, drawn: Tensor) -> Tensor:
        """Put the picture's mean into a box of some of the pictures; ``drawn``: (batch, 3) in [0, 1)."""
        height, width = pictures.shape[-2:]
        # One number decides whether and how large: below the probability, it is again evenly spread.
        chance = drawn[:, 0] / self.erasing
        side = torch.where(chance < 1, self.erased_side * (1 + 2 * chance) / 3, 0.0)
        rows = _within(height, side, drawn[:, 1])  # (batch, height)
        columns = _within(width, side, drawn[:, 2])  # (batch, width)
        box = (rows[:, :, None] & columns[:, None, :]).unsqueeze(1)  # (batch, 1, height, width)
        return torch.where(box, pictures.mean(dim=(1, 2, 3), keepdim=True), pictures)


def _within(length: int, side: Tensor, start: Tensor) -> Tensor:
    """Which of ``length`` pixels lie in a box of relative ``side`` that fits: (batch, length) bool."""
    first = (start * (1 - side) * length).round()[:, None]
    last = first + (side * length).round()[:, None]
    pixels = torch.arange(length, device=side.device)
    return (pixels >= first) & (pixels < last)


def _check(name: str, value: float, most: float) -> None:
    if not 0.0 <= value <= most:
        limit = f" to {most:g}" if math.isfinite(most) else " or more"
        raise ConfigError(f"{name} must be 0{limit}, not {value}", key=name)


# A mirrored digit is another sign, or none: never flipped. Of 8×8 pixels, a tenth is most of a stroke.
# A mirrored hand is a left-handed signer's, and means the same letter; but the pictures show right hands:
# of the training pictures and their mirror images, the one nearest to a validation picture is a mirror image
# in 1 % of the cases, and the nearest mirror image shows the right letter in 8 %. Flipping would spend half
# of the training on what is never asked; set ``flip`` to recognise your own left hand.
PRESETS: dict[str, Augment] = {
    "digits": Augment(rotation_degrees=8, shift=0.06, scale=0.08, shear_degrees=4, contrast=0.1),
    "mnist": Augment(rotation_degrees=10, shift=0.08, scale=0.1, shear_degrees=8, contrast=0.1),
    "sign_mnist": Augment(
        rotation_degrees=10,
        shift=0.1,
        scale=0.15,
        shear_degrees=5,
        brightness=0.15,
        contrast=0.3,
        erasing=0.25,
        erased_side=0.35,
        padding="border",
    ),
}
DEFAULT = Augment(
    rotation_degrees=10,
    shift=0.08,
    scale=0.1,
    shear_degrees=5,
    brightness=0.1,
    contrast=0.2,
    padding="border",
)
NONE = Augment()
"""Of frames: where a thing stands in the picture is what the player acts on."""


def preset(data: str) -> Augment:
    """The augmentation that suits the data set ``data``; a careful one where it has none of its own."""
    if data.startswith("frames:"):
        return NONE
    return PRESETS.get(data, DEFAULT)
