"""``kernels``: what the classic kernels, or one's own numbers, make of a picture."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional, UseAppendAction, arg

from sandbox.core.errors import Broken, NotFound, UnknownName, UsageError
from sandbox.core.names import resolve
from sandbox.core.plugins import names
from sandbox.ui.console import Console
from sandbox.ui.png import png_path

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sandbox.data.kernels import Kernel

SIDE_PX = 256
"""what the longer side of a picture is reduced to"""


@dataclass(frozen=True)
class Kernels:
    """Lay the classic 3×3 kernels over a picture, and draw all results side by side with their numbers.

    FILE is a picture, or one of a data set: "mnist" for its first picture, "mnist:7" for the first of the
    class 7. Large pictures are reduced first. Computed is a correlation, as in the layers of a network: the
    kernel is laid on as it is written. Kernels whose numbers sum to 0 find edges: they see brightness alone,
    and 0 is shown as grey. All other results are cut off at black and white, and the picture says how much.

    Examples:
        python -m sandbox kernels photo.jpg
        python -m sandbox kernels mnist:7 -o seven.png
        python -m sandbox kernels photo.jpg --kernel 0 -1 0 -1 5 -1 0 -1 0
        python -m sandbox kernels photo.jpg --kernel sobel-left --kernel 1/9 1/9 1/9 1/9 1/9 1/9 1/9 1/9 1/9
    """

    file: Annotated[Positional[str], arg(metavar="FILE")]
    """A picture file, or DATA or DATA:CLASS."""
    kernel: Annotated[UseAppendAction[tuple[tuple[str, ...], ...]], arg(metavar="NUMBERS")] = ()
    """Nine numbers row by row, or 25, or a name; may be repeated; all classic ones, unless given."""
    size: int = SIDE_PX
    """Pixels that the longer side is reduced to."""
    out: Annotated[Path | None, arg(name="output", aliases=("-o",), metavar="PNG")] = None
    """The picture to draw; kernels-NAME.png here, unless given."""
    data_dir: Path | None = None
    """Folder with the data; SANDBOX_DATA, then the cache, unless given."""

    def run(self, console: Console) -> dict[str, Any]:
        """Draw; returns what ``--json`` prints.

        Raises:
            UsageError: no kernel is meant by the words, or the size is none.
            NotFound, Broken: there is no such picture, or it is damaged.
        """
        if not 8 <= self.size <= 2_000:
            raise UsageError(f"--size must be 8 to 2,000 pixels, not {self.size}")
        from sandbox.data.kernels import KERNELS, read_kernel, shown
        from sandbox.ui.kernel_plots import Tile, draw_kernels

        own = [read_kernel(words, f"kernel {number}") for number, words in enumerate(self.kernel, start=1)]
        path = png_path(self.out, f"kernels-{_slug(self.file)}.png", "-o")
        picture, told = self._picture()
        kernels: list[Kernel] = [KERNELS["identity"], *own] if own else list(KERNELS.values())
        tiles = []
        for kernel in kernels:
            result, note = shown(picture, kernel)
            texts, divisor = kernel.written
            tiles.append(Tile(kernel.name, result, texts, kernel.numbers, divisor, note))
        draw_kernels(path, tiles, title=f"Kernels on {told}", subtitle=_explained(picture, kernels))
        console.print(path)
        return {
            "schema": "sandbox.kernels/1",
            "picture": self.file,
            "shape": picture.shape,
            "kernels": [{"name": one.name, "numbers": one.numbers} for one in kernels],
            "file": str(path),
        }

    def _picture(self) -> tuple[NDArray[np.uint8], str]:
        """(1 or 3, height, width), and what it is, in words."""
        name, _, wanted = self.file.partition(":")
        path = Path(self.file).expanduser()
        if path.is_file():
            return read_reduced(path, self.size), path.name
        if name.casefold() in map(str.casefold, names("data")):
            return _of_data_set(resolve(name, names("data"), "data set"), wanted, self.data_dir)
        if path.suffix or path.name != self.file or path.exists():
            raise NotFound(f"there is no picture {self.file}")
        raise UnknownName(
            "picture",
            self.file,
            names("data"),
            hint="a picture file, or a data set such as digits or mnist:7",
        )


def read_reduced(path: Path, longest: int) -> NDArray[np.uint8]:
    """The picture in a file as (1 or 3, height, width); its longer side is reduced to `longest` pixels.

    Raises:
        Broken: it is no picture, or damaged.
    """
    from sandbox.data.picture_file import NoPicture, read_picture, reduced_size

    try:
        shape = 3, *reduced_size(path, longest)
    except (NoPicture, OSError) as error:
        reason = getattr(error, "strerror", None) or error
        raise Broken(f"{path} cannot be used: {reason}", hint="use a picture such as JPEG or PNG") from None
    picture = read_picture(path, shape)
    grey = bool((picture[0] == picture[1]).all() and (picture[0] == picture[2]).all())
    return picture[:1] if grey else picture


def _of_data_set(name: str, wanted: str, data_dir: Path | None) -> tuple[NDArray[np.uint8], str]:
    """The first training picture, or the first of the class that is wanted."""
    from sandbox.data.catalog import load

    pictures = load(name, data_dir).train
    if not wanted:
        return pictures.images[0].numpy(), f"the first picture of {name}"
    label = resolve(wanted, pictures.classes, f"class of {name}")
    row = int((pictures.labels == pictures.classes.index(label)).nonzero()[0])
    return pictures.images[row].numpy(), f"the first {label} of {name}"


def _explained(picture: NDArray[np.uint8], kernels: list[Kernel]) -> str:
    height, width = picture.shape[1:]
    parts = [f"{width}×{height} pixels"]
    if any(kernel.finds_edges for kernel in kernels):
        parts.append("edges: grey is 0, brighter above, darker below")
    return "  ·  ".join(parts)


def _slug(text: str) -> str:
    name = text.replace(":", "-") if ":" in text else Path(text).stem
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "picture"
