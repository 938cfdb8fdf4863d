"""Which pictures are looked at: some of a split, or those in files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from generative.measure.batches import Pass, passes, spread
from generative.measure.fidelity import squared_errors
from generative.opened import Opened
from generative.pictures import learned_from
from sandbox.core.errors import NotFound
from sandbox.core.seeding import derive_seed
from sandbox.data.pictures import Dataset, Pictures
from sandbox.nn.batches import to_model
from sandbox.supervised.prediction.given import Skipped, named, read_given


class Chosen(NamedTuple):
    """Pictures to look at."""

    pictures: Pictures
    """with labels: what they show, or (in files, where the model is told classes) what fits best"""
    names: list[str]
    """of each, for people: its class, or its file"""
    source: str
    """where they come from, for people"""
    skipped: list[Skipped]
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
    return Chosen(some, names, f"{which} {len(pictures):,} {split} pictures", [])


def in_files(opened: Opened, words: Sequence[str], most: int) -> Chosen:
    """The pictures that a person names, the first `most` of them, scaled and cropped to the model's size.

    Raises:
        NotFound: none of the files can be read as a picture.
        UsageError: what comes through a pipe is no picture.
    """
    found, skipped = [], []
    for name, source in named(words):
        if len(found) == most:
            break
        one = read_given(name, source, opened.shape, None, drawn=False)
        (skipped if isinstance(one, Skipped) else found).append(one)
    if not found:
        why = f": {skipped[0].name}: {skipped[0].why}" if skipped else f" in {', '.join(words)}"
        raise NotFound(f"there is no picture to look at{why}")
    images = torch.stack([torch.from_numpy(one.seen.copy()) for one in found])
    pictures = Pictures(images, torch.zeros(len(images), dtype=torch.int64), opened.classes)
    if opened.model.classes:
        pictures = Pictures(images, fitting_classes(opened, images), opened.classes)
    names = [one.name.rpartition("/")[2] for one in found]
    return Chosen(pictures, names, f"{len(found):,} picture{'s' if len(found) > 1 else ''}", skipped)


@torch.inference_mode()
def fitting_classes(opened: Opened, images: Tensor) -> Tensor:
    """Of a class-conditional model: the class as which it reconstructs each picture best, (n,) int64.

    Args:
        images: (n, channels, height, width) uint8.
    """
    device = next(opened.model.parameters()).device
    pictures = Pictures(images, torch.zeros(len(images), dtype=torch.int64), opened.classes)
    found = []
    for part, _ in passes(opened.model, pictures, device):
        errors = [
            squared_errors(opened.model(part, torch.full((len(part),), label, device=device)), part)
            for label in range(len(opened.classes))
        ]
        found.append(torch.stack(errors).argmin(0).cpu())
    return torch.cat(found)


def as_pass(opened: Opened, pictures: Pictures) -> Pass:
    """All of a few pictures at once, as the model sees them."""
    device = next(opened.model.parameters()).device
    images = to_model(pictures.images.to(device), None, torch.Generator())
    return Pass(images, pictures.labels.to(device) if opened.model.classes else None)
