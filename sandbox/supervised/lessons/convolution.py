"""Convolution is a matrix product.

A kernel slides over a picture; at each place its numbers are multiplied with those below it, and added up.
The same can be written as one product, in two ways. Either every patch that the kernel sees becomes a row,
and the kernel a column: so computers do it. Or the picture becomes a column, and the kernel a band that
moves down through a large matrix: so it is a dense layer, most of whose weights are 0, and the rest shared.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sandbox.core.lesson import Desk, Taught
from sandbox.ui.cells import cells, frame, grey, numbered, sign, signed, write
from sandbox.ui.chart import page

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Numbers = NDArray[Any]
KERNEL = np.array([[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]])  # finds upright edges
DIGIT = 3
PLACE = 15  # of the 36: the one that is framed everywhere


def size_after(size: int, kernel: int, stride: int, padding: int) -> int:
    """How many places a kernel has along a side of a picture."""
    return (size + 2 * padding - kernel) // stride + 1


def patches(picture: Numbers, kernel: int, stride: int = 1, padding: int = 0) -> Numbers:
    """What the kernel sees at each of its places, row by row: (places, kernel²)."""
    ringed = np.pad(picture, padding)
    down, across = (size_after(size, kernel, stride, padding) * stride for size in picture.shape)
    return np.array([
        ringed[row : row + kernel, column : column + kernel].ravel()
        for row in range(0, down, stride)
        for column in range(0, across, stride)
    ])  # fmt: skip


def slide(picture: Numbers, kernel: Numbers, stride: int = 1, padding: int = 0) -> Numbers:
    """Convolution as it is told: lay the kernel on, multiply, add up, move on; (rows, columns)."""
    ringed, side = np.pad(picture, padding), len(kernel)
    result = np.zeros([size_after(size, side, stride, padding) for size in picture.shape])
    for row, column in np.ndindex(*result.shape):
        below = ringed[row * stride : row * stride + side, column * stride : column * stride + side]
        result[row, column] = (below * kernel).sum()
    return result


def band_matrix(shape: tuple[int, int], kernel: Numbers, stride: int = 1, padding: int = 0) -> Numbers:
    """The matrix (places, pixels) that does the same to a picture of a shape, written as a column."""
    pixels = np.arange(1, shape[0] * shape[1] + 1).reshape(shape)  # 0: in the ring, where nothing is
    seen = patches(pixels, len(kernel), stride, padding)  # (places, kernel²), numbers of pixels
    matrix = np.zeros((len(seen), pixels.size + 1))
    np.put_along_axis(matrix, seen, np.broadcast_to(kernel.ravel(), seen.shape), axis=1)
    return matrix[:, 1:]


def pool(picture: Numbers, take: Callable[..., Numbers]) -> Numbers:
    """One number from each 2×2 pixels: their maximum, or their mean."""
    rows, columns = picture.shape
    return take(picture.reshape(rows // 2, 2, columns // 2, 2), axis=(1, 3))


def teach(desk: Desk) -> Taught:
    """One digit, one kernel, three ways; then what padding, stride and pooling do to the size."""
    from sandbox.data.catalog import load

    digits = load("digits").train
    threes = digits.images[digits.labels == DIGIT][:, 0].numpy()
    picture = threes[desk.seed % len(threes)] / 255.0  # (8, 8)
    seen, band = patches(picture, 3), band_matrix((8, 8), KERNEL)
    slid = slide(picture, KERNEL)
    by_patches, by_band = seen @ KERNEL.ravel(), band @ picture.ravel()
    apart = max(np.abs(by_patches - slid.ravel()).max(), np.abs(by_band - slid.ravel()).max())

    figure = page("Convolution is a matrix product")
    figure.set_size_inches(13.6, 8.7)
    figure.texts[0].set_position((0.3 / 13.6, 1 - 0.45 / 8.7))
    write(figure, 0.3, 0.6, "black to white: 0 to 1  ·  blue: above 0, orange: below, white: 0", quiet=True)
    draw_three_ways(figure, picture, seen, band, slid)
    draw_sizes(figure, picture)
    return Taught(figure, (
        f"Top: sliding, patches times kernel, and band times picture give the same {slid.size} numbers "
        f"(they differ by {apart:.0e}, which is rounding); the frames mark one of them everywhere.",
        f"A dense layer in the place of the band would learn {band.size:,} numbers; the kernel has "
        f"{KERNEL.size}, used at {slid.size} places, and looks for the same edge at each.",
        "Bottom: a side of n pixels becomes (n + 2 · padding − 3) / stride + 1, rounded down; stride 2 and "
        "pooling both leave a quarter of the numbers, and maximum pooling keeps what is highest.",
    ))  # fmt: skip


def draw_three_ways(figure: Figure, picture: Numbers, seen: Numbers, band: Numbers, slid: Numbers) -> None:
    """Sliding on the left, the patches in the middle, the band on the right; frames mark one result."""
    row, column = divmod(PLACE, 6)
    ones = slid.reshape(-1, 1)
    write(figure, 0.3, 1.1, "Sliding: at each place, multiply and add up")
    frame(cells(figure, grey(picture), 0.3, 2.15, 0.2, "picture 8×8"), column, row, 3, 3)
    sign(figure, 2.1, 2.95, "∗")
    numbered(cells(figure, signed(KERNEL), 2.3, 2.56, 0.26, "kernel 3×3"), KERNEL)
    sign(figure, 3.29, 2.95, "=")
    frame(cells(figure, signed(slid), 3.5, 2.35, 0.2, "result 6×6"), column, row)

    write(figure, 5.2, 1.1, "Patches × kernel")
    frame(cells(figure, grey(seen), 5.2, 1.4, (0.17, 0.085), "patches 36×9"), 0, PLACE, 9, 1)
    sign(figure, 6.89, 2.95, "×")
    cells(figure, signed(KERNEL.reshape(-1, 1)), 7.05, 2.18, 0.17, "9×1")
    sign(figure, 7.41, 2.95, "=")
    frame(cells(figure, signed(ones), 7.6, 1.4, (0.17, 0.085), "36×1"), 0, PLACE)

    write(figure, 8.35, 1.1, "Band × picture")
    frame(cells(figure, signed(band), 8.35, 1.4, (0.06, 0.085), "band 36×64"), 0, PLACE, 64, 1)
    sign(figure, 12.34, 2.95, "×")
    cells(figure, grey(picture.reshape(-1, 1)), 12.5, 1.4, (0.17, 3.06 / 64), "64×1")
    sign(figure, 12.87, 2.95, "=")
    frame(cells(figure, signed(ones), 13.06, 1.4, (0.17, 0.085), "36×1"), 0, PLACE)


def draw_sizes(figure: Figure, picture: Numbers) -> None:
    """The same kernel with padding, stride and pooling, all pixels drawn equally large."""
    same = slide(picture, KERNEL, padding=1)
    write(figure, 0.3, 5.15, "What padding, stride and pooling do to the size of the result")
    results = {
        "picture in a ring\nof zeros: 10×10": grey(np.pad(picture, 1)),
        "no padding\n8 − 3 + 1 = 6": signed(slide(picture, KERNEL)),
        "padding 1\n8 + 2 − 3 + 1 = 8": signed(same),
        "padding 1, stride 2\n(8 + 2 − 3) / 2 + 1 → 4": signed(slide(picture, KERNEL, stride=2, padding=1)),
        "padding 1, maximum\nof each 2×2: 8 / 2 = 4": signed(pool(same, np.max)),
        "padding 1, mean\nof each 2×2: 8 / 2 = 4": signed(pool(same, np.mean)),
    }
    left = 0.3
    for number, (caption, shown) in enumerate(results.items()):
        side = 0.25 * len(shown)
        room = max(side, 1.5)
        axes = cells(figure, shown, left + (room - side) / 2, 5.45 + (2.5 - side) / 2, 0.25, caption)
        if number == 0:
            frame(axes, 1, 1, 8, 8)
        left += room + 0.5
