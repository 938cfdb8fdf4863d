"""How many cores there are to use, and how many threads that suggests. Torch is loaded only to keep its."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


def usable_cpus() -> int:
    """Cores that this process may use: no more than its affinity allows."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def default_threads() -> int:
    """Threads to compute with unless told: as many as OMP_NUM_THREADS says, else one for each core."""
    asked = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()  # "4,2" is for nested loops
    return int(asked) if asked.isdecimal() and int(asked) > 0 else usable_cpus()


@contextmanager
def threads_kept() -> Iterator[None]:
    """Torch computes after the block with as many threads as before it: a run sets its own. Loads torch."""
    import torch

    before = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)
