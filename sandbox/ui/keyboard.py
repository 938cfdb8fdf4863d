"""What a person presses: keys of the window, and keys that stand for actions of the environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from gymnasium import Space

Order = Literal[
    "pause",
    "step",
    "faster",
    "slower",
    "next",
    "checkpoint",
    "take",
    "saliency",
    "memory",
    "record",
    "screenshot",
    "help",
    "quit",
]

ORDERS: dict[str, Order] = {
    "space": "pause",
    ".": "step",
    "+": "faster",
    "=": "faster",
    "-": "slower",
    "n": "next",
    "c": "checkpoint",
    "t": "take",
    "e": "saliency",
    "m": "memory",
    "r": "record",
    "s": "screenshot",
    "h": "help",
    "f1": "help",
    "escape": "quit",
}
HELP: tuple[tuple[str, str], ...] = (
    ("space", "pause, go on"),
    (".", "one step"),
    ("+  −", "faster, slower"),
    ("n", "next episode"),
    ("c", "next checkpoint"),
    ("t", "take over, give back"),
    ("e", "what the agent looks at"),
    ("m", "the agent's memory"),
    ("r", "record, stop recording"),
    ("s", "screenshot"),
    ("h", "this help"),
    ("esc", "quit"),
)
ARROWS = ("left", "right", "up", "down")
WAITING = 2
"""taps that wait for a step of their own; more would make the game answer late"""
_SYMBOLS = {"left": "←", "right": "→", "up": "↑", "down": "↓", "return": "enter"}


def key_name(name: str, text: str) -> str:
    """One name for a key, whatever the layout: what it types if that is a sign, else pygame's name.

    Args:
        name: pygame's name of the key; those of the number pad are in brackets.
        text: what the key types, empty for none.
    """
    if text in ("+", "-", ".", "="):
        return text
    return name.strip("[]") if len(name) == 3 else name


def symbols(keys: str) -> str:
    """Keys as people know them: ``left+up`` is ``← ↑``."""
    return " ".join(_SYMBOLS.get(key, key) for key in keys.split("+") if key) or "no key"


class Keyboard:
    """The keys that are held, as an action of the environment.

    Args:
        keys: as `envs.controls.Controls.keys`.
        action_space: what the actions have to fit.
    """

    def __init__(self, keys: Mapping[str, Any], action_space: Space[Any]) -> None:
        self._actions = {
            frozenset(filter(None, combination.split("+"))): a for combination, a in keys.items()
        }
        self._space = action_space
        self._known = frozenset().union(*self._actions)
        self._held: list[str] = []  # the last one was pressed last
        self._tapped: list[str] = []  # without an action yet: a short tap counts, too
        self._last: Any = None

    def knows(self, key: str) -> bool:
        """Whether the key plays the environment."""
        return key in self._known

    @property
    def tapped(self) -> bool:
        """Whether a key went down that had no action yet."""
        return bool(self._tapped)

    @property
    def arrow(self) -> str | None:
        """The arrow key that is held, the last one of several."""
        return next((key for key in reversed(self._held) if key in ARROWS), None)

    @property
    def in_use(self) -> bool:
        """Whether any key has gone down since `forget`."""
        return bool(self._tapped or self._held) or self._last is not None

    @property
    def has_idle_action(self) -> bool:
        """Whether holding no key means something, too."""
        return frozenset() in self._actions

    def press(self, key: str) -> None:
        """A key goes down."""
        if key not in self._held:
            self._held.append(key)
        self._tapped.append(key)

    def release(self, key: str) -> None:
        """A key goes up."""
        self._held = [held for held in self._held if held != key]

    def release_all(self) -> None:
        """Another window has the keyboard now."""
        self._held = []

    def forget(self) -> None:
        """Nothing was pressed yet: another episode begins, or another person plays."""
        self._held, self._tapped, self._last = [], [], None

    def action(self) -> Any:
        """The action that the keys stand for; None before the first one where no key means nothing.

        Each tap since the last action has one of its own, but for keys that are held and mean something
        together; two taps may wait. Of keys that mean nothing together, the last one counts.
        """
        keys, later = [key for key in self._held if key not in self._tapped], self._tapped[1:]
        keys += self._tapped[:1]
        while later and later[0] not in keys and self._mean_together(keys, later[0]):
            keys.append(later.pop(0))
        self._tapped = later[:WAITING]
        return self._chosen(keys)

    def turn(self) -> Any:
        """The action of the first tap that had no turn yet; call it only when `tapped`."""
        return self._chosen([self._tapped.pop(0)])

    def _mean_together(self, keys: list[str], other: str) -> bool:
        """Whether these keys and another one are all held, and an action of their own."""
        return {*keys, other} <= set(self._held) and frozenset((*keys, other)) in self._actions

    def _chosen(self, keys: list[str]) -> Any:
        choices = [frozenset(keys), *(frozenset((key,)) for key in reversed(keys)), frozenset()]
        for choice in choices:
            if choice in self._actions and (choice or not keys):
                self._last = self._fitted(self._actions[choice])
                break
        return self._last

    def _fitted(self, action: Any) -> Any:
        is_array = isinstance(action, tuple | list)
        return np.array(action, self._space.dtype) if is_array else action
