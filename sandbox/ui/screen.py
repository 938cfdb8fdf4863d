"""The window itself: is there a display, how large, how the picture is fitted into it."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np
import pygame

from envs.window import INVISIBLE, start_display
from sandbox.core.errors import Refused
from sandbox.core.theme import DARK, SPACING_PX, rgb
from sandbox.ui.strip import room_beneath, strip_px

SMALLEST = (320, 240)
COARSE_PX = 300
"""pictures with shorter sides than this are made of visible squares, which have to stay sharp"""


def has_display() -> bool:
    """Whether a window would be seen by anybody."""
    prepare()
    unix = sys.platform not in ("win32", "darwin")
    if unix and not any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")):
        return False  # SDL would take a bare console then, where it may
    try:
        return start_display() and pygame.display.get_driver() not in INVISIBLE
    except pygame.error:
        return False
    finally:
        pygame.display.quit()


def open_display() -> None:
    """Get ready for a window.

    Raises:
        Refused: nobody would see it, and nobody has set SDL_VIDEODRIVER to have it so.
    """
    prepare()
    try:
        visible = start_display()
    except pygame.error as error:
        raise Refused(f"there is no display for a window: {error}", hint=_DISPLAY_HINT) from None
    if not visible:
        raise Refused("there is no display for a window", hint=_DISPLAY_HINT)


_DISPLAY_HINT = "set DISPLAY, or work on a desktop"


def prepare() -> None:
    """Settings that SDL reads when it starts."""
    # Environments initialise all of pygame, sound included, and a machine without any complains at length.
    os.environ.setdefault("SDL_AUDIODRIVER", "dummy")
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    # A window is no reason to keep a screen awake, or to switch a desktop's effects off.
    os.environ.setdefault("SDL_VIDEO_ALLOW_SCREENSAVER", "1")
    os.environ.setdefault("SDL_VIDEO_X11_NET_WM_BYPASS_COMPOSITOR", "0")


class Screen:
    """A resizable window: a picture on the left, a panel on the right.

    Args:
        title: in the window's bar.
        picture_size: width and height of the environment's pictures, in pixels.
        units: of the memory that is shown beneath them; 0 for none.

    Raises:
        Refused: as `open_display`.
    """

    def __init__(self, title: str, picture_size: tuple[int, int], units: int = 0) -> None:
        open_display()
        pygame.font.init()
        pygame.display.set_caption(title)
        self.surface = pygame.display.set_mode(
            first_size(picture_size, pygame.display.get_desktop_sizes()[0], units), pygame.RESIZABLE
        )
        pygame.key.set_repeat()
        self.strip_px = 0
        """how much of the height a strip beneath the picture takes"""

    @property
    def free_area(self) -> pygame.Rect:
        """Everything beside the panel."""
        width, height = self.surface.get_size()
        return pygame.Rect(0, 0, width - self.panel_width, height)

    @property
    def picture_area(self) -> pygame.Rect:
        """Where the picture goes."""
        area = self.free_area
        return pygame.Rect(0, 0, area.width, area.height - self.strip_px)

    @property
    def panel_area(self) -> pygame.Rect:
        """Where the panel goes; of width 0 in windows too narrow for both."""
        area = self.free_area
        return pygame.Rect(area.right, 0, self.panel_width, area.height)

    @property
    def panel_width(self) -> int:
        """Pixels for the panel."""
        return SPACING_PX.panel if self.surface.get_width() >= 2 * SPACING_PX.panel else 0

    def show_picture(self, picture: np.ndarray) -> None:
        """Draw a picture (height, width, 3) uint8, as large as it fits, on the background."""
        self.surface = pygame.display.get_surface() or self.surface  # a new one after a resize
        self.surface.fill(rgb(DARK.background))
        area = self.picture_area
        height, width = picture.shape[:2]
        size = fitted((width, height), area.size)
        self.surface.blit(scaled(_surface_of(picture), size), pygame.Rect((0, 0), size).move(
            area.x + (area.width - size[0]) // 2, area.y + (area.height - size[1]) // 2
        ))  # fmt: skip

    def show_strip(self, strip: np.ndarray) -> None:
        """Draw a strip (height, width, 3) uint8 beneath the picture."""
        self.surface.blit(_surface_of(strip), self.picture_area.bottomleft)

    def save(self, path: Path) -> None:
        """Write what the window shows as a PNG; raises OSError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            pygame.image.save(self.surface, file, "x.png")

    def close(self) -> None:
        """Close the window; calling it again does nothing."""
        pygame.display.quit()


def _surface_of(picture: np.ndarray) -> pygame.Surface:
    return pygame.surfarray.make_surface(np.ascontiguousarray(picture.swapaxes(0, 1)))


def first_size(picture: tuple[int, int], desktop: tuple[int, int], units: int = 0) -> tuple[int, int]:
    """The size of a new window: small pictures some whole number of times larger, within the desktop.

    With room for a strip of so many `units` beneath the picture.
    """
    room = int(desktop[0] * 0.9) - SPACING_PX.panel, int(desktop[1] * 0.85)
    times = max(1, round(480 / max(picture)))
    width, height = picture[0] * times, picture[1] * times
    if width > room[0] or height > room[1]:
        width, height = fitted(picture, room)
    height = max(height, SMALLEST[1])
    height = max(height, min(height + strip_px(units, room_beneath(height)), room[1]))
    return max(width, SMALLEST[0]) + SPACING_PX.panel, height


def fitted(picture: tuple[int, int], area: tuple[int, int]) -> tuple[int, int]:
    """The largest size in `area` with the picture's proportions.

    A whole number of times the picture's own where that fills nearly as much: every pixel stays a square.
    """
    scale = min(area[0] / picture[0], area[1] / picture[1])
    if scale >= 1 and scale / int(scale) < 1.1:
        scale = int(scale)
    return max(1, round(picture[0] * scale)), max(1, round(picture[1] * scale))


def scaled(source: pygame.Surface, size: tuple[int, int]) -> pygame.Surface:
    """Scale without blur: squares stay squares, anything else is filtered."""
    width, height = source.get_size()
    if size == (width, height):
        return source
    if size[0] % width == 0 and size[1] % height == 0:
        return pygame.transform.scale(source, size)
    if size[0] > width and max(width, height) < COARSE_PX:
        # Up to whole squares, then down a little: only their edges are softened.
        times = -(-size[0] // width)
        source = pygame.transform.scale(source, (width * times, height * times))
    return pygame.transform.smoothscale(source.convert(24), size)


def fresh_path(folder: Path, stem: str, suffix: str) -> Path:
    """A path in `folder` that nothing has yet: ``stem-20260131-101500.png``."""
    base = f"{stem}-{time.strftime('%Y%m%d-%H%M%S')}"
    path, number = folder / f"{base}{suffix}", 2
    while path.exists():
        path, number = folder / f"{base}-{number}{suffix}", number + 1
    return path
