"""The table of algorithms: a name, what it is, where it lives. Nothing heavy is loaded before it is used."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from sandbox.core.errors import UnknownName

from .settings import DQNSettings, PPOSettings, Settings

if TYPE_CHECKING:
    from .algorithm import Agent


@dataclass(frozen=True)
class Algorithm:
    """One line of the table."""

    target: str
    """module:class"""
    settings: type[Settings]
    """the dataclass of its hyperparameters"""
    policies: tuple[str, ...]
    actions: str
    help: str

    def load(self) -> type[Agent]:
        """Import the class."""
        module, _, name = self.target.partition(":")
        return getattr(import_module(module), name)


ALGORITHMS: dict[str, Algorithm] = {
    "ppo": Algorithm(
        "agents.ppo:PPO",
        PPOSettings,
        ("MlpPolicy", "MultiInputPolicy"),
        "Discrete, MultiDiscrete, MultiBinary, Box",
        "proximal policy optimisation, on batches of environments",
    ),
    "dqn": Algorithm(
        "agents.dqn:DQN",
        DQNSettings,
        ("MlpPolicy", "MultiInputPolicy"),
        "Discrete",
        "deep Q-learning: double, dueling, n-step, prioritized, distributional, noisy",
    ),
}


def find_algorithm(name: str) -> Algorithm:
    """The algorithm called `name`. Raises UnknownName with a suggestion."""
    if name not in ALGORITHMS:
        raise UnknownName("algorithm", name, ALGORITHMS)
    return ALGORITHMS[name]


def rows() -> list[list[Any]]:
    """One row an algorithm, for `list algos`."""
    return [
        [name, entry.actions, ", ".join(entry.policies), entry.help] for name, entry in ALGORITHMS.items()
    ]
