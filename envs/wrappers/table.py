"""The wrappers by name, and what texts such as "frame_stack:4" mean."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from gymnasium.vector import VectorEnv

from envs.wrappers.action_repeat import ActionRepeat
from envs.wrappers.discretize import Discretize
from envs.wrappers.flicker import Flicker
from envs.wrappers.frame_stack import FrameStack
from envs.wrappers.mask_velocity import MaskVelocity
from envs.wrappers.only import Only
from envs.wrappers.pictures import ChannelsFirst, Grayscale, Resize
from envs.wrappers.sticky_actions import StickyActions
from envs.wrappers.wrapper import BatchWrapper

Batch = VectorEnv[Any, Any, Any]


def sides(text: str) -> int | tuple[int, int]:
    """ "36" as 36, and "30x40" as (30, 40): rows, columns. Raises ValueError for other texts."""
    rows, cross, columns = text.partition("x")
    return (int(rows), int(columns)) if cross else int(rows)


@dataclass(frozen=True)
class WrapperEntry:
    """One wrapper, as people write it."""

    name: str
    wrapper: Callable[..., BatchWrapper]
    value: Callable[[str], Any] | None
    """Reads what stands behind the colon; None: nothing does."""
    example: str
    what: str
    """What it does, in one line."""


WRAPPERS: tuple[WrapperEntry, ...] = (
    WrapperEntry(
        "frame_stack", FrameStack, int, "frame_stack:4", "the last frames together, for eyes without memory"
    ),
    WrapperEntry(
        "flicker", Flicker, float, "flicker:0.5", "a black screen, or zeros, with this probability each step"
    ),
    WrapperEntry(
        "mask_velocity", MaskVelocity, None, "mask_velocity", "zeros for the velocities of classic tasks"
    ),
    WrapperEntry(
        "sticky_actions",
        StickyActions,
        float,
        "sticky_actions:0.25",
        "the last action again, with this probability each step",
    ),
    WrapperEntry(
        "action_repeat", ActionRepeat, int, "action_repeat:2", "each action so many times; stands innermost"
    ),
    WrapperEntry(
        "discretize", Discretize, int, "discretize:5", "so many values of each number of a continuous action"
    ),
    WrapperEntry("only", Only, str, "only:screen", "one part of observations that are dicts"),
    WrapperEntry("grayscale", Grayscale, None, "grayscale", "grey pictures"),
    WrapperEntry("resize", Resize, sides, "resize:36", "square pictures of this size, or resize:30x40"),
    WrapperEntry("channels_first", ChannelsFirst, None, "channels_first", "pictures (H, W, C) as (C, H, W)"),
)
"""All wrappers, in the order in which they are best met."""


def parse(text: str) -> Callable[[Batch], BatchWrapper]:
    """The wrapper that `text` means, with its value.

    Raises:
        ValueError: the name is unknown, or the value is none of this wrapper's.
    """
    name, colon, value = text.partition(":")
    known = {entry.name: entry for entry in WRAPPERS}
    if name not in known:
        close = get_close_matches(name.casefold().replace("-", "_"), known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"
        raise ValueError(f"there is no wrapper called {name!r}; {hint}")
    entry = known[name]
    if entry.value is None:
        if colon:
            raise ValueError(f"{name} takes no value, got {value!r}")
        return entry.wrapper
    if not value:
        raise ValueError(f"{name} needs a value, such as {entry.example}")
    try:
        return _with_value(entry.wrapper, entry.value(value))
    except ValueError:
        kind = "a number" if entry.value is float else "a whole number"
        raise ValueError(f"{name} needs {kind}, such as {entry.example}; got {value!r}") from None


def around(batch: Batch, specs: Sequence[str]) -> Batch:
    """The batch within wrappers, the first of `specs` innermost. Raises ValueError as `wrap`."""
    for wrapper in [parse(text) for text in specs]:
        batch = wrapper(batch)
    return batch


def _with_value(wrapper: Callable[..., BatchWrapper], value: Any) -> Callable[[Batch], BatchWrapper]:
    return lambda env: wrapper(env, value)
