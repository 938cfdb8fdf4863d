"""How everything looks: the colours, font sizes and spacing of windows, plots and reports.

A `Palette` brings its own background, so that what is drawn with it reads the same on light and dark
desktops: windows take `DARK` (the bright picture stands out from it), plots and reports, which get printed
and pasted into documents, `LIGHT`. Every ink has a contrast of at least 4.5:1 with background and panel.
"""

from __future__ import annotations

from dataclasses import dataclass

Rgb = tuple[int, int, int]


@dataclass(frozen=True)
class Palette:
    """Colours as ``#rrggbb``; `rgb` turns one into numbers."""

    background: str
    """behind everything"""
    panel: str
    """boxes on the background: the HUD, a key's cap, a card"""
    grid: str
    """lines that should hardly be seen, and the empty part of a bar"""
    edge: str
    """axes and borders"""
    ink: str
    """what is read first: numbers, titles"""
    quiet: str
    """labels, units and hints"""
    good: str
    """solved, recording finished, a positive value"""
    warn: str
    """paused, taken over by a person"""
    bad: str
    """recording, failed, a negative value"""
    look: str
    """where somebody looks; glows on pictures"""
    series: tuple[str, ...]
    """curves and bars, in this order; the first is the accent. Colour-blind people tell them apart."""

    @property
    def accent(self) -> str:
        """The colour of what is chosen or active."""
        return self.series[0]


# Okabe and Ito's colours; on the dark background in their lighter shades.
LIGHT = Palette(
    background="#FFFFFF",
    panel="#F4F5F7",
    grid="#E7E7E7",
    edge="#B8B8B8",
    ink="#222222",
    quiet="#6B6B6B",
    good="#00704F",
    warn="#8A5A00",
    bad="#B3261E",
    look="#B4237A",
    series=("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00"),
)
DARK = Palette(
    background="#14171C",
    panel="#1E232B",
    grid="#323945",
    edge="#4A5362",
    ink="#F2F4F7",
    quiet="#A3ACBA",
    good="#4CC79B",
    warn="#F0B445",
    bad="#FF7B72",
    look="#FF6AC1",
    series=("#56B4E9", "#F5924B", "#4CC79B", "#E09CC2", "#9CC3F5", "#F0B445"),
)


@dataclass(frozen=True)
class FontSizes:
    """Font sizes: in pixels for windows (at scale 1), in points for plots."""

    title: float
    body: float
    small: float


WINDOW_FONT_PX = FontSizes(title=22, body=16, small=13)
PLOT_FONT_PT = FontSizes(title=14, body=10, small=9.5)


@dataclass(frozen=True)
class Spacing:
    """Distances in pixels (at scale 1), all multiples of four."""

    tiny: int = 4
    small: int = 8
    medium: int = 12
    large: int = 20
    radius: int = 8
    """rounding of corners"""
    bar: int = 12
    """height of a bar"""
    panel: int = 240
    """width of the HUD"""


SPACING_PX = Spacing()


def rgb(colour: str) -> Rgb:
    """Turn ``#rrggbb`` into (red, green, blue), each 0 to 255."""
    digits = colour.removeprefix("#")
    return int(digits[0:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)


def contrast(one: str, other: str) -> float:
    """How well two colours can be told apart as text: 1 (not at all) to 21, as WCAG 2 defines it."""
    bright, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = (value / 255 for value in rgb(colour))
    red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
