"""The colours of the pictures for people, so that all environments look like one family."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envs.canvas import Canvas

SKY_TOP, SKY_BOTTOM = (24, 28, 46), (52, 62, 92)
GROUND, TRACK = (30, 34, 52), (146, 156, 184)
AMBER, AMBER_LIGHT = (255, 184, 76), (255, 222, 160)
BLUE, BLUE_DARK, BLUE_LIGHT = (74, 144, 255), (38, 92, 190), (150, 196, 255)
TYRE, HUB = (16, 18, 28), (190, 200, 222)
RED = (255, 98, 98)
UPRIGHT = (74, 84, 118)
WHITE, PALE = (244, 247, 255), (164, 174, 204)
GREEN, GREEN_DARK, GREEN_LIGHT = (92, 201, 122), (46, 132, 76), (176, 236, 190)
VIOLET, VIOLET_LIGHT = (160, 120, 255), (208, 186, 255)


def scoreboard(canvas: Canvas, score: float | str, label: str = "SCORE", right: bool = False) -> None:
    """A large number under a small label, in the upper left corner of the picture or in the right one."""
    x, side = (canvas.width - 24, "topright") if right else (24, "topleft")
    canvas.text(label, (x, 22), 18, PALE, anchor=side)
    shown = score if isinstance(score, str) else f"{score:g}".replace("-", "−")
    canvas.text(shown, (x, 40), 44, WHITE, anchor=side)
