"""Pictures over what became of them, with labels, as a PNG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sandbox.ui.grids import Row, picture_grid

COLUMNS = 8
"""pictures side by side"""
CAPTION_PX = 80
"""room for an error below a picture: narrow pictures are enlarged until there is as much"""


class Version(NamedTuple):
    """What all pictures look like at one stage of their way."""

    label: str
    """left of them, such as original or reconstructed"""
    pictures: NDArray[np.uint8]
    """(n, channels, height, width), channels 1 or 3"""


def draw_reconstructions(
    path: Path,
    versions: Sequence[Version],
    *,
    title: str,
    subtitle: str,
    above: Sequence[str] = (),
    below: Sequence[str] = (),
    columns: int = COLUMNS,
) -> Path:
    """Draw `versions` of the same pictures over each other, `columns` side by side, to the PNG `path`.

    Args:
        path: folders on the way to it are made.
        versions: all of them of the same n pictures, the original first.
        above: captions over the originals, such as names of classes; none, or n.
        below: captions under the last versions, such as errors; none, or n.

    Raises:
        OSError: `path` cannot be written.
    """
    count = len(versions[0].pictures)
    rows = []
    for start in range(0, count, columns):
        part = slice(start, start + columns)
        for version in versions:
            first, last = version is versions[0], version is versions[-1]
            captions = {"above": above[part] if first else (), "below": below[part] if last else ()}
            rows.append(Row(version.label, "", version.pictures[part], **captions))
    width = versions[0].pictures.shape[3]
    return picture_grid(path, rows, title=title, subtitle=subtitle, tile_px=-(-CAPTION_PX // width) * width)
