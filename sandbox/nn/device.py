"""Which device computes, and with how many threads."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from sandbox.core.errors import NoDevice, UsageError


def pick_device(name: str = "auto") -> torch.device:
    """The device called ``name``: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``.

    ``auto`` is CUDA where there is one and the CPU elsewhere; Apple's GPU only when asked for, because small
    nets are slower on it. Raises NoDevice when this machine has no such device, UsageError for another name.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    kind, _, index = name.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (":" in name and not (kind == "cuda" and index.isdecimal())):
        raise UsageError(f"unknown device {name!r}", hint="use auto, cpu, cuda, cuda:1 or mps")
    if kind == "cuda":
        _require_cuda(name, int(index or 0))
    if kind == "mps" and not torch.backends.mps.is_available():
        raise NoDevice("this machine has no Apple GPU that torch can use (mps)", hint="use --device cpu")
    return torch.device(name)


def _require_cuda(name: str, index: int) -> None:
    if torch.version.cuda is None and torch.version.hip is None:
        reason = f"the installed torch {torch.__version__} is built without CUDA"
    elif not torch.cuda.is_available():
        reason = "torch finds no CUDA GPU on this machine"
    elif index >= torch.cuda.device_count():
        reason = f"there is no {name}: the CUDA GPUs here are 0 to {torch.cuda.device_count() - 1}"
    else:
        return
    raise NoDevice(reason, hint="use --device cpu, or --device auto to take what there is")


KEPT_BYTES = 256 << 20
"""Memory that stays with the process, and the smallest piece that is a mapping of its own."""
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h


def keep_memory() -> None:
    """Let the C library keep what is freed, for the whole process; where it is not glibc nothing happens.

    Features of a batch of pictures take megabytes, which glibc would give back to the system after each step
    and ask for again in the next: every page of them is then set to zero anew.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_M_MMAP_THRESHOLD, KEPT_BYTES)
            mallopt(_M_TRIM_THRESHOLD, KEPT_BYTES)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Compute with ``count`` torch threads inside the block and as before after it.

    The same sums in another number of threads round differently, so runs record the count and re-impose it.
    """
    if count < 1:
        raise UsageError(f"the number of threads must be at least 1, not {count}")
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
