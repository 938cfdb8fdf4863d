"""The arguments that every environment takes, and their bounds."""

from __future__ import annotations

from typing import TypedDict

import numpy as np
from gymnasium.vector import AutoresetMode

NO_LIMIT = -1
"""What `gymnasium.make` too takes as "no time limit" in `max_episode_steps`."""

MOST_ENVS = 2**20
LONGEST_LIMIT = np.iinfo(np.int32).max  # steps are counted in 32 bits


class CoreOptions(TypedDict, total=False):
    """The arguments that every environment takes and hands on to `BatchedEnv`."""

    max_episode_steps: int | None
    """Steps after which an episode is truncated; None: the environment's own limit; -1: never. At most
    2**31 - 1."""
    autoreset_mode: AutoresetMode | str
    """When a new episode follows an ended one, as gymnasium defines it (default: SAME_STEP)."""
    render_mode: str | None
    """None, or "rgb_array" to make `render()` return pictures."""
