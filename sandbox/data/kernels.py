"""The classic small kernels, and what they make of a picture.

A kernel is laid over a pixel and its neighbours; each number is multiplied by what lies under it, and the sum
is the new pixel. That is *correlation*, which the "convolution" layers of neural networks compute, too. A
convolution as mathematics has it would turn the kernel by 180° first: for kernels that look the same then
(blurs, sharpen, outline) there is no difference, and left and right change places for the others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandbox.core.errors import UnknownName, UsageError
from sandbox.data.form import LUMINANCE

SIZES = {9: 3, 25: 5}
"""how many numbers make a kernel, and its side"""
FULL = 0.995
"""the part of the pixels whose edges are too weak for black or white"""

Numbers = tuple[float, ...]


@dataclass(frozen=True)
class Kernel:
    """A square of numbers, row by row, and its name."""

    name: str
    numbers: Numbers
    """9 or 25"""

    @property
    def side(self) -> int:
        """3 or 5."""
        return SIZES[len(self.numbers)]

    @property
    def finds_edges(self) -> bool:
        """Whether the numbers sum to 0: then even areas become 0, and what is left has a sign."""
        return abs(sum(self.numbers)) < 1e-6 * max(map(abs, self.numbers)) and any(self.numbers)

    @property
    def written(self) -> tuple[list[str], str]:
        """The numbers as people write them, and what they are all divided by ("" for nothing)."""
        for divisor in range(1, 1001):
            whole = [number * divisor for number in self.numbers]
            if all(math.isclose(number, round(number), abs_tol=1e-6) for number in whole):
                texts = [_signed(f"{round(number)}") for number in whole]
                return texts, "" if divisor == 1 else f"÷ {divisor}"
        return [_signed(f"{number:.3g}") for number in self.numbers], ""


def _signed(text: str) -> str:
    return text.replace("-", "−")


def _divided(divisor: float, *numbers: float) -> Numbers:
    return tuple(number / divisor for number in numbers)


def _turned(numbers: Sequence[float], quarters: int) -> Numbers:
    """The kernel after so many quarter turns to the left."""
    return tuple(float(number) for number in np.rot90(np.reshape(numbers, (3, 3)), quarters).ravel())


SOBEL_RIGHT, PREWITT_RIGHT = (-1, 0, 1, -2, 0, 2, -1, 0, 1), (-1, 0, 1, -1, 0, 1, -1, 0, 1)
SOBEL_UP_RIGHT = (0, 1, 2, -1, 0, 1, -2, -1, 0)
DIRECTIONS = ("right", "up", "left", "down")
DIAGONALS = ("up-right", "up-left", "down-left", "down-right")

_ALL = (
    Kernel("identity", (0, 0, 0, 0, 1, 0, 0, 0, 0)),
    Kernel("box-blur", _divided(9, *[1] * 9)),
    Kernel("gaussian-blur", _divided(16, 1, 2, 1, 2, 4, 2, 1, 2, 1)),
    Kernel("motion-blur", _divided(3, 0, 0, 0, 1, 1, 1, 0, 0, 0)),
    Kernel("sharpen", (0, -1, 0, -1, 5, -1, 0, -1, 0)),
    Kernel("emboss", (-2, -1, 0, -1, 1, 1, 0, 1, 2)),
    Kernel("outline", (-1, -1, -1, -1, 8, -1, -1, -1, -1)),
    Kernel("laplacian", (0, 1, 0, 1, -4, 1, 0, 1, 0)),
    *(Kernel(f"sobel-{name}", _turned(SOBEL_RIGHT, turn)) for turn, name in enumerate(DIRECTIONS)),
    *(Kernel(f"prewitt-{name}", _turned(PREWITT_RIGHT, turn)) for turn, name in enumerate(DIRECTIONS)),
    *(Kernel(f"sobel-{name}", _turned(SOBEL_UP_RIGHT, turn)) for turn, name in enumerate(DIAGONALS)),
)
KERNELS: dict[str, Kernel] = {kernel.name: kernel for kernel in _ALL}
"""In the order in which they are shown; an edge's name says to which side it gets brighter."""


def read_kernel(words: Sequence[str], name: str = "own") -> Kernel:
    """The kernel that a person typed: a name of `KERNELS`, or 9 or 25 numbers, as -1 or 1/9.

    Args:
        words: as a shell splits them; several numbers in one word will do.
        name: what a kernel of one's own is called.

    Raises:
        UnknownName: a single word that is no name.
        UsageError: not 9 or 25 numbers, or something that is no number.
    """
    words = [word for text in words for word in text.replace(",", " ").split()]
    if len(words) == 1 and words[0][:1].isalpha():
        if words[0] not in KERNELS:
            raise UnknownName("kernel", words[0], KERNELS)
        return KERNELS[words[0]]
    if len(words) not in SIZES:
        raise UsageError(
            f"--kernel takes a name, 9 numbers or 25, not {len(words)}",
            hint="kernels FILE --kernel 0 -1 0 -1 5 -1 0 -1 0",
        )
    return Kernel(name, tuple(_number(word) for word in words))


def _number(word: str) -> float:
    above, slash, below = word.partition("/")
    try:
        value = float(above) / (float(below) if slash else 1.0)
    except (ValueError, ZeroDivisionError):
        value = math.nan
    if not math.isfinite(value):
        raise UsageError(f"--kernel: {word!r} is not a number such as -1, 0.5 or 1/9")
    return value


def correlate(picture: NDArray[np.uint8], kernel: Kernel) -> NDArray[np.float64]:
    """What `kernel` makes of each channel of `picture` (channels, height, width); beyond 0 to 255, too.

    Beyond the border the picture goes on with its outermost pixels.
    """
    from scipy import ndimage

    grid = np.reshape(kernel.numbers, (1, kernel.side, kernel.side))
    return ndimage.correlate(picture.astype(np.float64), grid, mode="nearest")


def shown(picture: NDArray[np.uint8], kernel: Kernel) -> tuple[NDArray[np.uint8], str]:
    """The result as a picture (channels or 1, height, width), and in words what was done to show it.

    A kernel that finds edges sees the luminance alone, and 0 is shown as middle grey: brighter is above 0,
    darker below, and the strongest half percent is black and white. Other results are cut off at 0 and 255.
    """
    if not kernel.finds_edges:
        values = correlate(picture, kernel)
        lost = float(((values < -0.5) | (values > 255.5)).any(0).mean())
        return _bytes(values), f"{_percent(lost)} cut off" if lost > 0 else ""
    values = correlate(_luminance(picture), kernel)
    strong = max(1.0, float(np.quantile(np.abs(values), FULL)))
    return _bytes(127.5 + 127.5 * values / strong), f"white ≥ {strong:,.0f}"


def _bytes(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.rint(values).clip(0, 255).astype(np.uint8)


def _percent(part: float) -> str:
    return f"{part:.0%}" if part >= 0.01 else "under 1%"


def _luminance(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(1 or 3, height, width) -> (1, height, width)."""
    if len(picture) == 1:
        return picture
    grey = np.tensordot(LUMINANCE, picture.astype(np.int32), 1) + 32_768
    return (grey >> 16).astype(np.uint8)[None]
