"""Observations as tensors: an array or a flat dict of arrays, with a leading batch dimension."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

Arrays = np.ndarray | dict[str, np.ndarray]
Tensors = Tensor | dict[str, Tensor]


def is_image(space: spaces.Space) -> bool:
    """A picture: uint8, three dimensions, 0 to 255 (SB3's rule, either channel order)."""
    return (
        isinstance(space, spaces.Box)
        and space.dtype == np.uint8
        and len(space.shape) == 3
        and bool(np.all(space.low == 0) and np.all(space.high == 255))
    )


def to_tensors(observation: Arrays, device: torch.device) -> Tensors:
    """`(envs, …)` arrays -> tensors on `device`. On the CPU they share the arrays' memory."""
    if isinstance(observation, dict):
        return {name: torch.as_tensor(part, device=device) for name, part in observation.items()}
    return torch.as_tensor(observation, device=device)


class Upload:
    """Observations on their way to one device, again and again.

    To a CUDA device they go through pinned memory, so that the host need not wait for the copy.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._pinned: dict[str, Tensor] = {}
        self._copied: torch.cuda.Event | None = None

    def __call__(self, observation: Arrays) -> Tensors:
        """As `to_tensors`."""
        if self.device.type != "cuda":
            return to_tensors(observation, self.device)
        if self._copied is not None:
            self._copied.synchronize()  # long ago, unless nobody looked at what became of it
        if isinstance(observation, dict):
            there: Tensors = {name: self._send(name, part) for name, part in observation.items()}
        else:
            there = self._send("", observation)
        self._copied = torch.cuda.Event()
        self._copied.record(torch.cuda.current_stream(self.device))
        return there

    def _send(self, name: str, array: np.ndarray) -> Tensor:
        here, pinned = torch.as_tensor(array), self._pinned.get(name)
        if pinned is None or pinned.shape != here.shape or pinned.dtype != here.dtype:
            pinned = self._pinned[name] = torch.empty_like(here, pin_memory=True)
        return pinned.copy_(here).to(self.device, non_blocking=True)


def map_parts(function: Callable[[Tensor], Tensor], observation: Tensors) -> Tensors:
    """Apply `function` to the tensor, or to each of the flat dict's tensors."""
    if isinstance(observation, dict):
        return {name: function(part) for name, part in observation.items()}
    return function(observation)


def zip_parts(function: Callable[[Tensor, Tensor], object], left: Tensors, right: Tensors) -> None:
    """Call `function` on the matching parts of two observations of the same structure."""
    if isinstance(left, dict):
        assert isinstance(right, dict)
        for name, part in left.items():
            function(part, right[name])
    else:
        assert isinstance(right, Tensor)
        function(left, right)


def empty_like_space(space: spaces.Space, lead: tuple[int, ...], device: torch.device) -> Tensors:
    """Uninitialised storage for `lead` observations of `space`, in the space's own dtype (float64 as
    float32)."""
    if isinstance(space, spaces.Dict):
        return {name: _empty_part(part, lead, device) for name, part in space.spaces.items()}
    return _empty_part(space, lead, device)


def _empty_part(space: spaces.Space, lead: tuple[int, ...], device: torch.device) -> Tensor:
    dtype = torch.from_numpy(np.empty(0, _storage_dtype(space))).dtype
    return torch.zeros((*lead, *(space.shape or ())), dtype=dtype, device=device)


def _storage_dtype(space: spaces.Space) -> np.dtype:
    if space.dtype is None or np.issubdtype(space.dtype, np.floating):
        return np.dtype(np.float32)
    if np.issubdtype(space.dtype, np.unsignedinteger) and space.dtype != np.uint8:
        return np.dtype(np.int64)  # torch has few operations on uint16 and wider
    return np.dtype(space.dtype)
