"""Which pictures are looked at: some of a split, or those in files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

from generative.config import CoderConfig
from generative.given import Skipped, of_files
from generative.opened import Opened
from generative.passes import fitting_labels, spread, unlabelled
from generative.pictures import learned_from
from sandbox.core.seeding import derive_seed
from sandbox.data.pictures import Dataset, Pictures


class Chosen(NamedTuple):
    """Pictures to look at."""

    pictures: Pictures
    """with labels: what they show, or (in files, where the model is told classes) what fits best"""
    names: list[str]
    """of each, for people: its class, or its file"""
    source: str
    """where they come from, for people"""
    skipped: tuple[Skipped, ...]
    """files that cannot be used"""


def pictures_of_split(opened: Opened, dataset: Dataset, split: str) -> Pictures:
    """Those that a run is measured on: of the classes that it learns from.

    Raises:
        UsageError: there are none.
    """
    return getattr(learned_from(opened.config, dataset), split)


def some_of(pictures: Pictures, split: str, count: int, seed: int | None) -> Chosen:
    """A few pictures of a split: evenly spread, or drawn by a seed."""
    if seed is None:
        rows = spread(len(pictures), count)
    else:
        generator = torch.Generator().manual_seed(derive_seed(seed, "chosen"))
        rows = torch.randperm(len(pictures), generator=generator)[:count].sort().values
    some = pictures.take(rows)
    names = [some.classes[label] for label in some.labels.tolist()]
    which = "all" if len(some) == len(pictures) else f"{len(some):,} of"
    return Chosen(some, names, f"{which} {len(pictures):,} {split} pictures", ())


def in_files(opened: Opened, words: Sequence[str], most: int) -> Chosen:
    """The pictures that a person names, the first `most` of them, scaled and cropped to the model's size.

    Raises:
        NotFound: none of the files can be read as a picture.
        UsageError: what comes through a pipe is no picture.
    """
    found = of_files(words, opened.shape, most=most)
    pictures = unlabelled(found.images, opened.classes)
    if opened.model.classes and isinstance(opened.config, CoderConfig):
        labels = fitting_labels(opened.coder, found.images, opened.learned)
        pictures = Pictures(found.images, labels, opened.classes)
    names = [name.rpartition("/")[2] for name in found.names]
    source = f"{len(names):,} picture{'s' if len(names) > 1 else ''}"
    return Chosen(pictures, names, source, found.skipped)
