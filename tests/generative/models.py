"""Tiny models for tests, and pictures for them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

TINY = {"widths": (8, 16), "hidden": 16, "latent": 3}


def model_of(kind: type[Any], seed: int = 0, **options: Any) -> Any:
    """A new tiny model; its weights follow from the seed."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return kind(**{"height": 8, "width": 8, **TINY, **options})


def drawn(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(count: int, *shape: int, seed: int = 0) -> Tensor:
    """(count, *shape) of the 256 grey levels, in [−1, 1]."""
    levels = torch.randint(0, 256, (count, *(shape or (1, 8, 8))), generator=drawn(seed))
    return levels / 127.5 - 1
