"""Photographed handwriting, brought to the form in which data sets of digits hold it.

MNIST's digits are bright strokes on black, scaled into a box of 20×20 with their proportions kept and put
into 28×28 by their centre of mass (LeCun et al. 1998, "Gradient-based learning applied to document
recognition"). A photo of dark ink on paper has nothing of that. Whether the pictures of a data set have such
a form, and which, is measured (`ink_form`), not asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Numbers = NDArray[np.float64]

LOOKED_AT = 2_000
"""pictures from which a form is measured, at most"""
PLAIN = 32
"""levels by which a pixel may differ from the background and still belong to it"""
PAPER = 0.45
"""what is brighter or darker than its surroundings and wider than this part of the photo is paper"""
FAINTEST = 24.0
"""levels by which ink must stand out from its paper"""


@dataclass(frozen=True)
class InkForm:
    """How the strokes lie in all pictures of a data set."""

    background: int
    """level around the strokes: 0 where they are bright on black"""
    box: float
    """longer side of what is written, as a part of the picture's side"""
    by_mass: bool
    """centred by mass, else by its bounding box"""
    row: float
    column: float
    """where that centre lies, as parts of height and width"""


def ink_form(images: Bytes) -> InkForm | None:
    """The form that pictures (n, channels, height, width) share, or None where they share none.

    They do where they are grey, most of their border and much of the rest is one level near black or white,
    and what stands out from it is equally large in nearly all of them: they were cut out and scaled.
    """
    step = -(-len(images) // LOOKED_AT) or 1
    some = images[::step, 0].astype(np.int16)  # (n, height, width)
    if images.shape[1] != 1 or not len(some):
        return None
    edge = np.ones(some.shape[1:], bool)
    edge[1:-1, 1:-1] = False
    background = int(np.median(some[:, edge]))
    ink = np.abs(some - background) >= PLAIN
    if PLAIN < background < 255 - PLAIN or ink[:, edge].mean() > 0.4 or ink.mean() > 0.6:
        return None
    boxes = np.array([_box(one) for one in ink if one.any()])  # (n, 4)
    if not len(boxes):
        return None
    longer = np.maximum(boxes[:, 1] - boxes[:, 0], boxes[:, 3] - boxes[:, 2])
    usual = float(np.median(longer))
    if (np.abs(longer - usual) <= 1).mean() < 0.8:
        return None
    strength = np.abs(some[ink.any((1, 2))] - background).astype(np.float64)
    mass = np.array([_mass(one) for one in strength])  # (n, 2)
    middle = np.stack([boxes[:, :2].mean(1), boxes[:, 2:].mean(1)], 1)
    by_mass = bool(mass.std(0).sum() < middle.std(0).sum())
    height, width = some.shape[1:]
    row, column = (mass if by_mass else middle).mean(0)
    return InkForm(
        background, usual / max(height, width), by_mass, float(row) / height, float(column) / width
    )


def in_form(picture: Bytes, form: InkForm) -> bool:
    """Whether a picture (height, width) of the right size looks as if it had the form already."""
    edge = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]]).astype(np.int16)
    return float((np.abs(edge - form.background) < PLAIN).mean()) >= 0.6


def written(photo: Bytes, form: InkForm, height: int, width: int) -> Bytes | None:
    """What is written in a photo, in the form of a data set: (height, width) uint8; None without any ink.

    The ink is what differs from its surroundings in the direction in which the border of the photo does not;
    paper is made even by taking away what is wider than a stroke; specks are dropped.

    Args:
        photo: (any height, any width), grey; a few hundred pixels are enough.
        form: of the pictures that the network learned from.
    """
    ink = _ink(photo.astype(np.float64))
    if ink is None:
        return None
    top, bottom, left, right = _box(ink > 0.15)
    small = _scaled(ink[top:bottom, left:right], round(form.box * max(height, width)))
    small = np.minimum(small / max(float(np.quantile(small[small > 0.1], 0.9)), 0.1), 1.0)
    rows, columns = _mass(small) if form.by_mass else (small.shape[0] / 2, small.shape[1] / 2)
    page = np.zeros((3 * height, 3 * width))
    start_row = height + round(form.row * height - rows)
    start_column = width + round(form.column * width - columns)
    page[start_row : start_row + small.shape[0], start_column : start_column + small.shape[1]] = small
    strength = page[height : 2 * height, width : 2 * width]
    full = 255.0 if form.background < 128 else 0.0
    return np.rint(form.background + (full - form.background) * strength).astype(np.uint8)


def _ink(photo: Numbers) -> Numbers | None:
    """How much ink each pixel has, 0 to 1, or None where nothing stands out."""
    from scipy import ndimage

    side = max(photo.shape)
    bright = 255 - photo if _is_dark_on_light(photo) else photo
    smooth = ndimage.median_filter(bright, 3)
    paper = ndimage.grey_opening(smooth, size=max(3, round(PAPER * side)))
    above = np.clip(smooth - ndimage.gaussian_filter(paper, side / 40), 0, None)
    threshold = _otsu(above)
    mask = above > threshold
    if not 0 < mask.mean() < 1 or above[mask].mean() - above[~mask].mean() < FAINTEST:
        return None
    pieces = np.empty(mask.shape, np.int32)
    ndimage.label(mask, np.ones((3, 3)), output=pieces)
    areas = np.bincount(pieces.ravel())
    areas[0] = 0
    kept = ndimage.binary_dilation((areas >= 0.04 * areas.max())[pieces], iterations=max(1, side // 150))
    full = float(np.quantile(above[mask], 0.7))
    low = threshold / 2
    return np.clip((above - low) / max(full - low, 1.0), 0, 1) * kept


def _is_dark_on_light(photo: Numbers) -> bool:
    """Whether what stands out from the border, continued evenly over the photo, is darker than that."""
    height, width = photo.shape
    ring = max(1, round(0.06 * min(height, width)))
    edge = np.ones(photo.shape, bool)
    edge[ring:-ring, ring:-ring] = False
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    terms = np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], -1)  # (height, width, 6)
    surface = terms @ np.linalg.lstsq(terms[edge], photo[edge], rcond=None)[0]
    low, high = np.quantile(photo - surface, [0.01, 0.99])
    return -low > high


def _otsu(values: Numbers) -> float:
    """The level that parts values into two groups with the greatest distance (Otsu 1979)."""
    counts, edges = np.histogram(values, 128)
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    sums = np.cumsum(counts * middles)
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(edges[1 + int(np.nan_to_num(apart).argmax())])


def _scaled(ink: Numbers, longer: int) -> Numbers:
    """The same with `longer` pixels along its longer side, each the mean of what it covers."""
    from PIL import Image

    scale = max(1, longer) / max(ink.shape)
    height, width = (max(1, round(scale * side)) for side in ink.shape)
    how = Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(ink.astype(np.float32)).resize((width, height), how), np.float64)


def _box(ink: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Top, bottom, left and right of what is True; bottom and right are one beyond."""
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def _mass(strength: Numbers) -> tuple[float, float]:
    """Row and column of the centre of mass, of pixels' middles, from the upper left corner."""
    total = strength.sum()
    rows, columns = (np.arange(side) + 0.5 for side in strength.shape)
    return float(strength.sum(1) @ rows / total), float(strength.sum(0) @ columns / total)
