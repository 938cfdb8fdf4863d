"""A refusal with numbers, before a device runs out of memory."""

from __future__ import annotations

import numpy as np
import torch
from gymnasium import spaces

from sandbox.core import memory

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
    there = torch.cuda.mem_get_info(device)[1] if device.type == "cuda" else memory.physical_memory()
    memory.check_memory(needed, there, device.type, what, hint)


def space_bytes(space: spaces.Space) -> int:
    """Bytes that one element of an array space, or of a flat dict of them, takes on the device."""
    stored = empty_like_space(space, (0,), torch.device("cpu"))
    if isinstance(stored, dict):
        assert isinstance(space, spaces.Dict)
        return sum(space_bytes(part) for part in space.spaces.values())
    return stored.element_size() * int(np.prod(space.shape or ()))
