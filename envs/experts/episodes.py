"""Where episodes begin, for scripted players that remember something of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from envs.task import Mask


def begins(memory: dict[str, Any], num_envs: int) -> Mask:
    """The rows in which an episode begins, (num_envs,), as `memory["first"]` says.

    Who never says it plays one episode in each row: all begin in the first call.
    """
    if "first" in memory:
        return memory["first"]
    memory["first"] = np.zeros(num_envs, np.bool_)  # of the calls to come
    return np.ones(num_envs, np.bool_)
