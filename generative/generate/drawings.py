"""The drawings of `generate`: ways between pictures, walks along latents, sums of classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from generative.drawings import short
from generative.generate.arithmetic import Sum, Term, written
from generative.generate.ends import End
from generative.generate.walk import FAR, Rows
from sandbox.core.theme import LIGHT, rgb
from sandbox.ui.grids import Row, picture_grid
from sandbox.ui.mosaic import mosaic, save_gif

WIDEST = 13
"""pictures in a row of a strip"""
TILE_PX = 96
"""about the side of a picture, with room for a caption"""
BESIDE = 8
"""completions in a row"""
LARGE_PX = 140
"""the same where there are few"""
ANIMATED = 40
"""steps of an animation, about"""
ANIMATED_PX = 280
"""about the side of a picture in an animation"""
FRAME_S, REST_S = 0.05, 0.6
"""that a frame of an animation is seen, and either end of the way"""

Bytes = NDArray[np.uint8]
Way = Sequence[tuple[str, Tensor]]
"""what a row of pictures is drawn as ("" where there is but one way), and (steps, channels, height, width)"""


def draw_way(path: Path, ends: tuple[End, End], ways: Way, subtitle: str) -> Path:
    """A strip: the originals, and between them all pictures on the way; long ones take several rows."""
    rows = []
    for number, (label, pictures) in enumerate(ways):
        last = len(pictures) - 1
        tiles = np.stack([ends[0].picture.numpy(), *pictures.numpy(), ends[1].picture.numpy()])
        shares = [f"{share / last:.0%}".replace("%", " %") for share in range(last + 1)]
        captions = ["original", *shares, "original"]
        lines = -(-len(tiles) // WIDEST)
        long = -(-len(tiles) // lines)
        rows += [
            Row(
                label if at == 0 else "",
                "",
                tiles[at : at + long],
                captions[at : at + long] if lines > 1 or number == 0 else (),
            )
            for at in range(0, len(tiles), long)
        ]
    return picture_grid(
        path, rows, title=f"From {ends[0].name} to {ends[1].name}", subtitle=subtitle, tile_px=TILE_PX
    )


def smoothness(pictures: int) -> int:
    """Steps of an animation for each of a strip of so many pictures, which are among its frames."""
    return max(1, round(ANIMATED / (pictures - 1)))


def animate_way(path: Path, ways: Sequence[Tensor]) -> Path:
    """The way there and back as a GIF, a picture for each of `ways` side by side."""
    frames = np.stack(
        [pictures.numpy() for pictures in ways], axis=1
    )  # (steps, ways, channels, height, width)
    scale = max(1, round(ANIMATED_PX / max(frames.shape[-2:])))
    there = [mosaic(frame, len(ways), scale=scale) for frame in frames]
    rest = round(REST_S / FRAME_S)
    frames_seen = [there[0]] * rest + there[1:-1] + [there[-1]] * rest + there[-2:0:-1]
    return save_gif(path, frames_seen, FRAME_S)


def draw_rows(path: Path, rows: Rows, subtitle: str) -> Path:
    """A row for each latent, captioned by how far from the mean it is."""
    steps = rows.pictures.shape[1]
    places = np.linspace(-FAR, FAR, steps)
    columns = [f"{place:+.2g}σ".replace("-", "−").replace("+0σ", "mean") for place in places]
    drawn = [
        Row(f"latent {latent}", f"σ = {deviation:.2g}", pictures)
        for latent, deviation, pictures in zip(
            rows.latents, rows.deviations, rows.pictures.numpy(), strict=True
        )
    ]
    return picture_grid(
        path, drawn, title="What each latent changes", subtitle=subtitle, columns=columns, tile_px=TILE_PX
    )


def draw_sum(path: Path, terms: Sequence[Term], found: Sum, pictures: Bytes, subtitle: str) -> Path:
    """The decoded mean of each term, and behind them the decoded result, the last of `pictures`."""
    captions = [f"{'+' if term.sign > 0 else '−'} {short(term.name)}" for term in terms]
    captions[0] = captions[0].removeprefix("+ ")
    row = Row("", "", pictures, [*captions, "= result"])
    about = f"nearest class mean: {found.nearest}  ·  {subtitle}"
    return picture_grid(path, [row], title=written(terms), subtitle=about, tile_px=LARGE_PX)


def draw_repair(
    path: Path, end: End, anew: Tensor, made: Tensor, names: Sequence[str], subtitle: str
) -> Path:
    """The original, what is left of it, and all completions; more rows of these where they are many.

    Args:
        anew: (height, width) bool: what was drawn anew.
        made: (n, channels, height, width) uint8.
        names: of their classes, if the model was told them.
    """
    original = _coloured(end.picture.numpy()[None])
    kept = np.where(anew.numpy(), _colour(LIGHT.series[4]), original)
    blank = np.broadcast_to(_colour(LIGHT.background), original.shape)
    tiles, rows = _coloured(made.numpy()), []
    for at in range(0, len(tiles), BESIDE):
        some = tiles[at : at + BESIDE]
        left = [original, kept] if at == 0 else [blank, blank]
        captions = ["original", "kept"] if at == 0 else ["", ""]
        told = [short(name) for name in names[at : at + BESIDE]]
        rows.append(Row("", "", np.concatenate([*left, some]), [*captions, *told] if at == 0 or told else ()))
    return picture_grid(path, rows, title=f"{end.name}, completed", subtitle=subtitle, tile_px=TILE_PX)


def _coloured(pictures: Bytes) -> Bytes:
    """Pictures (n, 1 or 3, height, width) with three channels."""
    return np.broadcast_to(pictures, (len(pictures), 3, *pictures.shape[2:])).copy()


def _colour(name: str) -> Bytes:
    return np.array(rgb(name), np.uint8)[:, None, None]
