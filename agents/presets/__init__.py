"""Tuned settings by algorithm and task; what they leave out has the config's default, or the algorithm's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agents.stock.zoo import ZOO

from . import doom
from .dqn import DQN
from .ppo import CONTINUOUS, PPO

__all__ = ["preset", "untuned"]


def preset(algo: str, env: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Changes of the default config for `algo` on the task `env`, as in a config file; none for most tasks.

    An entry's name is the id, and after it the arguments that it is meant for: "Sandbox/Pong-v0 obs=pixels".
    Of several that fit, the one with the most arguments is taken.

    Args:
        algo: name of the algorithm.
        env: id of the task.
        arguments: of the environment, with the defaults of those that entries ask for.
    """
    given = {f"{key}={value}" for key, value in arguments.items()}
    ours = {"ppo": PPO | doom.PPO, "dqn": DQN | doom.DQN}
    entries: Mapping[str, dict[str, Any]] = {**ours, **ZOO}.get(algo, {})
    fitting = [name for name in entries if name.split()[0] == env and given.issuperset(name.split()[1:])]
    return entries[max(fitting, key=lambda name: len(name.split()))] if fitting else {}


def untuned(algo: str, continuous: bool) -> dict[str, Any]:
    """The same for a task without an entry.

    Args:
        algo: name of the algorithm.
        continuous: the task has continuous actions.
    """
    if algo in ZOO:
        return {"envs": 1}  # as the zoo, and SB3's defaults
    return CONTINUOUS if algo == "ppo" and continuous else {}
