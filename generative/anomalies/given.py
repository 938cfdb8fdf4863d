"""The pictures that are looked at: those of the run's own data, of other data, or in files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from generative.opened import Opened, pictures_of
from sandbox.core.errors import NotFound, UnknownName, UsageError
from sandbox.core.plugins import names as names_of
from sandbox.data.catalog import FOLDER, FRAMES, label, load
from sandbox.data.convert import converted
from sandbox.data.form import Form, check_room
from sandbox.data.pictures import Pictures, Split
from sandbox.supervised.prediction.given import Skipped, named, read_given
from sandbox.ui.console import Console


@dataclass(frozen=True, eq=False)
class Given:
    """Pictures in a model's form."""

    pictures: Pictures
    """of files: all with the same label"""
    names: tuple[str, ...]
    """of files; () for those of a data set, which have rows and classes"""
    source: str
    """what they are, for people"""
    normal: Tensor | None
    """(n,) bool: which labels say that they are; None where they don't"""
    skipped: tuple[Skipped, ...] = ()


def is_data(word: str) -> bool:
    """Whether a word names a data set; a folder of the same name is ``./mnist``."""
    return word.startswith((FOLDER, FRAMES)) or word in names_of("data")


def own_pictures(
    opened: Opened, split: Split, normal: tuple[str, ...], console: Console, data_dir: str | None
) -> Given:
    """A split of the run's own data, of all classes; raises as `generative.opened.pictures_of` does."""
    pictures = pictures_of(opened.run, opened.config, console, data_dir).split(split)
    return _labelled(pictures, f"{split} pictures of {label(opened.config.data)}", normal, opened)


def data_pictures(
    opened: Opened, name: str, split: Split, normal: tuple[str, ...], data_dir: str | None
) -> Given:
    """A split of a data set, in the model's form; raises as `sandbox.data.catalog.load` does."""
    channels, height, width = opened.shape
    form = Form(height if height == width else None, "grey" if channels == 1 else "colour")
    dataset = load(name, data_dir or opened.config.data_dir, form=form)
    pictures = converted(dataset.split(split), opened.shape)
    return _labelled(pictures, f"{split} pictures of {label(name)}", normal, opened)


def file_pictures(opened: Opened, words: Sequence[str], console: Console) -> Given:
    """Pictures in files, and in all files below folders; what cannot be read is left out.

    Raises:
        UsageError: a word is a data set.
        NotFound: none can be read; the message says why the first cannot.
        Refused: a folder cannot be read, or the pictures would not fit into the memory.
    """
    for word in words:
        if is_data(word):
            raise UsageError(f"{word} is a data set: it is looked at alone", hint=f"a folder: ./{word}")
    sources = named(words)
    check_room(len(sources), opened.shape)
    seen, names, skipped = [], [], []
    with console.progress(len(sources), "reading", "pictures") as progress:
        for number, (name, source) in enumerate(sources, 1):
            found = read_given(name, source, opened.shape, None, drawn=False)
            if isinstance(found, Skipped):
                skipped.append(found)
            else:
                seen.append(found.seen)
                names.append(name)
            progress.update(number)
    if not seen:
        raise _nothing(words, skipped)
    images = torch.from_numpy(np.stack(seen))
    pictures = Pictures(images, torch.zeros(len(images), dtype=torch.int64), ("",))
    return Given(pictures, tuple(names), "pictures", None, tuple(skipped))


def _labelled(pictures: Pictures, source: str, normal: tuple[str, ...], opened: Opened) -> Given:
    if not len(pictures):
        raise UsageError(f"there are no {source}")
    return Given(pictures, (), source, _normal_ones(pictures, normal, opened.config.only))


def _normal_ones(pictures: Pictures, asked: tuple[str, ...], learned: tuple[str, ...]) -> Tensor | None:
    """Which pictures are normal (n,) bool, if their classes say it.

    Args:
        asked: the names of the normal classes, as given by a person.
        learned: the names of the classes that the model learned from; what counts unless others were given.
    """
    for name in asked:
        if name not in pictures.classes:
            raise UnknownName("class", name, pictures.classes)
    if not asked and not set(learned) <= set(pictures.classes):
        return None
    names = asked or learned
    if not names:
        return None
    rows = torch.tensor([pictures.classes.index(name) for name in names])
    normal = torch.isin(pictures.labels.cpu(), rows)
    if asked and bool(normal.all() or not normal.any()):
        which = "all" if normal.any() else "none"
        raise UsageError(f"--normal {','.join(asked)}: {which} of the pictures are: nothing to tell apart")
    return normal if 0 < int(normal.sum()) < len(normal) else None


def _nothing(words: Sequence[str], skipped: Sequence[Skipped]) -> NotFound:
    """What to say where there is nothing left to look at."""
    if not skipped:
        return NotFound(f"there are no pictures in {', '.join(words)}")
    first, more = skipped[0], f" (and {len(skipped) - 1} more like it)" if len(skipped) > 1 else ""
    data = {"skipped": [one._asdict() for one in skipped]}
    return NotFound(f"there is no picture to look at: {first.name}: {first.why}{more}", data=data)
