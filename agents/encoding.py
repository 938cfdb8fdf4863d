"""What an agent is made of, as JSON: spaces, classes by registered name, keyword arguments.

Nothing here can execute code on loading: a class comes from the table of registered ones or not at all.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common import torch_layers

from sandbox.core.errors import UnsupportedSpace

from .schedules import schedule_text

_CLASSES: dict[str, type] = {
    **{f"torch.nn.{name}": getattr(torch.nn, name) for name in torch.nn.modules.activation.__all__},
    **{
        f"torch.optim.{name}": getattr(torch.optim, name)
        for name in ("Adam", "AdamW", "SGD", "RMSprop", "RAdam", "NAdam")
    },
    **{
        f"stable_baselines3.{name}": getattr(torch_layers, name)
        for name in ("FlattenExtractor", "NatureCNN", "CombinedExtractor")
    },
}


def register_class(name: str, cls: type) -> None:
    """Make a class known under `name`: agents that use it are saved and loaded without passing it again.

    Example:
        >>> import torch
        >>> from agents import register_class
        >>> class Sine(torch.nn.Module):
        ...     def forward(self, x):
        ...         return x.sin()
        >>> register_class("docs.Sine", Sine)  # policy_kwargs={"activation_fn": Sine} can be saved now

    Raises:
        ValueError: if the name stands for another class already.
    """
    if _CLASSES.setdefault(name, cls) is not cls:
        raise ValueError(f"{name!r} is registered already, for {_CLASSES[name]}")


def find_class(name: str) -> type | None:
    """The class registered as `name`; also by its last part alone, so that "ReLU" is `torch.nn.ReLU`."""
    if name in _CLASSES:
        return _CLASSES[name]
    return next((cls for full, cls in _CLASSES.items() if full.rpartition(".")[2] == name), None)


def encode_arguments(arguments: dict[str, Any], path: str = "") -> tuple[dict[str, Any], list[str]]:
    """Keyword arguments as JSON, and the names of those that only their owner can give again.

    Classes become `{"$class": name}`; what is neither JSON, schedule nor registered class is left out and
    named.
    """
    encoded: dict[str, Any] = {}
    left_out: list[str] = []
    names = {cls: name for name, cls in reversed(_CLASSES.items())}
    for key, value in arguments.items():
        if isinstance(value, type) and value in names:
            encoded[key] = {"$class": names[value]}
        elif isinstance(value, dict):
            encoded[key], more = encode_arguments(value, f"{path}{key}.")
            left_out += more
        elif callable(value):
            text = schedule_text(value)
            if text is None:
                left_out.append(f"{path}{key}")
            else:
                encoded[key] = text
        elif _is_json(value):
            encoded[key] = value
        else:
            left_out.append(f"{path}{key}")
    return encoded, left_out


def decode_arguments(encoded: dict[str, Any]) -> dict[str, Any]:
    """The inverse of `encode_arguments`, less what was left out.

    Raises:
        ValueError: for a class name that is not registered.
    """
    arguments: dict[str, Any] = {}
    for key, value in encoded.items():
        if isinstance(value, dict) and set(value) == {"$class"}:
            cls = _CLASSES.get(str(value["$class"]))
            if cls is None:
                raise ValueError(
                    f"{value['$class']!r} is no registered class: call agents.register_class first"
                )
            arguments[key] = cls
        else:
            arguments[key] = decode_arguments(value) if isinstance(value, dict) else value
    return arguments


def encode_space(space: spaces.Space) -> dict[str, Any]:
    """A space as JSON. Raises UnsupportedSpace for a kind that agents do not know."""
    if isinstance(space, spaces.Box):
        shape, dtype = list(space.shape), str(space.dtype)
        return {
            "type": "Box",
            "low": _bounds(space.low),
            "high": _bounds(space.high),
            "shape": shape,
            "dtype": dtype,
        }
    if isinstance(space, spaces.Discrete):
        return {"type": "Discrete", "n": int(space.n), "start": int(space.start)}
    if isinstance(space, spaces.MultiDiscrete):
        return {"type": "MultiDiscrete", "nvec": space.nvec.tolist()}
    if isinstance(space, spaces.MultiBinary):
        return {"type": "MultiBinary", "n": space.n if isinstance(space.n, int) else list(space.shape)}
    if isinstance(space, spaces.Dict):
        return {"type": "Dict", "spaces": {name: encode_space(part) for name, part in space.spaces.items()}}
    raise UnsupportedSpace(f"no agent knows what to do with the space {space}")


def decode_space(encoded: dict[str, Any]) -> spaces.Space:
    """The inverse of `encode_space`. Raises ValueError, KeyError or TypeError for what it cannot have
    written."""
    kind = encoded["type"]
    if kind == "Box":
        shape, dtype = tuple(encoded["shape"]), np.dtype(encoded["dtype"])
        low, high = (np.broadcast_to(np.array(encoded[side], dtype), shape) for side in ("low", "high"))
        return spaces.Box(low.copy(), high.copy(), shape, dtype.type)
    if kind == "Discrete":
        return spaces.Discrete(encoded["n"], start=encoded["start"])
    if kind == "MultiDiscrete":
        return spaces.MultiDiscrete(encoded["nvec"])
    if kind == "MultiBinary":
        return spaces.MultiBinary(encoded["n"])
    if kind == "Dict":
        return spaces.Dict({name: decode_space(part) for name, part in encoded["spaces"].items()})
    raise ValueError(f"{kind!r} is no kind of space")


def _bounds(values: np.ndarray) -> Any:
    """One number where all bounds are equal, else all of them. Infinity is written as text: JSON has none."""
    unique = np.unique(values)
    plain = unique[0].item() if len(unique) == 1 else values.tolist()
    return _infinite_as_text(plain)


def _infinite_as_text(value: Any) -> Any:
    if isinstance(value, list):
        return [_infinite_as_text(item) for item in value]
    return str(value) if isinstance(value, float) and not np.isfinite(value) else value


def _is_json(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_json(item) for item in value)
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_json(item) for key, item in value.items())
    return value is None or isinstance(value, bool | int | float | str)
