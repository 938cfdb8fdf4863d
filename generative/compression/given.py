"""The pictures that a person wants to compress, and what they were before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from generative.compression.names import kept_name
from generative.given import Skipped, of_data, of_files
from generative.opened import Shape
from generative.passes import unlabelled
from sandbox.data.catalog import label
from sandbox.data.picture_file import upright_size
from sandbox.data.pictures import Pictures
from sandbox.ui.console import Console


@dataclass(frozen=True, eq=False)
class Gathered:
    """Pictures in a model's form, and what they were before."""

    pictures: Pictures
    """of files: all with the same label"""
    names: tuple[str, ...]
    """as they are kept"""
    sizes: NDArray[np.int32]
    """(n, 2): height and width before"""
    file_bytes: int | None
    """of all files; None where there are none, as in a data set"""
    skipped: tuple[Skipped, ...] = ()


def data_pictures(name: str, shape: Shape, data_dir: Path | str | None) -> Gathered:
    """The test pictures of a data set; raises as `generative.given.of_data` does."""
    test = of_data(name, "test", shape, data_dir)
    prefix, digits = label(name), len(str(len(test) - 1))
    names = tuple(kept_name(f"{prefix}-{number:0{digits}}") for number in range(len(test)))
    return Gathered(test, names, np.full((len(test), 2), shape[1:], np.int32), None)


def file_pictures(words: Sequence[str], shape: Shape, console: Console) -> Gathered:
    """The pictures of files, and of all files below folders; raises as `generative.given.of_files` does."""
    found = of_files(words, shape, console)
    roots = [Path(word).expanduser() for word in words]
    files = [(BytesIO(one), len(one)) if isinstance(one, bytes) else (one, one.stat().st_size)
             for one in found.sources]  # fmt: skip
    return Gathered(
        unlabelled(found.images),
        tuple(_name(source, roots) for source in found.sources),
        np.array([upright_size(file) for file, _ in files], np.int32),
        sum(size for _, size in files),
        found.skipped,
    )


def _name(source: Path | bytes, roots: Sequence[Path]) -> str:
    """The name that a picture keeps: of one below a folder that was named, from there on."""
    if isinstance(source, bytes):
        return "pipe"
    root = next((root for root in roots if root in source.parents), source.parent)
    return kept_name(source.relative_to(root).as_posix())
