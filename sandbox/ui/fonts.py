"""Text for windows: DejaVu Sans, which comes with matplotlib and has all signs that we write."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pygame

from sandbox.core.theme import Rgb


@cache
def _file(bold: bool) -> Path | None:
    spec = find_spec("matplotlib")
    if spec is None or spec.origin is None:
        return None
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    path = Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf" / name
    return path if path.is_file() else None


_FONTS: dict[tuple[int, bool], pygame.font.Font] = {}


def font(size_px: float, bold: bool = False) -> pygame.font.Font:
    """The font of a size; pygame's own where matplotlib's is missing."""
    pygame.font.init()
    key = (round(size_px), bold)
    if key not in _FONTS or not _alive(_FONTS[key]):
        _FONTS[key] = pygame.font.Font(_file(bold), key[0])
    return _FONTS[key]


def _alive(face: pygame.font.Font) -> bool:
    """Whether a font still works: gymnasium's environments shut all of pygame down when they are closed."""
    try:
        return face.get_height() > 0
    except pygame.error:
        return False


def write(
    surface: pygame.Surface,
    text: str,
    position: tuple[float, float],
    size_px: float,
    color: Rgb,
    *,
    anchor: str = "topleft",
    bold: bool = False,
    width: int | None = None,
) -> pygame.Rect:
    """Write one line with its `anchor` at `position`, cut with an ellipsis at `width`; returns its box."""
    face = font(size_px, bold)
    text = shortened(text, face, width)
    ink = face.render(text, True, color)
    box = ink.get_rect(**{anchor: (round(position[0]), round(position[1]))})
    surface.blit(ink, box)
    return box


def shortened(text: str, face: pygame.font.Font, width: int | None) -> str:
    """`text`, or as much of its beginning as fits into `width` pixels with an ellipsis."""
    if width is None or face.size(text)[0] <= width:
        return text
    while text and face.size(text + "…")[0] > width:
        text = text[:-1]
    return text.rstrip() + "…"


def wrapped(text: str, face: pygame.font.Font, width: int, lines: int) -> list[str]:
    """`text` broken at spaces into at most `lines` lines of `width` pixels, the last one cut."""
    result: list[str] = []
    words = text.split()
    while words and len(result) < lines - 1:
        count = len(words)
        while count > 1 and face.size(" ".join(words[:count]))[0] > width:
            count -= 1
        result.append(shortened(" ".join(words[:count]), face, width))
        words = words[count:]
    return [*result, shortened(" ".join(words), face, width)] if words else result
