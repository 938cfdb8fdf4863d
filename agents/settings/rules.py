"""What the settings of all algorithms have in common, and the checks that their fields need.

Nothing here loads torch, so that `train-agent --help` and a mistyped option answer at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import fields
from numbers import Integral, Real
from typing import Any, ClassVar, Protocol

from agents.schedules import as_schedule
from sandbox.core.errors import ConfigError

MEMORY = ("memory_size", "memory_layers", "critic_memory")
"""arguments of a policy that remembers"""


class Settings(Protocol):
    """A frozen dataclass whose fields are hyperparameters."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    def arguments(self) -> dict[str, Any]:
        """Arguments of the algorithm's class. Raises ConfigError for a value that nothing stands for."""
        ...

    def check_envs(self, envs: int, memory: bool = False) -> None:
        """Raise ConfigError where that many environments side by side do not go with these settings.

        Args:
            envs: how many.
            memory: the policy has one.
        """
        ...


def require(holds: bool, name: str, rule: str, value: object) -> None:
    """Raise ConfigError that `name` must be `rule`, unless `holds`."""
    if not holds:
        raise ConfigError(f"{name} must be {rule}, not {value}", key=name)


def check_counts(settings: Any, names: Iterable[str], least: int = 1) -> None:
    """These fields are whole numbers, `least` or more."""
    for name in names:
        value = getattr(settings, name)
        require(_is(value, Integral) and value >= least, name, f"a whole number, at least {least}", value)


def check_fractions(settings: Any, names: Iterable[str]) -> None:
    """These fields lie between 0 and 1."""
    for name in names:
        value = getattr(settings, name)
        require(_is(value, Real) and 0 <= value <= 1, name, "between 0 and 1", value)


def check_weights(settings: Any, names: Iterable[str]) -> None:
    """These fields are finite numbers, 0 or more."""
    for name in names:
        value = getattr(settings, name)
        require(_is(value, Real) and 0 <= value < math.inf, name, "0 or more", value)


def check_schedules(settings: Any, names: Iterable[str]) -> None:
    """These fields are schedules (see `agents.schedules`); None is one too."""
    for name in names:
        value = getattr(settings, name)
        try:
            as_schedule(0.0 if value is None else value)
        except ValueError as error:
            raise ConfigError(f"{name}: {error}", key=name) from None


def check_widths(widths: list[int]) -> None:
    """Hidden layers are one or more wide each."""
    require(all(width >= 1 for width in widths), "net_arch", "made of widths of 1 or more", widths)


def activation_class(name: str) -> type:
    """The class of torch.nn. Raises ConfigError where there is none of that name. Loads torch."""
    from agents.encoding import find_class

    found = find_class(f"torch.nn.{name}")
    if found is None:
        raise ConfigError(f"torch.nn has no activation {name!r}", "try Tanh, ReLU or SiLU", key="activation")
    return found


def split(settings: Settings, policy: Iterable[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The settings as arguments of an algorithm, and the ones that its policy takes under its own names."""
    plain = {field.name: getattr(settings, field.name) for field in fields(settings)}
    return plain, {name: plain.pop(name) for name in policy}


def _is(value: Any, kind: type) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)
