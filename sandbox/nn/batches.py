"""Which pictures a step sees: a slice of one global order, so that a resumed run sees the very same ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from sandbox.core.seeding import derive_seed

Augment = Callable[[Tensor, torch.Generator], Tensor]
"""Changes pictures (batch, channels, height, width) in [0, 1], drawing from the generator."""


@dataclass(frozen=True)
class Batch:
    """What a model's `loss` gets."""

    images: Tensor
    """(batch, channels, height, width) float32 in [−1, 1]."""
    labels: Tensor
    """(batch,) int64."""
    features: Tensor | None = None
    """What a frozen backbone makes of the images, (batch, …) float32: given while it is frozen."""
    progress: float = 1.0
    """The part of the training that lies behind; 1 in evaluation."""

    def __len__(self) -> int:
        return len(self.images)


Order = Callable[[int], Tensor]
"""The rows of an epoch, (size,) int64, by the epoch's number."""


def batch_rows(seed: int, step: int, batch_size: int, size: int, order: Order | None = None) -> Tensor:
    """Row numbers (batch,) of the batch of step number `step`, counted from 0.

    The global order is one epoch after the other, each keyed by (seed, epoch); a batch is the slice
    [step · batch_size, (step + 1) · batch_size) of it, even across the end of an epoch.

    Args:
        size: rows in an epoch.
        order: of each epoch; a permutation of all rows, unless given.
    """
    start, parts = step * batch_size, []
    while batch_size > 0:
        epoch, offset = divmod(start, size)
        rows = _permutation(seed, epoch, size) if order is None else order(epoch)
        part = rows[offset : offset + batch_size]
        parts.append(part)
        start, batch_size = start + len(part), batch_size - len(part)
    return parts[0] if len(parts) == 1 else torch.cat(parts)


@lru_cache(maxsize=2)
def _permutation(seed: int, epoch: int, size: int) -> Tensor:
    generator = torch.Generator().manual_seed(derive_seed(seed, "order", epoch))
    return torch.randperm(size, generator=generator)


def balanced_order(labels: Tensor, seed: int) -> Order:
    """Epochs as long as the data, in which all classes are seen equally often, to within one picture.

    Each class has a global order of its own, of which every epoch takes the next part: those of a rare class
    come several times an epoch, and those of a common one are all seen in the course of the epochs.

    Args:
        labels: (n,) int64; a label that no picture has gets no share.
    """
    labels = labels.cpu()
    members = [(labels == label).nonzero().flatten() for label in labels.unique()]
    quotas = [len(part) for part in torch.arange(len(labels)).tensor_split(len(members))]

    @lru_cache(maxsize=2)
    def order(epoch: int) -> Tensor:
        rows = [
            mine[batch_rows(derive_seed(seed, "class", number), epoch, quota, len(mine))]
            for number, (mine, quota) in enumerate(zip(members, quotas, strict=True))
            if quota
        ]
        return torch.cat(rows)[_permutation(seed, epoch, len(labels))]

    return order


def to_model(images: Tensor, augment: Augment | None, generator: torch.Generator) -> Tensor:
    """Pictures uint8 as a model sees them: float32 in [−1, 1], augmented before.

    Channels come last in memory, as the backbone wants them.
    """
    if augment is None:
        images = images.contiguous(memory_format=torch.channels_last)  # as bytes: a quarter of the traffic
        return images.to(torch.float32).div_(127.5).sub_(1.0)
    moved = augment(images.to(torch.float32).div_(255.0), generator)
    return moved.mul(2.0).sub_(1.0).contiguous(memory_format=torch.channels_last)
