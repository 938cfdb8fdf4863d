"""The table of algorithms: a name, what it is, where it lives. Nothing heavy is loaded before it is used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from sandbox.core.errors import UnknownName

from .settings import DQNSettings, PPOSettings, Settings
from .stock.table import STOCK, StockAlgorithm

if TYPE_CHECKING:
    from .algorithm import Agent
    from .stock.agent import StockAgent

    AnyAgent = Agent | StockAgent


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
    extra: str = ""
    """the extra that installs it; empty: none is needed"""
    stock: bool = False
    """SB3's own, which learns on the task itself instead of our twin of it"""

    def load(self) -> type[Agent]:
        """Import the class."""
        module, _, name = self.target.partition(":")
        return getattr(import_module(module), name)


_POLICIES = (
    *("MlpPolicy", "CnnPolicy", "MultiInputPolicy"),
    *("MlpLstmPolicy", "MlpGruPolicy", "CnnLstmPolicy", "CnnGruPolicy"),
    *("MultiInputLstmPolicy", "MultiInputGruPolicy"),
)

ALGORITHMS: dict[str, Algorithm | StockAlgorithm] = {
    "ppo": Algorithm(
        "agents.ppo:PPO",
        PPOSettings,
        _POLICIES,
        "Discrete, MultiDiscrete, MultiBinary, Box",
        "proximal policy optimisation, on batches of environments",
    ),
    "dqn": Algorithm(
        "agents.dqn:DQN",
        DQNSettings,
        _POLICIES,
        "Discrete",
        "deep Q-learning: double, dueling, n-step, prioritized, distributional, noisy",
    ),
    **STOCK,
}


def find_algorithm(name: str) -> Algorithm | StockAlgorithm:
    """The algorithm called `name`. Raises UnknownName with a suggestion."""
    if name not in ALGORITHMS:
        raise UnknownName("algorithm", name, ALGORITHMS)
    return ALGORITHMS[name]


def memory_of(policy: str) -> str:
    """What a policy of this name, or "lstm" or "gru", has: "Lstm", "Gru", or "" without a memory."""
    stem = policy.removesuffix("Policy").lower()
    return next((memory for memory in ("Lstm", "Gru") if stem.endswith(memory.lower())), "")


def remembers(policy: str) -> bool:
    """Whether a policy of this name has a memory."""
    return bool(memory_of(policy))


def rows() -> list[list[Any]]:
    """One row an algorithm, for `list algos`."""
    return [
        [name, entry.actions, _briefly(entry.policies), entry.extra and f"[{entry.extra}]", entry.help]
        for name, entry in ALGORITHMS.items()
    ]


def _briefly(policies: Sequence[str]) -> str:
    """Their names, without those that say of every kind of observations what they said of the first."""
    plain = [name for name in policies if not remembers(name)]
    first = [name for name in policies if remembers(name) and name.startswith("Mlp")]
    return ", ".join([*plain, *first, "…"] if plain and first else policies)
