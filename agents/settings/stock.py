"""Hyperparameters of the stock algorithms: a dataclass made of what an SB3 class and its policy take.

So `--set` and config files know every name, type and default of the SB3 that is installed, and refuse the
rest with a suggestion. What is an object in SB3 is written as text: activations and optimisers by the names
of their classes, schedules as `lin_0.001`, action noise by kind and deviation as in rl-baselines3-zoo.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from dataclasses import field, make_dataclass
from functools import lru_cache
from importlib import import_module
from types import UnionType
from typing import Any, ClassVar, Literal, Union

from agents.schedules import as_schedule
from sandbox.core.errors import ConfigError

from .rules import activation_class, check_counts, check_fractions, check_schedules, check_widths, require

_NOT_HERE = {"self", "policy", "env", "policy_kwargs", "tensorboard_log", "verbose", "seed", "device"}
"""arguments that a run's config has elsewhere, or that are no hyperparameters"""
_SCHEDULES = ("learning_rate", "clip_range", "clip_range_vf")
_COUNTS = (
    *("n_steps", "batch_size", "n_epochs", "buffer_size", "stats_window_size", "target_update_interval"),
    *("policy_delay", "n_quantiles", "n_critics", "lstm_hidden_size", "n_lstm_layers", "cg_max_steps"),
)
_EXPLORATION = ("exploration_fraction", "exploration_initial_eps", "exploration_final_eps")
_FRACTIONS = ("gamma", "gae_lambda", "tau", *_EXPLORATION)

Noise = Literal["none", "normal", "ornstein-uhlenbeck"]


class StockSettings:
    """What the settings of all stock algorithms do; `settings_of` adds the fields."""

    target: ClassVar[str]
    """module:class of the algorithm"""
    policy_defaults: ClassVar[dict[str, Any]]
    """fields that the policy takes, and what it takes them for by itself"""
    __dataclass_fields__: ClassVar[dict[str, Any]]

    def __post_init__(self) -> None:
        def present(names: tuple[str, ...]) -> list[str]:
            return [name for name in names if name in self.__dataclass_fields__]

        check_counts(self, present(_COUNTS))
        check_counts(self, present(("learning_starts",)), least=0)
        check_fractions(self, present(_FRACTIONS))
        check_schedules(self, present(_SCHEDULES))
        shape = getattr(self, "net_arch", None)
        for widths in shape.values() if isinstance(shape, dict) else [shape or []]:
            check_widths(widths)
        deviation = getattr(self, "noise_std", 0.0)
        require(0 <= deviation < float("inf"), "noise_std", "0 or more", deviation)

    def check_envs(self, envs: int, memory: bool = False) -> None:
        """Raise ConfigError where SB3 would train after whole episodes, but of several environments."""
        train_freq = getattr(self, "train_freq", 1)
        if envs > 1 and isinstance(train_freq, list) and "episode" in train_freq:
            raise ConfigError(
                f"train_freq {train_freq} needs one environment, not {envs}",
                hint="--envs 1, or a train_freq in steps",
                key="settings.train_freq",
            )

    def arguments(self) -> dict[str, Any]:
        """Arguments of `StockAgent`. Raises ConfigError for a class that torch does not have. Loads torch."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        # What the policy does by itself is not passed: a picture's or A2C's policy has other defaults.
        policy = {name: values.pop(name) for name in self.policy_defaults}
        policy = {name: value for name, value in policy.items() if value != self.policy_defaults[name]}
        if "activation_fn" in policy:
            policy["activation_fn"] = activation_class(policy["activation_fn"])
        if "optimizer_class" in policy:
            policy["optimizer_class"] = _optimizer_class(policy["optimizer_class"])
        for name in _SCHEDULES:
            if values.get(name) is not None:
                values[name] = as_schedule(values[name])
        if isinstance(values.get("train_freq"), list):
            values["train_freq"] = tuple(values["train_freq"])
        return {**values, "policy_kwargs": policy}

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled by name: another process makes the class anew."""
        return _again, (self.target, {name: getattr(self, name) for name in self.__dataclass_fields__})


@lru_cache
def settings_of(target: str) -> type[Any]:
    """The frozen dataclass of the stock algorithm `target`, "module:class". Loads torch."""
    module, _, name = target.partition(":")
    algorithm = getattr(import_module(module), name)
    policy = next(iter(algorithm.policy_aliases.values()))
    own = _fields(algorithm)
    of_policy = {key: kind for key, kind in _fields(policy).items() if key not in own}
    added: dict[str, tuple[Any, Any]] = {
        "normalize_observation": (bool, False),
        "normalize_reward": (bool, False),
    }
    if "action_noise" in inspect.signature(algorithm).parameters:
        added |= {"noise_type": (Noise, "none"), "noise_std": (float, 0.1)}
    every = {**own, **added, **of_policy}
    fields = [(key, kind, field(default=default)) for key, (kind, default) in every.items()]
    namespace = {
        "target": target,
        "policy_defaults": {key: default for key, (_, default) in of_policy.items()},
        "__doc__": f"Hyperparameters of {target}: its own, then those of its policy.",
        "__module__": __name__,
    }
    return make_dataclass(f"{name}Settings", fields, bases=(StockSettings,), namespace=namespace, frozen=True)


def _again(target: str, values: dict[str, Any]) -> StockSettings:
    return settings_of(target)(**values)


def _fields(cls: type[Any]) -> dict[str, tuple[Any, Any]]:
    """Type and default of everything that `cls` takes and a file can hold."""
    found: dict[str, tuple[Any, Any]] = {}
    for name, parameter in inspect.signature(cls).parameters.items():
        if name in _NOT_HERE or name.startswith("_") or parameter.default is parameter.empty:
            continue
        default = parameter.default
        if name == "activation_fn":
            found[name] = (str, default.__name__)
        elif name == "optimizer_class":
            found[name] = (str | None, None)
        elif (kind := _kind(parameter.annotation)) is not None:
            found[name] = (kind, float(default) if kind is float else default)
    return found


def _kind(annotation: Any) -> Any:
    """The type of such a value in a file; None where it holds only what a program can make."""
    several = typing.get_origin(annotation) in (Union, UnionType)
    plain = [_plain(member) for member in (typing.get_args(annotation) if several else (annotation,))]
    if None in plain:
        return None
    return Union[tuple(plain)]  # noqa: UP007 - of as many as there are


def _plain(member: Any) -> Any:
    origin = typing.get_origin(member) or member
    if origin is Callable:
        return str  # a schedule
    if origin is tuple:
        return list[Any]
    return member if origin in (bool, int, float, str, list, dict, type(None)) else None


def _optimizer_class(name: str) -> type:
    """The class of torch.optim. Raises ConfigError where there is none of that name."""
    from agents.encoding import find_class

    found = find_class(f"torch.optim.{name}")
    if found is None:
        message = f"there is no optimiser {name!r}"
        raise ConfigError(message, "try Adam, AdamW or RMSprop", key="optimizer_class")
    return found
