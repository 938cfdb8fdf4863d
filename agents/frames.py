"""Frames in a ring, each stored once; observations and stacks of them are read by the frames' addresses."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from sandbox.core.errors import UsageError

from .memory_check import space_bytes
from .observations import Arrays, Tensors, empty_like_space
from .simulators.stacks import stack_axis


class FrameRing:
    """The newest `rows` frames of `n_envs` environments, and single frames beside the ring.

    An address is row · n_envs + env in the ring, then one frame of zeros, then what lies beside the ring:
    final observations of episodes, and what a stack held before its episode began, where these were neither
    zeros nor copies of the first frame. The frames beside the ring belong to a row, and go when it goes.

    Args:
        space: of the observations, an array or a flat dict of arrays.
        rows: rows of frames.
        n_envs: frames in a row.
        stack_depth: frames in one observation, of which only the newest is stored.
        device: where the frames lie.

    Raises:
        UsageError: observations of this shape are no stacks of `stack_depth` frames.
    """

    def __init__(
        self, space: spaces.Space, rows: int, n_envs: int, stack_depth: int, device: torch.device
    ) -> None:
        self.rows, self.n_envs, self.depth, self.device = rows, n_envs, stack_depth, device
        self.zero = rows * n_envs
        self._is_dict = isinstance(space, spaces.Dict)
        named = space.spaces if isinstance(space, spaces.Dict) else {"": space}
        self._parts = {name: _Part(part, rows, n_envs, stack_depth, device) for name, part in named.items()}
        self._stack = np.full((n_envs, stack_depth), self.zero)  # addresses of what is seen now
        self._stacks = torch.zeros((self.zero if stack_depth > 1 else 0, stack_depth), dtype=torch.int64)
        self._stacks = self._stacks.to(device)
        self._beside = Beside()

    def write(self, count: int, observation: Arrays, began: np.ndarray) -> None:
        """Put what is seen now, (envs, …), into row `count` modulo rows; its predecessor goes.

        Args:
            count: number of the row, from 0 on, without wrapping.
            observation: of every environment.
            began: (episodes,) int, the environments in which this is an episode's first one.
        """
        self._beside.free(count - self.rows)
        row = count % self.rows
        arrays = self._arrays(observation)
        for name, part in self._parts.items():
            part.write(row, arrays[name])
        if self.depth == 1:
            return
        first = row * self.n_envs
        self._stack[:, :-1] = self._stack[:, 1:]
        self._stack[:, -1] = np.arange(first, first + self.n_envs)
        if began.size:
            self._stack[began, :-1] = self._write_before(count, arrays, began)
        self._stacks[first : first + self.n_envs].copy_(torch.from_numpy(self._stack))

    def _write_before(self, count: int, arrays: dict[str, np.ndarray], began: np.ndarray) -> np.ndarray:
        """Keep the frames that stand before the first ones; their addresses (episodes, depth - 1)."""
        older = {name: part.older(arrays[name][began]) for name, part in self._parts.items()}
        newest = {name: part.newest(arrays[name][began])[:, None] for name, part in self._parts.items()}
        nonzero = np.logical_or.reduce([_any_in_frame(part != 0) for part in older.values()])
        others = np.logical_or.reduce([_any_in_frame(part != newest[name]) for name, part in older.items()])
        addresses = np.where(nonzero, self._stack[began, -1:], self.zero)
        apart = nonzero & others
        if apart.any():
            addresses[apart] = self._write_beside(count, {name: part[apart] for name, part in older.items()})
        return addresses

    def write_final(self, count: int, observation: Arrays, envs: np.ndarray) -> np.ndarray:
        """Keep the newest frames of final observations; they go with row `count`. Addresses (envs,) int."""
        arrays = self._arrays(observation)
        frames = {name: part.newest(arrays[name][envs]) for name, part in self._parts.items()}
        return self._write_beside(count, frames)

    def _write_beside(self, count: int, frames: dict[str, np.ndarray]) -> np.ndarray:
        places = self._beside.take(count, len(next(iter(frames.values()))))
        for name, part in self._parts.items():
            part.write_beside(places, frames[name], self._beside.capacity)
        return places + self.zero + 1

    def read(self, slots: Tensor) -> Tensors:
        """The observations that stand at these places in the ring, (batch,) -> (batch, …)."""
        if self.depth == 1:
            return self._read(slots, beside=False)
        return self._read(self._stacks.index_select(0, slots), self._beside.in_use > 0)

    def read_next(self, last: Tensor, after: Tensor) -> Tensors:
        """What came after steps of the same episode, whose observations stand at `last` in the ring.

        Args:
            last: (batch,), where the observation before stands; only needed for stacks.
            after: (batch,), addresses of the newest frames.
        """
        if self.depth == 1:
            return self._read(after, self._beside.in_use > 0)
        stacks = torch.cat([self._stacks.index_select(0, last)[:, 1:], after[:, None]], 1)
        return self._read(stacks, self._beside.in_use > 0)

    def read_along(self, slots: Tensor, ends: Tensor, after: Tensor) -> Tensors:
        """Observations of several steps in a row, and what came after the last of them, in one go.

        Args:
            slots: (batch,), where observations stand in the ring; at `ends` where the one before stands.
            ends: (sequences,), positions in the batch of what came after.
            after: (sequences,), addresses of its newest frames.
        """
        beside = self._beside.in_use > 0
        if self.depth == 1:
            return self._read(slots.index_copy(0, ends, after), beside)
        stacks = self._stacks.index_select(0, slots)
        last = stacks.index_select(0, ends)
        return self._read(stacks.index_copy_(0, ends, torch.cat([last[:, 1:], after[:, None]], 1)), beside)

    def _read(self, addresses: Tensor, beside: bool) -> Tensors:
        read = {name: part.read(addresses, beside) for name, part in self._parts.items()}
        return read if self._is_dict else read[""]

    def _arrays(self, observation: Arrays) -> dict[str, np.ndarray]:
        return observation if isinstance(observation, dict) else {"": observation}

    def state_dict(self, rows: int) -> dict[str, Any]:
        """The first `rows` rows and what lies beside them; tensors share the ring's memory."""
        used = self._beside.capacity
        return {
            "frames": {name: part.ring[: rows * self.n_envs] for name, part in self._parts.items()},
            "frames_beside": {name: part.beside[:used] for name, part in self._parts.items()},
            "beside": self._beside.state_dict(),
            "stack": self._stack.copy(),
            "stacks": self._stacks[: rows * self.n_envs],
        }

    def addresses(self, state: dict[str, Any]) -> int:
        """How many addresses there are in a saved ring. Raises ValueError where it points beyond them."""
        count = self.zero + 1 + int(state["beside"]["capacity"])
        beside = [len(part) for part in state["frames_beside"].values()]
        named = [np.asarray(state[name]) for name in ("stack", "stacks")]
        if any(part.size and not 0 <= part.min() <= part.max() < count for part in named):
            raise ValueError("the saved frames point beyond themselves")
        if any(count - self.zero - 1 > length for length in beside):
            raise ValueError("the saved replay lacks frames")
        return count

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The inverse of `state_dict`."""
        for name, part in self._parts.items():
            part.ring[: len(state["frames"][name])] = state["frames"][name].to(self.device)
            part.beside = state["frames_beside"][name].to(self.device, copy=True)
        self._beside.load_state_dict(state["beside"])
        self._stack[:] = state["stack"]
        self._stacks[: len(state["stacks"])] = state["stacks"].to(self.device)


def frame_bytes(space: spaces.Space, stack_depth: int) -> int:
    """Bytes that a `FrameRing` needs for one frame, and to know the stack that it completes."""
    if stack_depth == 1:
        return space_bytes(space)
    return space_bytes(space) // stack_depth + 8 * stack_depth


class Beside:
    """Which places in a growing table are free, and which row the others belong to."""

    def __init__(self) -> None:
        self.capacity = self.in_use = 0
        self._free: list[int] = []
        self._owned: deque[tuple[int, np.ndarray]] = deque()  # row's number, places; the oldest first

    def take(self, count: int, places: int) -> np.ndarray:
        """Places (places,) int for row number `count`, which is at least as new as all before."""
        while len(self._free) < places:
            more = max(self.capacity, 16)
            self._free.extend(range(self.capacity + more - 1, self.capacity - 1, -1))
            self.capacity += more
        taken = np.array([self._free.pop() for _ in range(places)], np.int64)
        self._owned.append((count, taken))
        self.in_use += places
        return taken

    def free(self, count: int) -> None:
        """Give back what belongs to row number `count` and older ones."""
        while self._owned and self._owned[0][0] <= count:
            places = self._owned.popleft()[1]
            self._free.extend(places.tolist())
            self.in_use -= len(places)

    def state_dict(self) -> dict[str, Any]:
        """Arrays and numbers."""
        counts = [count for count, places in self._owned for _ in places]
        places = [place for _, places in self._owned for place in places]
        return {
            "capacity": self.capacity,
            "free": np.array(self._free, np.int64),
            "counts": np.array(counts, np.int64),
            "places": np.array(places, np.int64),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The inverse of `state_dict`."""
        self.capacity, self._free = int(state["capacity"]), np.asarray(state["free"]).tolist()
        pairs = zip(np.asarray(state["counts"]).tolist(), np.asarray(state["places"]), strict=True)
        self._owned = deque((count, np.array([place])) for count, place in pairs)
        self.in_use = len(self._owned)


class _Part:
    """The frames of one array; the axis along which they are stacked is stored first, also of (H, W, C)."""

    def __init__(self, space: spaces.Space, rows: int, n_envs: int, depth: int, device: torch.device) -> None:
        shape = tuple(space.shape or ())
        axis = stack_axis(shape, depth) if depth > 1 else 0
        if axis is None:
            raise UsageError(f"observations of shape {shape} are no stacks of {depth} frames")
        self._axis, self._depth = axis + 1, depth  # of a batch of observations
        if depth > 1:
            shape = (shape[axis] // depth, *shape[:axis], *shape[axis + 1 :])
        self._size = shape[0] if shape else 1
        whole = empty_like_space(space, (0,), device)
        assert isinstance(whole, Tensor)
        self.ring = torch.zeros((rows * n_envs + 1, *shape), dtype=whole.dtype, device=device)
        self.beside = self.ring[:0]
        self.counts_cheaply = device.type == "cpu"
        """else to know how few frames lie beside the ring would mean to wait for the device"""
        self._rows = self.ring[:-1].view(rows, n_envs, *shape)

    def newest(self, stacks: np.ndarray) -> np.ndarray:
        """(n, …) observations -> (n, *frame)."""
        if self._depth == 1:
            return stacks
        return np.moveaxis(stacks, self._axis, 1)[:, -self._size :]

    def older(self, stacks: np.ndarray) -> np.ndarray:
        """(n, …) observations -> all frames but the newest, the oldest first, (n, depth - 1, *frame)."""
        frames = np.split(np.moveaxis(stacks, self._axis, 1), self._depth, 1)
        return np.stack(frames[:-1], 1)

    def write(self, row: int, stacks: np.ndarray) -> None:
        self._rows[row].copy_(torch.as_tensor(self.newest(stacks)))

    def write_beside(self, places: np.ndarray, frames: np.ndarray, capacity: int) -> None:
        if len(self.beside) < capacity:
            more = self.ring.new_zeros((capacity - len(self.beside), *self.ring.shape[1:]))
            self.beside = torch.cat([self.beside, more])
        where = torch.as_tensor(places, device=self.ring.device)
        self.beside[where] = torch.as_tensor(frames).to(self.ring)

    def read(self, addresses: Tensor, beside: bool) -> Tensor:
        """(batch,) addresses, or (batch, depth) of stacks -> (batch, …) observations.

        `beside`: some of them may lie beside the ring.
        """
        flat = addresses.flatten()
        if beside:
            frames = self._read_both(flat)
        else:
            frames = self.ring.index_select(0, flat)
        if self._depth == 1:
            return frames
        stacks = frames.view(-1, self._depth, *frames.shape[1:])
        # Pictures (H, W, C) become views: to write them in their own order would take forty times as long.
        return stacks.flatten(1, 2).movedim(1, self._axis)

    def _read_both(self, addresses: Tensor) -> Tensor:
        zero = len(self.ring) - 1
        places = addresses - (zero + 1)
        frames = self.ring.index_select(0, addresses.clamp(max=zero))
        if self.counts_cheaply:
            few = (places >= 0).nonzero().squeeze(-1)
            return frames.index_copy_(0, few, self.beside.index_select(0, places.index_select(0, few)))
        others = self.beside.index_select(0, places.clamp(min=0))
        mask = (places >= 0).view(-1, *[1] * (frames.ndim - 1))
        return torch.where(mask, others, frames)


def _any_in_frame(flags: np.ndarray) -> np.ndarray:
    """(n, frames, …) bool -> (n, frames)."""
    return np.any(flags.reshape(*flags.shape[:2], -1), -1)
