"""Tuned settings by algorithm and task; what they leave out has the config's default, or the algorithm's."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from agents.stock.zoo import ZOO

from . import atari, doom
from .dqn import DQN
from .ppo import CONTINUOUS, PPO

__all__ = ["preset", "untuned"]


def preset(algo: str, env: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Changes of the default config for `algo` on the task `env`, as in a config file; none for most tasks.

    An entry's name is the id, and after it the arguments that it is meant for: "Sandbox/Pong-v0 obs=pixels".
    "ALE/*" is about all ids that begin so.
    Of several that fit, the one with the most arguments is taken.

    Args:
        algo: name of the algorithm.
        env: id of the task.
        arguments: of the environment, with the defaults of those that entries ask for.
    """
    given = {f"{key}={value}" for key, value in arguments.items()}
    ours = {"ppo": PPO | atari.PPO | doom.PPO, "dqn": DQN | atari.DQN | doom.DQN}
    entries: Mapping[str, dict[str, Any]] = {**ours, **ZOO}.get(algo, {})
    fitting = [name for name in entries if _names(name, env) and given.issuperset(name.split()[1:])]
    return entries[max(fitting, key=lambda name: (len(name.split()), "*" not in name))] if fitting else {}


def _names(entry: str, env: str) -> bool:
    """Whether an entry such as "CartPole-v1" or "ALE/*" is about the task `env`."""
    return fnmatchcase(env, entry.split()[0])


def untuned(algo: str, continuous: bool) -> dict[str, Any]:
    """The same for a task without an entry.

    Args:
        algo: name of the algorithm.
        continuous: the task has continuous actions.
    """
    if algo in ZOO:
        return {"envs": 1}  # as the zoo, and SB3's defaults
    return CONTINUOUS if algo == "ppo" and continuous else {}
