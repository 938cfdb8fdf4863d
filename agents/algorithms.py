"""The table of algorithms: a name, what it is, where it lives. Nothing heavy is loaded before it is used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from sandbox.core.errors import NotFound, UnknownName, UsageError
from sandbox.core.modules import import_named

from .policy_names import memory_of
from .settings import DQNSettings, PPOSettings, Settings
from .stock.table import STOCK, StockAlgorithm

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
    """The algorithm called `name`; `module:Class` imports, and so executes, the module.

    Raises:
        UnknownName: nothing is called so; with a suggestion.
        NotFound: the module cannot be imported, or has no such class.
        UsageError: the class is not a subclass of `PPO` or `DQN`.
    """
    if ":" in name:
        return _own(name)
    if name not in ALGORITHMS:
        raise UnknownName("algorithm", name, ALGORITHMS)
    return ALGORITHMS[name]


def family(name: str) -> str:
    """The entry of the table that `name` is, or that `module:Class` is a subclass of; raises as above."""
    return _base_of(name, _own_class(name)) if ":" in name else name


def label(name: str) -> str:
    """An algorithm's name for the titles of pictures."""
    return name.partition(":")[2] or name.upper()


def name_of(cls: type[Agent]) -> str | None:
    """What `find_algorithm` calls a class; None where another process would not find it."""
    target = f"{cls.__module__}:{cls.__qualname__}"
    ours = next((name for name, entry in ALGORITHMS.items() if getattr(entry, "target", "") == target), None)
    return ours or (None if cls.__module__ == "__main__" or "<locals>" in target else target)


def imported_by(values: Mapping[str, Any]) -> list[str]:
    """What in a config of an agent with such values would import, and so execute, a module: `module:name`."""
    named = [str(values.get(key, "")) for key in ("env", "train_env", "algo")]
    return [name for name in named if ":" in name]


def _own(name: str) -> Algorithm:
    """The entry of a class of the user's: that of the one it is a subclass of, with its own settings."""
    cls = _own_class(name)
    base: Any = ALGORITHMS[_base_of(name, cls)]
    return replace(base, target=name, settings=cls.settings_class, policies=tuple(cls.policy_aliases))


def _own_class(name: str) -> Any:
    """What `module:Class` names. Raises NotFound."""
    module, _, attribute = name.partition(":")
    try:
        return getattr(import_named(module), attribute)
    except ModuleNotFoundError as error:
        raise NotFound(
            f"module {module!r}, which should hold the algorithm {name!r}, cannot be imported: {error}",
            hint="install it, or run the command in the folder that holds it",
        ) from error
    except Exception as error:  # the user's module may fail in any way
        raise NotFound(
            f"there is no algorithm {name!r}: {type(error).__name__}: {error}",
            hint="mend the module, or run the command in the folder that holds it",
        ) from error


def _base_of(name: str, cls: Any) -> str:
    """The name of our algorithm that `cls` is a subclass of. Raises UsageError where it is of none."""
    for known, entry in ALGORITHMS.items():
        if isinstance(entry, Algorithm) and isinstance(cls, type) and issubclass(cls, entry.load()):
            return known
    raise UsageError(f"{name} is no subclass of agents.PPO or agents.DQN", hint="docs/new-agent.md shows how")


def rows() -> list[list[Any]]:
    """One row an algorithm, for `list algos`."""
    return [
        [name, entry.actions, _briefly(entry.policies), entry.extra and f"[{entry.extra}]", entry.help]
        for name, entry in ALGORITHMS.items()
    ]


def _briefly(policies: Sequence[str]) -> str:
    """All their names in one pattern: "(Mlp|Cnn)[Lstm|Gru]Policy"."""
    memories = dict.fromkeys(memory_of(name) for name in policies)
    eyes = dict.fromkeys(name.removesuffix("Policy").removesuffix(memory_of(name)) for name in policies)
    if len(eyes) == 1 or len(eyes) * len(memories) != len(policies):
        return ", ".join(policies)
    kinds = "|".join(filter(None, memories))
    return f"({'|'.join(eyes)}){f'[{kinds}]' if kinds and '' in memories else kinds}Policy"
