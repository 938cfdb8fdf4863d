"""A refusal with numbers, before the system kills somebody for want of memory."""

from __future__ import annotations

import os

import numpy as np
import torch
from gymnasium import spaces

from sandbox.core.errors import Refused

from .observations import empty_like_space


def check_memory(needed: int, device: torch.device, what: str, hint: str) -> None:
    """Refuse what the device could not hold even if nothing else were on it.

    Args:
        needed: bytes.
        device: where they are to lie.
        what: needs them, as in "a rollout of 128 steps".
        hint: what to do instead.

    Raises:
        Refused: more than the device has.
    """
    there = torch.cuda.mem_get_info(device)[1] if device.type == "cuda" else _physical_memory()
    if needed > there:
        sizes = f"{needed / 2**30:,.1f} GiB, and {device.type} has {there / 2**30:,.1f} GiB"
        raise Refused(f"{what} needs {sizes}", hint=hint)


def space_bytes(space: spaces.Space) -> int:
    """Bytes that one element of an array space, or of a flat dict of them, takes on the device."""
    stored = empty_like_space(space, (0,), torch.device("cpu"))
    if isinstance(stored, dict):
        assert isinstance(space, spaces.Dict)
        return sum(space_bytes(part) for part in space.spaces.values())
    return stored.element_size() * int(np.prod(space.shape or ()))


def _physical_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
