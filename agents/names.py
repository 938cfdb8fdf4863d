"""Short names of environments: `CartPole` is `CartPole-v1`, learnt on our twin of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym

import envs
from envs import NO_LIMIT
from envs.atari import as_played
from sandbox.core.errors import EnvironmentNotFound
from sandbox.core.spelling import suggest

from .simulators import OURS
from .simulators.from_id import register_suite

ATARI = "ALE/"
"""The namespace of ale-py's games. Their own limit is half an hour, which a game can spend standing still."""
LONGEST = 5_000
"""steps of an episode that would never end"""


def task_of(text: str) -> tuple[str, str]:
    """What `text` means: the id of the task, and the id of the environment to learn it on.

    A full id means that very environment for both. A short name means one of ours, or gymnasium's newest
    version, learnt on our twin of it where there is one.

    Raises:
        EnvironmentNotFound: nothing is called so; with a suggestion.
        MissingExtra: it belongs to a suite that is not installed.
    """
    register_suite(text)
    if ":" in text or "/" in text or text in gym.registry:
        return text, text
    ours = {entry.name.casefold(): entry for entry in envs.listing()}
    if text.casefold() in ours:
        entry = ours[text.casefold()]
        return entry.twin or entry.id, entry.id
    newest = short_names()
    if text.casefold() in newest:
        return newest[text.casefold()], newest[text.casefold()]
    known = (
        [entry.name for entry in envs.listing()] + list(gym.registry) + [_base(name) for name in gym.registry]
    )
    close = suggest(text, known)
    hint = f"did you mean {close!r}?" if close else "python -m sandbox list envs"
    raise EnvironmentNotFound(f"there is no environment called {text!r}", hint=hint)


def short_names() -> dict[str, str]:
    """Gymnasium's environments without a namespace: lower-case name -> id of the newest version."""
    newest: dict[str, tuple[int, str]] = {}
    for spec in gym.registry.values():
        if spec.namespace is None and spec.version is not None:
            newest[spec.name.casefold()] = max(
                newest.get(spec.name.casefold(), (-1, "")), (spec.version, spec.id)
            )
    return {name: env_id for name, (_, env_id) in newest.items()}


def threshold_of(env_id: str) -> float | None:
    """The mean return at which the task counts as solved, as registered; None where nobody says."""
    spec = gym.registry.get(env_id.rpartition(":")[2])
    return None if spec is None or spec.reward_threshold is None else float(spec.reward_threshold)


def longest_episode(env_id: str, arguments: Mapping[str, Any]) -> int | None:
    """Steps after which an evaluation stops waiting for the end of an episode.

    None where there is a time limit: the environment's own, or one among its `arguments`.
    """
    if env_id.startswith(ATARI) and "max_num_frames_per_episode" in arguments:
        return None
    asked = arguments.get("max_episode_steps")
    if asked is not None:
        return LONGEST if asked == NO_LIMIT else None
    spec = gym.registry.get(env_id.rpartition(":")[2])
    limited = env_id.startswith(OURS) or (spec is not None and spec.max_episode_steps is not None)
    return None if limited else LONGEST


def with_end(env_id: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The `arguments` for episodes that count.

    They have a time limit where the environment would have none, and nothing that is for training only.
    """
    if env_id.startswith(ATARI):
        arguments = as_played(arguments)
    longest = longest_episode(env_id, arguments)
    return {**arguments} if longest is None else {**arguments, "max_episode_steps": longest}


def portable_id(env_id: str) -> str | None:
    """An id under which another process finds the environment: with the module that registers it, where that
    is neither gymnasium nor ours. None where no module does, as for a class written in a script."""
    spec = gym.registry.get(env_id)
    if ":" in env_id or spec is None:
        return env_id
    entry = spec.entry_point
    module = entry.partition(":")[0] if isinstance(entry, str) else getattr(entry, "__module__", None)
    if module is None or module == "__main__":
        return None
    known = ("gymnasium", "envs", "ale_py", "vizdoom")
    return env_id if module.partition(".")[0] in known else f"{module}:{env_id}"


def _base(env_id: str) -> str:
    return env_id.rpartition("-v")[0]
