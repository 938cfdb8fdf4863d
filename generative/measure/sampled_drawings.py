"""Pictures of samples: some of them, those nearest to what was learned from, and those taken for others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from generative.drawings import short, title_of
from generative.generate.pictures import columns_for, scale_for
from generative.measure.drawn import Version, draw_reconstructions
from generative.quality.copies import Memory, Nearest
from sandbox.data.pictures import Pictures
from sandbox.ui.mosaic import mosaic, save_png

GRID, NEAREST, MISJUDGED = 100, 24, 36
"""pictures in each drawing, about"""
COLUMNS = 12


def draw_samples(path: Path, pictures: Tensor, asked: Tensor | None, classes: tuple[str, ...]) -> Path:
    """The first of the samples in full rows, a class in each column where there are classes."""
    _, *shape = pictures.shape
    channels, height, width = shape
    some = 0 if asked is None else len(asked.unique())
    columns = columns_for(GRID, (channels, height, width), some)
    count = min(len(pictures), columns * max(1, round(GRID / columns)))
    scale = scale_for(count, columns, (channels, height, width))
    return save_png(path, mosaic(pictures[:count].numpy(), columns, scale=scale))


def draw_nearest(
    path: Path, pictures: Tensor, train: Pictures, near: Nearest, memory: Memory, info: dict[str, Any]
) -> Path:
    """Samples over the training pictures that are nearest to them, from the nearest pair to the farthest."""
    order = near.distance.argsort()
    closest = order[: NEAREST // 2]
    others = order[NEAREST // 2 :]
    spread = (
        others[torch.linspace(0, max(len(others) - 1, 0), NEAREST - len(closest)).long()]
        if len(others)
        else others
    )
    rows = torch.cat([closest, spread.unique_consecutive()])
    beside = train.take(near.rows[rows].to(train.images.device))
    return draw_reconstructions(
        path,
        [Version("drawn", pictures[rows].numpy()), Version("training", beside.images.cpu().numpy())],
        title=title_of(info),
        subtitle=f"the {len(closest)} nearest to a training picture, then others up to the farthest  ·  "
        f"distances below; of pictures never seen {memory.held_out:.4f} in the median",
        below=[f"{distance:.4f}" for distance in near.distance[rows].tolist()],
        columns=COLUMNS,
    )


def draw_misjudged(
    path: Path,
    pictures: Tensor,
    asked: Tensor,
    answers: Tensor,
    classes: tuple[str, ...],
    info: dict[str, Any],
    how: str,
) -> Path:
    """Samples that the judge takes for another class: the class asked for above, its answer below."""
    some = slice(0, MISJUDGED)
    return draw_reconstructions(
        path,
        [Version("drawn", pictures[some].numpy())],
        title=title_of(info),
        subtitle=f"asked for (above) and seen by the judge (below)  ·  {len(pictures):,} such  ·  {how}",
        above=[short(classes[number]) for number in asked[some].tolist()],
        below=[short(classes[number]) for number in answers[some].tolist()],
        columns=COLUMNS,
    )
