"""A strip beneath the picture: what a memory held, a row for each unit and a column for each step."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pygame

from sandbox.core.theme import DARK, SPACING_PX, WINDOW_FONT_PX, rgb
from sandbox.ui.fonts import font, write
from sandbox.ui.memory import Trail

STEPS = 120
"""as many are shown where columns of `COLUMN_PX` allow it"""
COLUMN_PX = (2, 6)
"""thinnest and widest column of a step"""
TALLEST_ROW_PX = 12
SAMPLED_ROW_PX = 2
"""at least so tall is a row where not all units find room: rather fewer of them that can be told apart"""
CAPTION_PX = 20
SHARE = 3
"""at most one part in so many of the height is the strip's"""

_FONT_PX = int(WINDOW_FONT_PX.small) - 1
_LEGEND_PX = 48
_NEGATIVE, _ZERO, _POSITIVE = (
    np.array(rgb(colour), np.float32) for colour in (DARK.series[0], DARK.background, DARK.series[1])
)


def strip_px(units: int, room_px: int) -> int:
    """How tall a strip for so many units is, caption included, where picture and strip share `room_px`.

    A multiple of 2; 0 where there is no room for any unit.
    """
    if not units:
        return 0
    kept, row_px = _rows(units, room_px // SHARE - CAPTION_PX - 1)
    height = kept * row_px
    return CAPTION_PX + height + height % 2 if height > 0 else 0


def strip_of(trail: Trail, size: tuple[int, int]) -> np.ndarray:
    """The strip as a picture, (height, width, 3) uint8: the newest step is on the right.

    Units lie in the memory's own order. Where they are more than rows of pixels, every second, third... is
    shown: the mean of units that have nothing to do with each other is none of them, and those that vary most
    are others at every step.

    Args:
        trail: what to show.
        size: width and height, in pixels; the latter as `strip_px` says.
    """
    width, height = size
    units = trail.units
    kept, row_px = _rows(units, height - CAPTION_PX)
    column_px = min(width, max(COLUMN_PX[0], min(COLUMN_PX[1], width // STEPS)))
    columns = width // column_px
    strip = np.empty((height, width, 3), np.uint8)
    strip[:] = rgb(DARK.panel)
    strip[:CAPTION_PX] = _caption(width, units, kept, columns)
    if not kept:
        return strip
    recent = trail.activations[-columns:, :: -(-units // kept)].T  # (rows, columns)
    cells = _coloured(recent).repeat(row_px, 0).repeat(column_px, 1)
    bottom, left = CAPTION_PX + len(cells), width - cells.shape[1]
    strip[CAPTION_PX:bottom, left:] = cells
    if trail.from_start and left > 0 and len(trail.activations) <= columns:
        strip[CAPTION_PX:bottom, left - 1] = rgb(DARK.ink)  # here the episode begins
    return strip


def room_beneath(picture_px: int) -> int:
    """The height to share where a picture keeps its own."""
    return picture_px * SHARE // (SHARE - 1)


def _rows(units: int, room_px: int) -> tuple[int, int]:
    """How many units are shown, and how tall each row is; (0, 0) without any room."""
    if room_px <= 0 or not units:
        return 0, 0
    every = 1 if units <= room_px else -(-units // max(1, room_px // SAMPLED_ROW_PX))
    kept = -(-units // every)
    return kept, min(TALLEST_ROW_PX, room_px // kept)


def _coloured(values: np.ndarray) -> np.ndarray:
    """Colours of numbers from -1 to 1, (*shape, 3) uint8: blue, dark, orange."""
    values = np.nan_to_num(values).clip(-1, 1)[..., None]
    far = np.where(values < 0, _NEGATIVE, _POSITIVE)
    return np.rint(_ZERO + np.abs(values) * (far - _ZERO)).astype(np.uint8)


@lru_cache(maxsize=8)
def _caption(width: int, units: int, kept: int, steps: int) -> np.ndarray:
    """The line above the rows and, where there is room, a scale, (CAPTION_PX, width, 3) uint8."""
    surface = pygame.Surface((width, CAPTION_PX))
    surface.fill(rgb(DARK.panel))
    count = f"{units} units" if kept == units else f"{kept} of {units} units"
    texts = (f"memory: {count}, last {steps} steps", f"{count}, {steps} steps", "memory")
    room, middle = width - 2 * SPACING_PX.tiny, CAPTION_PX // 2
    text = next((text for text in texts if font(_FONT_PX).size(text)[0] <= room), "")
    box = write(surface, text, (SPACING_PX.tiny, middle), _FONT_PX, rgb(DARK.quiet), anchor="midleft")
    scale = np.linspace(-1, 1, _LEGEND_PX, dtype=np.float32)
    right, ends = width - SPACING_PX.tiny, font(_FONT_PX).size("−1")[0] + SPACING_PX.tiny
    if right - _LEGEND_PX - 2 * ends > box.right + SPACING_PX.large:
        place = write(surface, "1", (right, middle), _FONT_PX, rgb(DARK.quiet), anchor="midright")
        bar = pygame.Rect(place.left - SPACING_PX.tiny - _LEGEND_PX, middle - 4, _LEGEND_PX, 8)
        surface.blit(pygame.surfarray.make_surface(_coloured(scale)[:, None].repeat(bar.height, 1)), bar)
        at = bar.left - SPACING_PX.tiny, middle
        write(surface, "−1", at, _FONT_PX, rgb(DARK.quiet), anchor="midright")
    return pygame.surfarray.array3d(surface).swapaxes(0, 1)
