"""Small picture files in folders, each of one colour or of a pattern."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

RED, GREEN, BLUE, GREY = (200, 30, 30), (30, 160, 30), (30, 30, 200), (90, 90, 90)


def plain(colour: tuple[int, ...] | int = RED, size: tuple[int, int] = (20, 20), mode: str = "RGB") -> Any:
    return Image.new(mode, size, colour)


def noise(number: int, side: int = 20) -> Any:
    """A picture like no other."""
    pixels = np.random.default_rng(number).integers(0, 256, (side, side, 3), np.uint8)
    return Image.fromarray(pixels)


def encoded(picture: Any, kind: str = "PNG", **options: Any) -> bytes:
    content = io.BytesIO()
    picture.save(content, kind, **options)
    return content.getvalue()


def write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def fill(folder: Path, names: Iterable[str], first: int = 0, side: int = 20) -> Path:
    """Write a picture like no other under each of ``names``."""
    for number, name in enumerate(names):
        write(folder / name, encoded(noise(first + number, side)))
    return folder


def album(root: Path, classes: Iterable[str] = ("cat", "dog"), count: int = 10) -> Path:
    """``count`` pictures, 1.png, 2.png, …, of every class."""
    for number, name in enumerate(classes):
        fill(root / name, [f"{one}.png" for one in range(1, count + 1)], first=number * 10_000)
    return root
