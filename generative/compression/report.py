"""What compressing gained, and what it lost: for people, for scripts, and as a picture."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from generative.drawings import title_of
from generative.measure.drawn import Version, draw_reconstructions
from generative.measure.fidelity import psnr
from generative.passes import as_seen, pass_size, spread, squared_errors
from sandbox.core.run import Run
from sandbox.ui.console import Console

Bytes = NDArray[np.uint8]
DRAWN = 16
"""pictures for which a drawing has room"""


@dataclass(frozen=True)
class Sizes:
    """Bytes before and after."""

    files: int | None
    """of the picture files; None of a data set"""
    pixels: int
    """of the pictures in the model's form, a byte a pixel and channel"""
    zipped_pixels: int
    """the same, deflated: what zip makes of them without any model and without loss"""
    compressed: int
    """of the npz file"""
    codes: int
    """of the codes in it, as they lie there; the rest are names, ranges, and what zip archives need"""
    model: int
    """of the weights that turn codes into pictures again; they stay in the run"""


@dataclass(frozen=True, eq=False)
class Lost:
    """What is lost: mean squared errors of n pictures, on pixels from 0 to 1."""

    each: NDArray[np.float64]
    """(n,): of what decompressing will write"""
    unquantised: NDArray[np.float64]
    """(n,): of what it would write if latents were kept as they are"""

    def as_json(self) -> dict[str, float]:
        """The means over the pictures, and their peak signal-to-noise ratios in dB."""
        mse, before = float(self.each.mean()), float(self.unquantised.mean())
        return {
            "mse": mse,
            "psnr": psnr(mse),
            "mse_unquantised": before,
            "psnr_unquantised": psnr(before),
        }


def sizes_of(file_bytes: int | None, pictures: Bytes, content: bytes, model_bytes: int) -> Sizes:
    """The bytes of pictures in the model's form, and of the npz file with this ``content``."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        codes = archive.getinfo("codes.npy").compress_size
    zipped = len(zlib.compress(pictures.tobytes()))
    return Sizes(file_bytes, pictures.nbytes, zipped, len(content), codes, model_bytes)


def errors_of(images: Tensor, others: Tensor) -> NDArray[np.float64]:
    """Mean squared error, (n,), of each of two times n pictures uint8, whose values count from 0 to 1."""
    channels, height, width = images.shape[1:]
    size = pass_size((channels, height, width))
    pairs = zip(images.split(size), others.split(size), strict=True)
    return np.concatenate(
        [squared_errors(as_seen(one), as_seen(other)).numpy() for one, other in pairs]
    ).astype(np.float64)


def tell(
    console: Console, file: Path, pictures: Bytes, latent: int, bits: int, sizes: Sizes, lost: Lost
) -> None:
    """Print sizes and errors."""
    count, _, height, width = pictures.shape
    colours = "grey" if pictures.shape[1] == 1 else "colour"

    def row(what: str, size: int) -> list[str]:
        return [what, f"{size:,}", f"{size / count:,.1f}", f"{size / sizes.compressed:,.1f}"]

    console.table(
        ["", "bytes", "a picture", "times the npz"],
        [
            *([] if sizes.files is None else [row("the files", sizes.files)]),
            row(f"pixels, {width}×{height} {colours}", sizes.pixels),
            row("pixels, zipped", sizes.zipped_pixels),
            row(str(file), sizes.compressed),
            row(f"of which {latent} codes of {bits} bits", sizes.codes),
        ],
    )
    unrounded = f"{_told(lost.unquantised)} with latents that are not rounded"
    console.print(f"error {_told(lost.each)}, mean squared, on pixels from 0 to 1; {unrounded}")
    console.print(
        f"back: python -m sandbox decompress {file} (with the run's {sizes.model:,} bytes of weights)"
    )


def draw(path: Path, run: Run, pictures: Bytes, back: Bytes, sizes: Sizes, lost: Lost) -> Path:
    """Draw some pictures over what comes back of them, to the PNG ``path``."""
    count = len(pictures)
    some = spread(count, DRAWN).numpy()
    which = "" if len(some) == count else f", {len(some)} of {count:,} pictures"
    return draw_reconstructions(
        path,
        [Version("original", pictures[some]), Version("comes back", back[some])],
        title=f"{title_of(run.info)}{which}",
        subtitle=f"{sizes.pixels / count:,.0f} bytes, and {sizes.compressed / count:,.1f} in the file; "
        f"mean squared error, on pixels from 0 to 1: {_told(lost.each)}",
        below=[f"{error:.4f}" for error in lost.each[some]],
    )


def entries(names: Sequence[str], lost: Lost) -> list[dict[str, Any]]:
    """Each picture as ``--json`` has it."""
    return [{"name": name, "mse": float(error)} for name, error in zip(names, lost.each, strict=True)]


def _told(errors: NDArray[np.float64]) -> str:
    mean = float(errors.mean())
    return f"{mean:.5f} ({psnr(mean):.1f} dB)"
