"""What a data set is once it is read: pictures with labels, in three splits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

from sandbox.core.errors import UsageError
from sandbox.core.names import resolve
from sandbox.core.seeding import derive_seed

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures of one size with a label each.

    Raises:
        UsageError: Shapes or types do not fit together, or a label has no class.
    """

    images: Tensor
    """(n, channels, height, width) uint8"""
    labels: Tensor
    """(n,) int64, each an index into ``classes``"""
    classes: tuple[str, ...]
    """the name of each label"""

    def __post_init__(self) -> None:
        images, labels = self.images, self.labels
        if images.dtype != torch.uint8 or images.ndim != 4:
            raise UsageError(
                f"images must be uint8 (n, channels, height, width), not {images.dtype} {tuple(images.shape)}"
            )
        if labels.dtype != torch.int64 or labels.shape != images.shape[:1]:
            raise UsageError(
                f"labels must be int64 ({len(images)},) like the images, "
                f"not {labels.dtype} {tuple(labels.shape)}"
            )
        if len(labels) and not (labels.min() >= 0 and labels.max() < len(self.classes)):
            raise UsageError(
                f"labels must be 0 to {len(self.classes) - 1}, not {labels.min()} to {labels.max()}"
            )

    def __len__(self) -> int:
        return len(self.images)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of each picture."""
        channels, height, width = self.images.shape[1:]
        return channels, height, width

    def counts(self) -> Tensor:
        """How many pictures each class has: (classes,) int64."""
        return torch.bincount(self.labels, minlength=len(self.classes))

    def take(self, rows: Tensor) -> Pictures:
        """The pictures at ``rows``: (k,) int64 or (n,) bool."""
        return Pictures(self.images[rows], self.labels[rows], self.classes)

    def to(self, device: torch.device | str) -> Pictures:
        """The same pictures on ``device``."""
        return Pictures(self.images.to(device), self.labels.to(device), self.classes)


class Splits(NamedTuple):
    """What reading a data set gives."""

    train: Pictures
    validation: Pictures
    test: Pictures


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set in three splits, and what is known about it."""

    name: str
    train: Pictures
    validation: Pictures
    """to choose by; never augmented"""
    test: Pictures
    """to report, once, at the end"""
    summary: str
    """what it shows, in one line"""
    source: str
    """the public page that it comes from"""
    licence: str
    sums: Mapping[str, str] = field(default_factory=dict)
    """sha256 of the unpacked content of each file that it was read from"""
    notes: tuple[str, ...] = ()
    """what its user ought to know, a line each, such as files that were skipped"""

    @property
    def classes(self) -> tuple[str, ...]:
        """The name of each label."""
        return self.train.classes

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of each picture."""
        return self.train.shape

    def split(self, name: str) -> Pictures:
        """The split called ``name``; raises UnknownName with a suggestion for anything else."""
        return getattr(self, resolve(name, SPLITS, "split"))


def subset(
    pictures: Pictures, count: int | None = None, *, per_class: int | None = None, seed: int = 0
) -> Pictures:
    """A few pictures of every class, in their order: ``count`` in all, or ``per_class`` of each class.

    With ``count`` the classes keep their shares, as nearly as whole pictures allow. With the same ``seed`` a
    smaller subset is a part of a larger one, so that runs with few and with more labels can be compared.

    Raises:
        UsageError: Not exactly one of the two numbers is given, or there are not so many pictures.
    """
    if (count is None) == (per_class is None):
        raise UsageError("a subset needs either a count or a number per class")
    labels, counts = pictures.labels.cpu(), pictures.counts().cpu()
    ranks = _ranks(labels, counts, derive_seed(seed, "subset"))
    if per_class is not None:
        _check_available("pictures of each class", per_class, int(counts.min()))
        return pictures.take((ranks < per_class).to(pictures.images.device))
    assert count is not None
    _check_available("pictures", count, len(pictures))
    shares = (ranks + 0.5) / counts[labels]  # (n,): how far down its class each picture stands
    rows = shares.argsort(stable=True)[:count].sort().values
    return pictures.take(rows.to(pictures.images.device))


def _ranks(labels: Tensor, counts: Tensor, seed: int) -> Tensor:
    """Number the pictures of each class from 0 in a random order: (n,) int64."""
    shuffled = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    by_class = shuffled[labels[shuffled].argsort(stable=True)]
    starts = counts.cumsum(0) - counts
    ranks = torch.empty_like(labels)
    ranks[by_class] = torch.arange(len(labels)) - starts[labels[by_class]]
    return ranks


def _check_available(what: str, wanted: int, available: int) -> None:
    if not 1 <= wanted <= available:
        raise UsageError(f"a subset can have 1 to {available:,} {what}, not {wanted:,}")
