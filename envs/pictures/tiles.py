"""Pictures put together from tiles, of which a step changes only a few: for environments on a grid."""

from __future__ import annotations

import numpy as np

from envs.task import Array, Mask
from envs.views import PIXELS

CHANNELS, HEIGHT, WIDTH = PIXELS.low.shape


class Tiles:
    """Puts tiles on the pixels of a whole batch at once.

    A cell is numbered `env * rows * columns + row * columns + column`. The grid lies in the middle of the
    picture; what it leaves at the sides is drawn in the colour of the upper left pixel of tile 0.

    Args:
        atlas: what each kind of tile looks like, (kinds, 3, height, width) uint8.
        rows, columns: the size of the grid, in cells.
        num_envs: the pictures in the batch.
    """

    def __init__(self, atlas: Array, rows: int, columns: int, num_envs: int) -> None:
        height, width = atlas.shape[2:]
        top, left = (HEIGHT - rows * height) // 2, (WIDTH - columns * width) // 2
        # Four pixels that lie side by side are written as one word wherever the tiles allow it.
        wide = 4 if width % 4 == left % 4 == 0 else 1
        self._word = np.uint32 if wide == 4 else np.uint8
        places = np.arange(CHANNELS * HEIGHT * WIDTH // wide).reshape(CHANNELS, HEIGHT, WIDTH // wide)
        self._within = places[:, :height, : width // wide].ravel()  # (words of a tile,)
        corners = places[0, top::height, left // wide :: width // wide][:rows, :columns].ravel()
        self._corners = (np.arange(num_envs)[:, None] * places.size + corners).ravel()
        self._looks = np.ascontiguousarray(atlas).view(self._word).reshape(len(atlas), -1)
        self._cells = np.arange(rows * columns)
        self._side = atlas[0, :, :1, :1] if (rows * height, columns * width) != (HEIGHT, WIDTH) else None

    def put(self, pixels: Array, cells: Array, kinds: Array) -> None:
        """Draw tiles of these `kinds` at these `cells`, alike in shape; of equal cells the last one counts.

        `pixels`, (num_envs, 3, 40, 40) uint8, must be contiguous.
        """
        words = pixels.reshape(-1).view(self._word)
        words[self._corners.take(cells)[..., None] + self._within] = self._looks.take(kinds, axis=0)

    def lay(self, pixels: Array, who: Mask, kinds: Array) -> None:
        """Draw the masked pictures from nothing; `kinds` of cells: (pictures, rows · columns)."""
        if self._side is not None:
            pixels[who] = self._side
        self.put(pixels, np.flatnonzero(who)[:, None] * self._cells.size + self._cells, kinds)


def plain(color: tuple[int, int, int], height: int, width: int) -> Array:
    """A tile of one colour, (3, height, width) uint8."""
    return np.tile(np.array(color, np.uint8)[:, None, None], (1, height, width))
