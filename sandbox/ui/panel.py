"""Draws the panel beside the picture, the help above it, and short messages."""

from __future__ import annotations

from collections.abc import Sequence

import pygame

from sandbox.core.theme import DARK, SPACING_PX, WINDOW_FONT_PX, rgb
from sandbox.ui.fonts import font, wrapped, write
from sandbox.ui.hud import Bar, Hud

_BODY, _SMALL = int(WINDOW_FONT_PX.body) - 1, int(WINDOW_FONT_PX.small) - 1
_ROW = int(WINDOW_FONT_PX.body) + SPACING_PX.small
_BAR_ROW = _SMALL + SPACING_PX.large
_MARGIN = SPACING_PX.large
_MESSAGE_LINES = 4


def draw_panel(surface: pygame.Surface, area: pygame.Rect, hud: Hud, message: str = "") -> None:
    """Draw everything that fits, from the top: what matters most comes first.

    Args:
        message: for a moment, above the last lines; beside the picture it hides nothing that is played.
    """
    if area.width <= 0:
        return
    surface.set_clip(area)
    surface.fill(rgb(DARK.panel), area)
    box = area.inflate(-2 * _MARGIN, -2 * _MARGIN)
    bottom = _message(surface, box, _footer(surface, box, hud), message)
    y = _titles(surface, box, hud)
    for label, text in hud.rows:
        if y + _ROW > bottom:
            break
        write(surface, label, (box.left, y + 2), _SMALL, rgb(DARK.quiet))
        write(surface, text, (box.right, y), _BODY, rgb(DARK.ink), anchor="topright")
        y += _ROW
    y = _bars(surface, box, y + SPACING_PX.medium, bottom, hud)
    _keys(surface, box, y + SPACING_PX.medium, bottom, hud)
    surface.set_clip(None)


def _titles(surface: pygame.Surface, box: pygame.Rect, hud: Hud) -> int:
    write(surface, hud.title, box.topleft, _BODY, rgb(DARK.ink), bold=True, width=box.width)
    y = box.top + _BODY + SPACING_PX.small
    for line in wrapped(hud.subtitle, font(_SMALL), box.width, 2):
        write(surface, line, (box.left, y), _SMALL, rgb(DARK.quiet))
        y += _SMALL + SPACING_PX.tiny
    return y + SPACING_PX.medium


def _footer(surface: pygame.Surface, box: pygame.Rect, hud: Hud) -> int:
    """States and the last line; returns the height above which there is room."""
    y = box.bottom - _SMALL - 2
    write(surface, hud.footer, (box.left, y), _SMALL, rgb(DARK.quiet), width=box.width)
    for text, tone in reversed(hud.status):
        y -= _SMALL + SPACING_PX.small
        color = rgb(getattr(DARK, tone))
        pygame.draw.aacircle(surface, color, (box.left + 4, y + _SMALL // 2 + 2), 4)
        write(surface, text, (box.left + 16, y), _SMALL, color, width=box.width - 16)
    return y - SPACING_PX.small


def _message(surface: pygame.Surface, box: pygame.Rect, bottom: int, text: str) -> int:
    """A card that is seen from the corner of an eye; returns the height above which there is room."""
    lines = wrapped(text, font(_BODY), box.width - 2 * SPACING_PX.small, _MESSAGE_LINES)
    if not lines:
        return bottom
    row = _BODY + SPACING_PX.tiny
    card = pygame.Rect(box.left, 0, box.width, row * len(lines) + 2 * SPACING_PX.small)
    card.bottom = bottom - SPACING_PX.tiny
    pygame.draw.rect(surface, rgb(DARK.accent), card, border_radius=SPACING_PX.radius)
    for index, line in enumerate(lines):
        at = card.centerx, card.top + SPACING_PX.small + row * index
        write(surface, line, at, _BODY, rgb(DARK.background), anchor="midtop")
    return card.top - SPACING_PX.tiny


def _bars(surface: pygame.Surface, box: pygame.Rect, y: int, bottom: int, hud: Hud) -> int:
    room = (bottom - y - _SMALL - SPACING_PX.small) // _BAR_ROW
    if not hud.bars or room < 1:
        return y
    write(surface, hud.heading, (box.left, y), _SMALL, rgb(DARK.quiet))
    y += _SMALL + SPACING_PX.small + SPACING_PX.tiny
    shown, hidden = chosen_bars(hud.bars, room)
    for bar in shown:
        _bar(surface, pygame.Rect(box.left, y, box.width, _BAR_ROW), bar)
        y += _BAR_ROW
    if hidden:
        write(surface, f"and {hidden} more", (box.left, y), _SMALL, rgb(DARK.quiet))
        y += _SMALL
    return y


def chosen_bars(bars: Sequence[Bar], room: int) -> tuple[list[Bar], int]:
    """The bars to show where there is room for `room`, in their order, and how many are left out.

    The longest ones stay, and the chosen one.
    """
    if len(bars) <= room:
        return list(bars), 0
    ranked = sorted(bars, key=lambda bar: (not bar.chosen, bar.start - bar.end))
    kept = {id(bar) for bar in ranked[: max(room - 1, 1)]}
    shown = [bar for bar in bars if id(bar) in kept]
    return shown, len(bars) - len(shown)


def _bar(surface: pygame.Surface, row: pygame.Rect, bar: Bar) -> None:
    accent = rgb(DARK.accent) if bar.chosen or bar.mark is not None else rgb(DARK.edge)
    ink = rgb(DARK.ink) if bar.chosen or bar.mark is not None else rgb(DARK.quiet)
    text = write(surface, bar.text, row.topright, _SMALL, ink, anchor="topright")
    write(surface, bar.label, row.topleft, _SMALL, ink, bold=bar.chosen, width=text.left - row.left - 8)
    height = SPACING_PX.small - 2
    track = pygame.Rect(row.left, row.top + _SMALL + SPACING_PX.tiny + 1, row.width, height)
    pygame.draw.rect(surface, rgb(DARK.grid), track, border_radius=height // 2)
    start, end = (track.left + round(track.width * part) for part in (bar.start, bar.end))
    if end > start:
        filled = pygame.Rect(start, track.top, max(end - start, 3), height)
        pygame.draw.rect(surface, accent, filled, border_radius=min(height // 2, filled.width // 2))
    if bar.mark is not None:
        x = min(track.left + round(track.width * bar.mark), track.right - 2)
        pygame.draw.rect(surface, rgb(DARK.ink), (x - 1, track.top - 3, 3, height + 6), border_radius=1)


def _keys(surface: pygame.Surface, box: pygame.Rect, y: int, bottom: int, hud: Hud) -> None:
    line = _SMALL + SPACING_PX.small
    if not hud.keys or y + 2 * line > bottom:
        return
    write(surface, "keys", (box.left, y), _SMALL, rgb(DARK.quiet))
    y += line
    for keys, meaning in hud.keys:
        if y + line > bottom:
            break
        write(surface, keys, (box.left, y), _SMALL, rgb(DARK.ink), bold=True)
        write(surface, meaning, (box.right, y), _SMALL, rgb(DARK.quiet), anchor="topright")
        y += line


def draw_help(surface: pygame.Surface, area: pygame.Rect, lines: Sequence[tuple[str, str]]) -> None:
    """A card with keys and what they do, in the middle of `area`."""
    row = _BODY + SPACING_PX.small
    height = min(area.height - 8, row * (len(lines) + 1) + 2 * _MARGIN)
    card = pygame.Rect(0, 0, min(area.width - 8, 340), height)
    card.center = area.center
    _card(surface, card)
    surface.set_clip(card)
    y = card.top + _MARGIN
    write(surface, "Keys", (card.left + _MARGIN, y), _BODY, rgb(DARK.ink), bold=True)
    for key, meaning in lines:
        y += row
        write(surface, key, (card.left + _MARGIN, y), _BODY, rgb(DARK.accent))
        write(surface, meaning, (card.left + 104, y), _BODY, rgb(DARK.ink), width=card.width - 104 - 8)
    surface.set_clip(None)


def draw_message(surface: pygame.Surface, area: pygame.Rect, text: str) -> None:
    """A line or two across the top of `area`, which still shines through: for windows without a panel."""
    lines = wrapped(text, font(_SMALL), area.width - 2 * SPACING_PX.small, _MESSAGE_LINES)
    row = _SMALL + SPACING_PX.tiny
    band = pygame.Rect(area.left, area.top, area.width, row * len(lines) + SPACING_PX.small)
    shade = pygame.Surface(band.size, pygame.SRCALPHA)
    shade.fill((*rgb(DARK.panel), 170))
    surface.blit(shade, band)
    for index, line in enumerate(lines):
        at = band.centerx, band.top + SPACING_PX.tiny + row * index
        write(surface, line, at, _SMALL, rgb(DARK.ink), anchor="midtop")


def _card(surface: pygame.Surface, card: pygame.Rect) -> None:
    shade = pygame.Surface(card.size, pygame.SRCALPHA)
    pygame.draw.rect(shade, (*rgb(DARK.panel), 240), shade.get_rect(), border_radius=SPACING_PX.radius)
    pygame.draw.rect(shade, rgb(DARK.edge), shade.get_rect(), width=1, border_radius=SPACING_PX.radius)
    surface.blit(shade, card)
