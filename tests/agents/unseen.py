"""Environments that cannot be watched or played; importing this registers them."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Discrete


class Unseen(gym.Env[int, int]):
    """Has no pictures."""

    observation_space, action_space = Discrete(2), Discrete(2)
    metadata = {"render_modes": ["ansi"]}  # noqa: RUF012 - as gymnasium has it

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode = render_mode

    def reset(self, **_: Any) -> tuple[int, dict[str, Any]]:
        return 0, {}


class Keyless(Unseen):
    """Has pictures, but nobody says which keys play it."""

    metadata = {"render_modes": ["rgb_array"]}  # noqa: RUF012 - as gymnasium has it

    def render(self) -> Any:
        return np.zeros((8, 8, 3), np.uint8)


for cls in (Unseen, Keyless):
    if f"{cls.__name__}-v0" not in gym.registry:
        gym.register(f"{cls.__name__}-v0", entry_point=cls)
