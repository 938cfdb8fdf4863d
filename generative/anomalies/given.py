"""The pictures that are looked at: those of the run's own data, of other data, or in files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from generative.given import Skipped, of_data, of_files
from generative.opened import Opened, pictures_of
from generative.passes import unlabelled
from sandbox.core.errors import UnknownName, UsageError
from sandbox.data.catalog import label
from sandbox.data.pictures import Pictures, Split
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


def own_pictures(
    opened: Opened, split: Split, normal: tuple[str, ...], console: Console, data_dir: str | None
) -> Given:
    """A split of the run's own data, of all classes; raises as `generative.opened.pictures_of` does."""
    pictures = pictures_of(opened.run, opened.config, console, data_dir).split(split)
    return _labelled(pictures, f"{split} pictures of {label(opened.config.data)}", normal, opened)


def data_pictures(
    opened: Opened, name: str, split: Split, normal: tuple[str, ...], data_dir: str | None
) -> Given:
    """A split of a data set, in the model's form; raises as `generative.given.of_data` does."""
    pictures = of_data(name, split, opened.shape, data_dir or opened.config.data_dir)
    return _labelled(pictures, f"{split} pictures of {label(name)}", normal, opened)


def file_pictures(opened: Opened, words: Sequence[str], console: Console) -> Given:
    """Pictures in files, and in all below folders; raises as `generative.given.of_files` does."""
    found = of_files(words, opened.shape, console)
    return Given(unlabelled(found.images), found.names, "pictures", None, found.skipped)


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
