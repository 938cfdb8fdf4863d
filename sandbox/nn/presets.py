"""The shapes that a backbone can have, by their names. Loads no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PresetName = Literal["shallow", "tiny", "small", "large"]


@dataclass(frozen=True)
class Preset:
    """The shape of a backbone; the number of input channels comes with the pictures."""

    widths: tuple[int, ...]
    """Channels of the stem, and of each stage."""
    depth: int = 1
    """Residual blocks in a stage; the first one halves the picture."""
    stem_stride: int = 1
    """By how much the stem itself shrinks the picture."""


PRESETS: dict[str, Preset] = {
    "shallow": Preset((16, 32), stem_stride=2),
    "tiny": Preset((16, 24, 48), stem_stride=2),
    "small": Preset((16, 32, 64)),
    "large": Preset((32, 64, 128), depth=2),
}
"""Chosen by measured time (`list backbones`): at these sizes memory traffic is the cost, not arithmetic.

Shallow is for what has dense layers behind it, such as autoencoders: they make more of finer features."""
