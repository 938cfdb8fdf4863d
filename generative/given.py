"""The pictures that a person names, brought to a model's form: files and folders, or those of a data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from generative.opened import Shape
from sandbox.core.errors import NotFound, UsageError
from sandbox.core.plugins import names as names_of
from sandbox.data.catalog import FOLDER, FRAMES, load
from sandbox.data.convert import converted
from sandbox.data.form import Form, check_room
from sandbox.data.pictures import Pictures, Split
from sandbox.supervised.prediction.given import PIPE, Skipped, named, read_given
from sandbox.ui.console import Console

MOST_FILES = 1_000_000


@dataclass(frozen=True, eq=False)
class Files:
    """Pictures out of files."""

    images: Tensor
    """(n, channels, height, width) uint8"""
    names: tuple[str, ...]
    """for people"""
    sources: tuple[Path | bytes, ...]
    """the files, and the content of what came through a pipe"""
    skipped: tuple[Skipped, ...]
    """what cannot be used"""


def data_set(words: Sequence[str]) -> str | None:
    """The data set that words name, None where they name files; a folder of the same name is ``./mnist``.

    Raises:
        UsageError: there are other words beside it.
    """
    for word in words:
        if word.startswith((FOLDER, FRAMES)) or word in names_of("data"):
            if len(words) > 1:
                raise UsageError(f"{word} is a data set, and goes alone", hint=f"a folder: ./{word}")
            return word
    return None


def of_data(name: str, split: Split, shape: Shape, data_dir: str | Path | None) -> Pictures:
    """A split of a data set, in the form `shape`; raises as `sandbox.data.catalog.load` does."""
    channels, height, width = shape
    form = Form(height if height == width else None, "grey" if channels == 1 else "colour")
    return converted(load(name, data_dir, form=form).split(split), shape)


def of_files(
    words: Sequence[str], shape: Shape, console: Console | None = None, most: int = MOST_FILES
) -> Files:
    """The first `most` pictures in files, and in all files below folders; what cannot be read is left out.

    Raises:
        UsageError: there are too many, or what comes through a pipe is no picture.
        NotFound: none can be read; the message says why the first cannot.
        Refused: a folder cannot be read, or the pictures would not fit into the memory.
    """
    if words.count(PIPE) > 1:
        raise UsageError("- is for one picture: a pipe can be read once")
    sources = named(words)
    if len(sources) > MOST_FILES:
        raise UsageError(f"{len(sources):,} files are more than the {MOST_FILES:,} that are read at once")
    room = min(len(sources), most)
    check_room(room, shape)
    images = torch.empty(room, *shape, dtype=torch.uint8)
    kept: list[tuple[str, Path | bytes]] = []
    skipped: list[Skipped] = []
    with (console or Console(quiet=True)).progress(len(sources), "reading", "pictures") as progress:
        for number, (name, source) in enumerate(sources, 1):
            if len(kept) == most:
                break
            found = read_given(name, source, shape, None, drawn=False)
            if isinstance(found, Skipped):
                skipped.append(found)
            else:
                images[len(kept)] = torch.from_numpy(found.seen.copy())
                kept.append((name, source))
            if kept:
                progress.update(number)
    if not kept:
        raise _nothing(words, skipped)
    names, files = zip(*kept, strict=True)
    return Files(images[: len(kept)], names, files, tuple(skipped))


def _nothing(words: Sequence[str], skipped: Sequence[Skipped]) -> NotFound:
    if not skipped:
        return NotFound(f"there are no pictures in {', '.join(words)}")
    first, more = skipped[0], f" (and {len(skipped) - 1} more like it)" if len(skipped) > 1 else ""
    return NotFound(f"{first.name} cannot be used: {first.why}{more}", data={"skipped": as_json(skipped)})


def as_json(skipped: Sequence[Skipped]) -> list[dict[str, str]]:
    """Files that cannot be used, for scripts."""
    return [{"file": one.name, "why": one.why} for one in skipped]


def tell_skipped(console: Console, skipped: Sequence[Skipped]) -> None:
    """Say which files cannot be used, and why."""
    for one in skipped:
        console.note(f"skipped {one.name}: {one.why}")
