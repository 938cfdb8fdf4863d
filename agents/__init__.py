"""Agents: SB3's interface over engines that work on arrays. Nothing heavy is loaded before it is used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .dqn import DQN
    from .encoding import register_class
    from .ppo import PPO
    from .simulators import Simulator, Step, as_simulator
    from .vec import SB3VecEnv

__all__ = ["DQN", "PPO", "SB3VecEnv", "Simulator", "Step", "as_simulator", "register_class"]

_HOMES = {
    "DQN": "agents.dqn",
    "PPO": "agents.ppo",
    "SB3VecEnv": "agents.vec",
    "Simulator": "agents.simulators",
    "Step": "agents.simulators",
    "as_simulator": "agents.simulators",
    "register_class": "agents.encoding",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'agents' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
