"""Which keys play an environment, and what its actions are called: ours declare it, the rest stands here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gymnasium


@dataclass(frozen=True)
class Controls:
    """How a person plays an environment with the keyboard."""

    keys: Mapping[str, Any]
    """Keys, by pygame's names and joined by "+", to actions; "" is the action while no key is held.

    Without "", the last action stays.
    """
    actions: tuple[str, ...] = ()
    """Names of discrete actions, in order."""
    turn_based: bool = False
    """Nothing happens until a key is pressed."""

    def name_of(self, action: Any) -> str:
        """What an action is called; its number or numbers where it has no name."""
        if isinstance(action, tuple):
            return ", ".join(f"{part:+g}" if part else "0" for part in action).replace("-", "−")
        known = isinstance(action, int) and 0 <= action < len(self.actions)
        return self.actions[action] if known else str(action)


_GRID = ("left", "down", "right", "up")
_LAKE = Controls({key: number for number, key in enumerate(_GRID)}, _GRID, turn_based=True)
_SIDEWAYS = Controls({"left": 0, "": 1, "right": 2, "left+right": 1}, ("left", "nothing", "right"))
_PARTS = {"left": (-1.0, 0.0, 0.0), "right": (1.0, 0.0, 0.0), "up": (0.0, 1.0, 0.0), "down": (0.0, 0.0, 0.8)}

GYMNASIUM: dict[str, Controls] = {
    "CartPole": Controls({"left": 0, "right": 1}, ("left", "right")),
    "MountainCar": _SIDEWAYS,
    "MountainCarContinuous": Controls({"left": (-1.0,), "": (0.0,), "right": (1.0,)}),
    "Acrobot": _SIDEWAYS,
    "Pendulum": Controls({"left": (2.0,), "": (0.0,), "right": (-2.0,)}),
    "LunarLander": Controls(
        {"": 0, "left": 1, "up": 2, "right": 3}, ("nothing", "left engine", "main engine", "right engine")
    ),
    "CarRacing": Controls(
        {
            "": (0.0, 0.0, 0.0),
            **_PARTS,
            **{
                f"{side}+{pedal}": (_PARTS[side][0], _PARTS[pedal][1], _PARTS[pedal][2])
                for side in ("left", "right")
                for pedal in ("up", "down")
            },
        }
    ),
    "FrozenLake": _LAKE,
    "FrozenLake8x8": _LAKE,
    "CliffWalking": Controls(
        {"up": 0, "right": 1, "down": 2, "left": 3}, ("up", "right", "down", "left"), turn_based=True
    ),
    "CliffWalkingSlippery": Controls(
        {"up": 0, "right": 1, "down": 2, "left": 3}, ("up", "right", "down", "left"), turn_based=True
    ),
    "Taxi": Controls(
        {"down": 0, "up": 1, "right": 2, "left": 3, "p": 4, "d": 5},
        ("south", "north", "east", "west", "pick up", "drop off"),
        turn_based=True,
    ),
    "Blackjack": Controls({"left": 0, "right": 1}, ("stick", "hit"), turn_based=True),
}
"""By the name in the id, without version."""

_SDL1_NAMES = {273: "up", 274: "down", 275: "right", 276: "left"}  # MountainCar still uses these numbers


def controls_of(env: gymnasium.Env[Any, Any]) -> Controls | None:
    """The controls of an environment: its own, those in our table, or its `get_keys_to_action`; else None."""
    own = env.get_wrapper_attr("controls") if env.has_wrapper_attr("controls") else None
    if isinstance(own, Controls):
        return own
    if env.spec is not None and env.spec.namespace is None and env.spec.name in GYMNASIUM:
        found = GYMNASIUM[env.spec.name]
        return found if all(env.action_space.contains(_fit(env, a)) for a in found.keys.values()) else None
    mapping = getattr(env.unwrapped, "get_keys_to_action", None)
    if mapping is None:
        return None
    meanings = getattr(env.unwrapped, "get_action_meanings", tuple)()
    keys = {"+".join(map(_key_name, combination)): action for combination, action in mapping().items()}
    return Controls(keys, tuple(str(name).replace("_", " ").lower() for name in meanings))


def _fit(env: gymnasium.Env[Any, Any], action: Any) -> Any:
    """A written-down action as the space has it: a tuple becomes an array."""
    import numpy as np

    return np.array(action, env.action_space.dtype) if isinstance(action, tuple) else action


def _key_name(key: int | str) -> str:
    """pygame's name of a key that is given as a character or a number."""
    if key in _SDL1_NAMES:
        return _SDL1_NAMES[int(key)]
    import pygame

    code = ord(key) if isinstance(key, str) and len(key) == 1 else key
    return code if isinstance(code, str) else pygame.key.name(code)
