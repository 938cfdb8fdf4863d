"""The pictures that a person wants to compress: files, folders, or the test pictures of a data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from generative.compression.names import kept_name
from generative.compression.stored import MOST_PICTURES
from sandbox.core.errors import NotFound, UsageError
from sandbox.core.plugins import names as names_of
from sandbox.data.catalog import FOLDER, FRAMES, label
from sandbox.data.folder_listing import pictures_below
from sandbox.data.form import Form, check_room
from sandbox.data.picture_file import upright_size
from sandbox.supervised.prediction.given import Skipped, read_given

if TYPE_CHECKING:
    from sandbox.ui.console import Console

Shape = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Gathered:
    """Pictures in a model's form, and what they were before."""

    pictures: NDArray[np.uint8]
    """(n, channels, height, width)"""
    names: tuple[str, ...]
    sizes: NDArray[np.int32]
    """(n, 2): height and width before"""
    file_bytes: int | None
    """of all files; None where there are none, as in a data set"""
    skipped: tuple[Skipped, ...] = ()
    labels: NDArray[np.int64] | None = None
    """(n,), indices into `classes`; None for files"""
    classes: tuple[str, ...] = ()


class _Source(NamedTuple):
    name: str
    """as it is kept"""
    path: Path


def is_data(word: str) -> bool:
    """Whether a word names a data set; a folder of the same name is ``./mnist``."""
    return word.startswith((FOLDER, FRAMES)) or word in names_of("data")


def data_pictures(name: str, shape: Shape, data_dir: Path | None) -> Gathered:
    """The test pictures of a data set, in the form ``shape``; raises as `sandbox.data.catalog.load` does."""
    from sandbox.data.catalog import load
    from sandbox.data.convert import converted

    channels, height, width = shape
    form = Form(height if height == width else None, "grey" if channels == 1 else "colour")
    test = load(name, data_dir, form=form).test
    _check_count(len(test))
    images = converted(test, shape).images.cpu().numpy()
    prefix, digits = label(name), len(str(len(test) - 1))
    names = tuple(kept_name(f"{prefix}-{number:0{digits}}") for number in range(len(test)))
    sizes = np.full((len(test), 2), shape[1:], np.int32)
    return Gathered(images, names, sizes, None, labels=test.labels.cpu().numpy(), classes=test.classes)


def file_pictures(words: Sequence[str], shape: Shape, console: Console) -> Gathered:
    """The pictures of files, and of all files below folders; what cannot be read is left out and named.

    Raises:
        NotFound: none can be read; the message says why the first cannot.
        Refused: a folder cannot be read, or the pictures would not fit into the memory.
    """
    sources = _sources(words)
    _check_count(len(sources))
    check_room(len(sources), shape)
    pictures = np.empty((len(sources), *shape), np.uint8)
    kept: list[_Source] = []
    sizes: list[tuple[int, int]] = []
    skipped: list[Skipped] = []
    with console.progress(len(sources), "reading", "pictures") as progress:
        for number, (name, path) in enumerate(sources, 1):
            found = read_given(str(path), path, shape, None, drawn=False)
            if isinstance(found, Skipped):
                skipped.append(found)
            else:
                pictures[len(kept)] = found.seen
                kept.append(_Source(name, path))
                sizes.append(upright_size(path))
            progress.update(number)
    if not kept:
        raise _nothing(words, skipped)
    return Gathered(
        pictures[: len(kept)],
        tuple(source.name for source in kept),
        np.array(sizes, np.int32),
        sum(source.path.stat().st_size for source in kept),
        tuple(skipped),
    )


def _sources(words: Sequence[str]) -> list[_Source]:
    """Files by the names that they keep: those below a folder, from it on."""
    found: list[_Source] = []
    for word in words:
        path = Path(word).expanduser()
        if path.is_dir():
            found += [_Source(kept_name(one.name), one.path) for one in pictures_below(path, path)]
        else:
            found.append(_Source(kept_name(path.name), path))
    return found


def _check_count(count: int) -> None:
    if count > MOST_PICTURES:
        raise UsageError(
            f"{count:,} pictures are more than the {MOST_PICTURES:,} that one file may hold",
            hint="compress a part of them at a time",
        )


def _nothing(words: Sequence[str], skipped: Sequence[Skipped]) -> NotFound:
    """What to say where there is nothing left to compress."""
    if not skipped:
        return NotFound(f"there are no pictures in {', '.join(words)}")
    first, more = skipped[0], f" (and {len(skipped) - 1} more like it)" if len(skipped) > 1 else ""
    data = {"skipped": [{"file": one.name, "why": one.why} for one in skipped]}
    return NotFound(f"there is no picture to compress: {first.name}: {first.why}{more}", data=data)
