"""Tuned settings by algorithm and task; what they leave out has the config's default, or the algorithm's."""

from __future__ import annotations

from typing import Any

from agents.stock.zoo import ZOO

from .dqn import DQN
from .ppo import CONTINUOUS, PPO

__all__ = ["preset", "untuned"]


def preset(algo: str, env: str) -> dict[str, Any]:
    """Changes of the default config for `algo` on the task `env`, as in a config file; none for most tasks.

    Args:
        algo: name of the algorithm.
        env: id of the task.
    """
    return {"ppo": PPO, "dqn": DQN, **ZOO}.get(algo, {}).get(env, {})


def untuned(algo: str, continuous: bool) -> dict[str, Any]:
    """The same for a task without an entry.

    Args:
        algo: name of the algorithm.
        continuous: the task has continuous actions.
    """
    if algo in ZOO:
        return {"envs": 1}  # as the zoo, and SB3's defaults
    return CONTINUOUS if algo == "ppo" and continuous else {}
