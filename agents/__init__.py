"""Agents with SB3's interface over engines that work on arrays.

    from agents import PPO

    model = PPO("MlpPolicy", "Sandbox/CartPole-v0", n_envs=8, n_steps=32).learn(50_000)
    model.save("agent")

`DQN` is used likewise. `SB3VecEnv` gives our batches of environments to stock SB3; `Simulator`, `Step` and
`as_simulator` are what agents themselves step; `register_class` makes a class of yours known to saved agents.
docs/new-agent.md shows how to change an algorithm. Nothing heavy is loaded before it is used.
"""

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
    return sorted(__all__)
