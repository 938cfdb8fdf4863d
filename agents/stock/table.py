"""The stock algorithms that `--algo` knows. Nothing heavy is loaded before one is used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from sandbox.core.errors import MissingExtra

if TYPE_CHECKING:
    from agents.settings import Settings

    from .agent import StockAgent

_CONTRIB = "sb3_contrib"


@dataclass(frozen=True)
class StockAlgorithm:
    """One line of the table; see `agents.algorithms.Algorithm`, whose place it takes."""

    target: str
    """module:class"""
    policies: tuple[str, ...]
    actions: str
    help: str
    stock: bool = True

    @property
    def extra(self) -> str:
        """The extra that installs it; empty: none is needed."""
        return "bench" if self.target.startswith(_CONTRIB) else ""

    @property
    def settings(self) -> type[Settings]:
        """The dataclass of its hyperparameters. Loads torch; raises MissingExtra."""
        from agents.settings.stock import settings_of

        self.algorithm()  # says which extra is missing
        return settings_of(self.target)

    def algorithm(self) -> type[Any]:
        """Import the stock class. Raises MissingExtra."""
        module, _, name = self.target.partition(":")
        try:
            return getattr(import_module(module), name)
        except ImportError as error:
            if not self.extra or error.name not in (None, _CONTRIB):
                raise
            raise MissingExtra(f"{name}, an algorithm of sb3-contrib,", self.extra) from error

    def load(self) -> Callable[..., StockAgent]:
        """What makes such an agent. Raises MissingExtra."""
        from .agent import StockAgent

        return partial(StockAgent, self.algorithm(), policies=self.policies, actions=self.actions)


_POLICIES = ("MlpPolicy", "CnnPolicy", "MultiInputPolicy")
_LSTM = ("MlpLstmPolicy", "CnnLstmPolicy", "MultiInputLstmPolicy")
_ANY, _ONE, _BOX = "Discrete, MultiDiscrete, MultiBinary, Box", "Discrete", "Box"

STOCK: dict[str, StockAlgorithm] = {
    "sb3-ppo": StockAlgorithm("stable_baselines3:PPO", _POLICIES, _ANY, "stock PPO, with the zoo's settings"),
    "sb3-a2c": StockAlgorithm("stable_baselines3:A2C", _POLICIES, _ANY, "advantage actor-critic"),
    "sb3-dqn": StockAlgorithm("stable_baselines3:DQN", _POLICIES, _ONE, "stock DQN, with the zoo's settings"),
    "sb3-sac": StockAlgorithm("stable_baselines3:SAC", _POLICIES, _BOX, "soft actor-critic"),
    "sb3-td3": StockAlgorithm("stable_baselines3:TD3", _POLICIES, _BOX, "twin delayed DDPG"),
    "sb3-ddpg": StockAlgorithm(
        "stable_baselines3:DDPG", _POLICIES, _BOX, "deep deterministic policy gradient"
    ),
    "sb3-qrdqn": StockAlgorithm("sb3_contrib:QRDQN", _POLICIES, _ONE, "DQN that learns quantiles"),
    "sb3-trpo": StockAlgorithm("sb3_contrib:TRPO", _POLICIES, _ANY, "trust region policy optimisation"),
    "sb3-tqc": StockAlgorithm("sb3_contrib:TQC", _POLICIES, _BOX, "SAC with truncated quantile critics"),
    "sb3-crossq": StockAlgorithm(
        "sb3_contrib:CrossQ", ("MlpPolicy",), _BOX, "SAC without target networks, with batch normalisation"
    ),
    "sb3-ppo-lstm": StockAlgorithm(
        "sb3_contrib:RecurrentPPO", _LSTM, "Discrete, MultiDiscrete, MultiBinary, Box", "PPO with an LSTM"
    ),
}
