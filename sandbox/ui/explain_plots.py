"""What a network sees, as PNGs: kernels, feature maps, exciting frames, and where answers come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sandbox.core.theme import DARK, rgb
from sandbox.ui.grids import Row, picture_grid
from sandbox.ui.overlay import lay_over

Bytes = NDArray[np.uint8]

ACROSS = 16
"""tiles side by side, at most"""
ACROSS_NAMED = 12
"""likewise, of those with names"""
TILE_PX, LARGE_PX, HEADED_PX, ALONE_PX = 80, 120, 160, 240
"""about the sides of small tiles, of large ones, of those with words above, and of a single picture's"""
STRONGEST = 64
"""kernels that are drawn, at most"""
LIGHTEST = 225
"""of a feature map: its border stays visible on a white page"""
_LINE_PX = 4  # around a place
_LETTER_PX = 11  # of a header


@dataclass(frozen=True)
class Look:
    """One way to find out where answers come from."""

    label: str
    """of the row"""
    note: str
    """after the label"""
    heats: Sequence[np.ndarray]
    """for each frame (rows, columns), from 0 to 1, each on a scale of its own"""
    above: Sequence[str] = ()
    """for each frame what is asked about, where that is not the answer"""


@dataclass(frozen=True)
class Found:
    """One channel and the frames that excite it most."""

    name: str
    """of the channel"""
    frames: Bytes
    """(frames, height, width, 3), the most exciting one first"""
    boxes: list[tuple[float, float, float, float]]
    """for each frame where: left, top, right, bottom, in the frame's pixels"""


def draw_kernels(path: Path, kernels: np.ndarray, colours: int, title: str) -> Path:
    """Draw the kernels of a first layer: all of them in their order, or the strongest, strongest first.

    Args:
        path: of the PNG.
        kernels: (kernels, channels, height, width), positive and negative.
        colours: channels of one frame, 1 or 3; frames of a stack are drawn below each other, oldest first.
        title: who it is.
    """
    count, channels = kernels.shape[:2]
    depth = channels // colours
    if count > STRONGEST:
        kernels = kernels[np.argsort(-np.square(kernels).sum((1, 2, 3)), kind="stable")[:STRONGEST]]
    tiles = signed(kernels)
    rows = []
    for start in range(0, len(tiles), ACROSS):
        some = tiles[start : start + ACROSS].reshape(-1, depth, colours, *kernels.shape[2:])
        label = f"{start + 1}–{start + len(some)}"
        for frame in range(depth):
            note = "" if depth == 1 else "newest" if frame == depth - 1 else f"{depth - 1 - frame} before"
            rows.append(Row(label if frame == 0 else "", note, some[:, frame]))
    few = "" if len(tiles) == count else f"the {len(tiles)} strongest of "
    what = f"{few}{count} kernels of {kernels.shape[3]} × {kernels.shape[2]} pixels"
    means = "grey is 0, brighter adds, darker subtracts"
    means += ", in each colour" if colours == 3 else ""
    return picture_grid(path, rows, title=f"First layer of {title}", subtitle=f"{what}  ·  {means}")


def draw_features(
    path: Path, frame: Bytes, scales: Sequence[tuple[str, np.ndarray]], title: str, what: str
) -> Path:
    """Draw what becomes of one frame.

    Args:
        path: of the PNG.
        frame: (height, width, 3).
        scales: name and feature map (channels, rows, columns) of each scale; the channels with the most
            contrast are drawn, each from its lowest value (black) to its highest (light).
        title: who it is.
        what: says of this frame, such as what the answer to it was.
    """
    size = _tile(frame.shape[:2], TILE_PX)
    rows = [Row("sees", "", _stretched(frame.transpose(2, 0, 1)[None], size))]
    for name, maps in scales:
        strong = np.sort(np.argsort(-maps.std((1, 2)), kind="stable")[:ACROSS])
        note = f"{len(strong)} of {len(maps)}, {maps.shape[2]} × {maps.shape[1]}"
        rows.append(Row(name, note, _stretched(_levels(maps[strong])[:, None], size)))
    means = "each channel from its lowest value (black) to its highest (light)"
    return picture_grid(
        path,
        rows,
        title=f"Feature maps of {title}",
        subtitle=f"{what}  ·  {means}",
    )


def draw_exciting(path: Path, found: Sequence[Found], title: str, source: str) -> Path:
    """Draw for each channel the frames that excite it most, with a box around the place."""
    rows = [Row(one.name, "", _boxed(one)) for one in found]
    ranks = [f"{rank}." for rank in range(1, max(len(row.pictures) for row in rows) + 1)]
    return picture_grid(
        path,
        rows,
        title=f"What excites {title}",
        subtitle=f"of {source}, those in which a channel is highest, and a box where it is",
        columns=ranks,
    )


def draw_channel(
    path: Path, one: Bytes, everywhere: Bytes, found: Found | None, title: str, source: str
) -> Path:
    """Draw what a channel would like to see.

    Args:
        path: of the PNG.
        one: pictures made for one place of it, (count, channels, height, width).
        everywhere: likewise, for all its places.
        found: the frames that excite it most; None where there are none to choose from.
        title: which channel of whom.
        source: where the frames come from.
    """
    size = _tile(one.shape[2:], LARGE_PX)
    rows = [Row("made", "for one place", _stretched(one, size))]
    rows.append(Row("", "for all places", _stretched(everywhere, size)))
    rows += [] if found is None else [Row("found", "", _boxed(found))]
    how = "made: noise, changed until it is high"
    how += "" if found is None else f"  ·  found: of {source}, those in which it is highest"
    return picture_grid(path, rows, title=title, subtitle=how)


def draw_looks(
    path: Path, frames: Bytes, answered: Sequence[str], looks: Sequence[Look], title: str, subtitle: str
) -> Path:
    """Draw frames, and below each of them where the answer to it comes from; a single one from left to right.

    Args:
        path: of the PNG.
        frames: (frames, height, width, 3).
        answered: what the answer to each frame was.
        looks: the ways to find out.
        title: who it is.
        subtitle: where the frames come from, and what the heat means.
    """
    alone = len(frames) == 1
    size = _tile(frames.shape[1:3], ALONE_PX if alone else HEADED_PX)
    tiles = _stretched(frames.transpose(0, 3, 1, 2), size)
    rows = [Row("sees", "", tiles, [_cut(text, size[1]) for text in answered])]
    for look in looks:
        above = [_cut(text, size[1]) for text in look.above]
        rows.append(Row(look.label, look.note, _glowing(tiles, look.heats), above))
    if alone:
        notes = [", ".join((*row.above, row.note)).strip(", ") for row in rows]
        rows = [Row("", "", np.concatenate([row.pictures for row in rows]), notes)]
    return picture_grid(path, rows, title=title, subtitle=subtitle)


def draw_named(
    path: Path, pictures: np.ndarray, names: Sequence[str], side_px: int, title: str, subtitle: str
) -> Path:
    """Draw pictures (count, channels, height, width) uint8 with a name above each, in even rows."""
    size = _tile(pictures.shape[2:], side_px)
    tiles, names = _stretched(pictures, size), [_cut(name, size[1]) for name in names]
    across = -(-len(tiles) // -(-len(tiles) // ACROSS_NAMED))
    starts = range(0, len(tiles), across)
    rows = [Row("", "", tiles[start : start + across], names[start : start + across]) for start in starts]
    return picture_grid(path, rows, title=title, subtitle=subtitle)


def signed(weights: np.ndarray) -> Bytes:
    """Weights (count, channels, height, width) as pictures: 0 is grey, the strongest black or white."""
    strongest = np.abs(weights).max((1, 2, 3), keepdims=True).clip(1e-12)
    return np.rint(127.5 + 127.5 * weights / strongest).astype(np.uint8)


def _boxed(found: Found) -> Bytes:
    """The frames of a channel as large tiles (frames, 3, height, width), with a box around the place."""
    size = _tile(found.frames.shape[1:3], LARGE_PX)
    tiles = _stretched(found.frames.transpose(0, 3, 1, 2), size)
    scale = size[1] / found.frames.shape[2]
    for tile, box in zip(tiles, found.boxes, strict=True):
        _frame(tile, [round(side * scale) for side in box])
    return tiles


def _glowing(tiles: Bytes, heats: Sequence[np.ndarray]) -> Bytes:
    """Tiles (frames, 3, height, width) with heat over each."""
    pairs = zip(tiles, heats, strict=True)
    return np.stack([lay_over(tile.transpose(1, 2, 0), heat).transpose(2, 0, 1) for tile, heat in pairs])


def newest(pictures: Bytes, colours: int) -> Bytes:
    """The newest frames of stacks (batch, channels, height, width), in colour: (batch, height, width, 3)."""
    frames = pictures[:, -colours:].transpose(0, 2, 3, 1)
    return np.broadcast_to(frames, (*frames.shape[:3], 3)).copy()


def _cut(text: str, width_px: int) -> str:
    """A header that does not run into the next one, by a generous letter."""
    letters = width_px // _LETTER_PX
    return text if len(text) <= letters else text[: letters - 1].rstrip(", ") + "…"


def _levels(maps: np.ndarray) -> Bytes:
    """(channels, rows, columns), each channel from black to light; one that is flat is grey."""
    low, width = maps.min((1, 2), keepdims=True), np.ptp(maps, axis=(1, 2), keepdims=True)
    levels = np.where(width > 0, LIGHTEST * (maps - low) / np.where(width > 0, width, 1), 128)
    return np.rint(levels).astype(np.uint8)


def _tile(size: tuple[int, ...], side_px: int) -> tuple[int, int]:
    """Height and width of a tile: a whole number of times the frame's, about `side_px` wide."""
    times = max(1, round(side_px / size[1]))
    return size[0] * times, size[1] * times


def _stretched(pictures: np.ndarray, size: tuple[int, int]) -> Bytes:
    """Pictures (batch, channels, height, width) at another size; pixels stay squares, nothing is smoothed."""
    rows, columns = (np.arange(new) * old // new for new, old in zip(size, pictures.shape[2:], strict=True))
    return np.ascontiguousarray(pictures[:, :, rows][:, :, :, columns])


def _frame(tile: Bytes, box: Sequence[int]) -> None:
    """Draw a box around a place in a tile (3, height, width): bright between dark, to be seen anywhere."""
    height, width = tile.shape[1:]
    left, top = max(0, box[0] - _LINE_PX), max(0, box[1] - _LINE_PX)
    right, bottom = min(width, box[2] + _LINE_PX), min(height, box[3] + _LINE_PX)
    dark, glow = (np.array(rgb(colour), np.uint8)[:, None] for colour in (DARK.background, DARK.look))
    for inset in range(_LINE_PX):
        ink = dark if inset in (0, _LINE_PX - 1) else glow
        for row in (top + inset, bottom - 1 - inset):
            tile[:, row, left + inset : right - inset] = ink
        for column in (left + inset, right - 1 - inset):
            tile[:, top + inset : bottom - inset, column] = ink
