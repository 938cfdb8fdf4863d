"""What a person presses: keys of the window, and keys that stand for actions of the environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from gymnasium import Space

Order = Literal[
    "pause", "step", "faster", "slower", "next", "checkpoint", "take", "record", "screenshot", "help", "quit"
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
    ("r", "record, stop recording"),
    ("s", "screenshot"),
    ("h", "this help"),
    ("esc", "quit"),
)
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
        self._tapped: list[str] = []  # since the last action: a short tap counts, too
        self._last: Any = None

    def knows(self, key: str) -> bool:
        """Whether the key plays the environment."""
        return key in self._known

    @property
    def tapped(self) -> bool:
        """Whether a key went down since the last action."""
        return bool(self._tapped)

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

        Of keys that mean nothing together, the last one counts.
        """
        keys = [*(key for key in self._held if key not in self._tapped), *self._tapped]
        self._tapped = []
        choices = [frozenset(keys), *(frozenset((key,)) for key in reversed(keys)), frozenset()]
        for choice in choices:
            if choice in self._actions and (choice or not keys):
                self._last = self._fitted(self._actions[choice])
                break
        return self._last

    def turn(self) -> Any:
        """The action of the first tap that had no turn yet; call it only when `tapped`."""
        key, later = self._tapped[0], self._tapped[1:]
        self._tapped, self._held = [key], [held for held in self._held if held == key]
        action = self.action()
        self._tapped = later
        return action

    def _fitted(self, action: Any) -> Any:
        is_array = isinstance(action, tuple | list)
        return np.array(action, self._space.dtype) if is_array else action
