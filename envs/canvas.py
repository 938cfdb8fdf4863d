"""A canvas for pictures that people look at: anti-aliased shapes and text, drawn by pygame off screen."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pygame
from numpy.typing import NDArray

Color = tuple[int, int, int] | tuple[int, int, int, int]
"""Red, green, blue and, if wanted, opacity: 0 to 255 each."""
Point = tuple[float, float]

OVERSAMPLING = 2
"""Everything is drawn this many times larger and scaled down smoothly: the simplest even anti-aliasing."""


class Canvas:
    """A picture of `width` × `height` logical pixels; (0, 0) is its upper left corner.

    Args:
        width, height: the logical size that all coordinates refer to.
        scale: pixels in the result for each logical one.
    """

    def __init__(self, width: int, height: int, scale: float = 1.0) -> None:
        self.width, self.height = width, height
        self.size = (round(width * scale), round(height * scale))
        self._zoom = scale * OVERSAMPLING
        self._surface = pygame.Surface((self.size[0] * OVERSAMPLING, self.size[1] * OVERSAMPLING), depth=24)

    def array(self) -> NDArray[np.uint8]:
        """What was drawn so far, as a new array (height, width, 3)."""
        small = pygame.transform.smoothscale(self._surface, self.size)
        # Twice as fast as surfarray, whose arrays are (width, height, 3).
        pixels = np.frombuffer(bytearray(pygame.image.tobytes(small, "RGB")), np.uint8)
        return pixels.reshape(self.size[1], self.size[0], 3)

    def fill(self, top: Color, bottom: Color | None = None) -> None:
        """Cover everything with one colour, or with a vertical gradient."""
        if bottom is None:
            self._surface.fill(top)
        else:
            self._surface.blit(_gradient(self._surface.get_size(), top, bottom), (0, 0))

    def rectangle(
        self, x: float, y: float, width: float, height: float, color: Color, radius: float = 0
    ) -> None:
        """A filled rectangle with its upper left corner at (x, y) and corners rounded by `radius`."""
        box = pygame.Rect(*self._px((x, y)), 0, 0)
        box.width, box.height = round(width * self._zoom), round(height * self._zoom)
        with self._brush(color) as surface:
            pygame.draw.rect(surface, color[:3], box, border_radius=round(radius * self._zoom))

    def circle(self, center: Point, radius: float, color: Color, width: float = 0) -> None:
        """A filled circle, or a ring of this `width`."""
        line = max(1, round(width * self._zoom)) if width else 0
        with self._brush(color) as surface:
            pygame.draw.circle(surface, color[:3], self._px(center), round(radius * self._zoom), line)

    def polygon(self, points: Sequence[Point], color: Color) -> None:
        """A filled polygon."""
        with self._brush(color) as surface:
            pygame.draw.polygon(surface, color[:3], [self._px(point) for point in points])

    def line(self, start: Point, end: Point, width: float, color: Color) -> None:
        """A straight line with round ends."""
        x, y = end[0] - start[0], end[1] - start[1]
        length = (x * x + y * y) ** 0.5 or 1.0
        side = (-y / length * width / 2, x / length * width / 2)
        corners = [
            (p[0] + s * side[0], p[1] + s * side[1])
            for p, s in ((start, 1), (end, 1), (end, -1), (start, -1))
        ]
        with self._brush(color) as surface:
            pygame.draw.polygon(surface, color[:3], [self._px(point) for point in corners])
            for point in (start, end):
                pygame.draw.circle(surface, color[:3], self._px(point), round(width / 2 * self._zoom))

    def text(
        self,
        text: str,
        position: Point,
        size: float,
        color: Color,
        anchor: str = "topleft",
        bold: bool = False,
    ) -> None:
        """Text of `size` logical pixels whose `anchor` ("topleft", "center", …) is at `position`."""
        ink = _font(round(size * self._zoom), bold).render(text, True, color[:3])
        ink.set_alpha(color[3] if len(color) == 4 else 255)
        self._surface.blit(ink, ink.get_rect(**{anchor: self._px(position)}))

    def image(
        self, pixels: NDArray[Any], x: float, y: float, width: float, height: float, smooth: bool = False
    ) -> None:
        """A picture (rows, columns, 3) uint8, stretched; with hard pixels unless `smooth`."""
        picture = pygame.surfarray.make_surface(np.ascontiguousarray(pixels.swapaxes(0, 1)))
        size = (round(width * self._zoom), round(height * self._zoom))
        stretch = pygame.transform.smoothscale if smooth else pygame.transform.scale
        self._surface.blit(stretch(picture, size), self._px((x, y)))

    def _px(self, point: Point) -> tuple[int, int]:
        return round(point[0] * self._zoom), round(point[1] * self._zoom)

    def _brush(self, color: Color) -> _Brush:
        return _Brush(self._surface, color[3] if len(color) == 4 else 255)


class _Brush:
    """The surface to draw on; for translucent colours one aside, blended in at the end."""

    def __init__(self, surface: pygame.Surface, opacity: int) -> None:
        self._surface, self._opacity = surface, opacity
        self._aside: pygame.Surface | None = None

    def __enter__(self) -> pygame.Surface:
        if self._opacity == 255:
            return self._surface
        self._aside = self._surface.copy()
        return self._aside

    def __exit__(self, *_: object) -> None:
        if self._aside is not None:
            self._aside.set_alpha(self._opacity)
            self._surface.blit(self._aside, (0, 0))


@lru_cache(maxsize=4)
def _gradient(size: tuple[int, int], top: Color, bottom: Color) -> pygame.Surface:
    """A background is the same in every frame, and scaling one takes longer than all the rest."""
    strip, stretched = pygame.Surface((1, 2), depth=24), pygame.Surface(size, depth=24)
    strip.set_at((0, 0), top)
    strip.set_at((0, 1), bottom)
    return pygame.transform.smoothscale(strip, size, stretched)


_FONTS: dict[tuple[int, bool], pygame.font.Font] = {}


def _font(size: int, bold: bool) -> pygame.font.Font:
    pygame.font.init()
    try:
        font = _FONTS[size, bold]
        font.get_height()
    except (KeyError, pygame.error):
        # New, or dead: gymnasium's environments shut all of pygame down when they are closed.
        font = _FONTS[size, bold] = pygame.font.Font(None, size)
        font.set_bold(bold)
    return font
