"""In which size and colours pictures are wanted. Loads nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from sandbox.core.errors import ConfigError
from sandbox.core.memory import available_memory, check_memory

Colours = Literal["grey", "colour"]
CHANNELS: dict[Colours, int] = {"grey": 1, "colour": 3}
SMALLEST, LARGEST = 4, 1_024
LUMINANCE = (19_595, 38_470, 7_471)
"""what red, green and blue add to grey, in 65 536ths (ITU-R BT.601, as Pillow rounds it)"""


@dataclass(frozen=True)
class Form:
    """What pictures are brought to; what is left open stays as it is, or as the data set has it.

    Raises:
        ConfigError: The size is outside its range, or the colours are neither.
    """

    size: int | None = None
    """width and height in pixels: the shorter side is scaled to it, and the middle is cut out"""
    colours: Colours | None = None
    """grey (luminance, one channel) or colour (three; grey ones are repeated)"""

    def __post_init__(self) -> None:
        if self.size is not None and not SMALLEST <= self.size <= LARGEST:
            raise ConfigError(f"size must be {SMALLEST} to {LARGEST:,} pixels, not {self.size}", key="size")
        if self.colours is not None and self.colours not in get_args(Colours):
            raise ConfigError(f"colours must be grey or colour, not {self.colours!r}", key="colours")

    def of(self, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        """What pictures of ``shape``, (channels, height, width), become."""
        channels, height, width = shape
        if self.colours is not None:
            channels = CHANNELS[self.colours]
        return (channels, height, width) if self.size is None else (channels, self.size, self.size)


def check_room(count: int, shape: tuple[int, int, int], copies: int = 1) -> None:
    """Refuse pictures that would not fit into the memory; raises Refused.

    Args:
        count: How many pictures.
        shape: (channels, height, width) of each.
        copies: How often they are there at the same time, at the worst.
    """
    channels, height, width = shape
    what = f"{count:,} pictures of {width}×{height} {'grey' if channels == 1 else 'colour'}"
    needed = copies * count * channels * height * width
    hint = "choose a smaller --size, or --colours grey"
    check_memory(needed, available_memory(), "this machine", what, hint)
