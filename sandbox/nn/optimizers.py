"""Optimisers by the names that people know them by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.optim import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop

from sandbox.nn.fit_settings import FitSettings


def build_optimizer(
    model: nn.Module, settings: FitSettings, rates: Mapping[nn.Parameter, float] | None = None
) -> Optimizer:
    """The optimiser of the settings for all parameters that learn.

    Norms, biases and other vectors get no weight decay: it would pull a scale of 1 to 0.

    Args:
        rates: parts of the learning rate, for parameters that follow only a part of it.
    """
    learning = [part for part in model.parameters() if part.requires_grad]
    groups: list[dict[str, Any]] = []
    for share, members in _by_rate(learning, rates or {}).items():
        matrices = [part for part in members if part.ndim > 1]
        vectors = [part for part in members if part.ndim <= 1]
        groups.append({"params": matrices, "weight_decay": settings.weight_decay, "part": share})
        groups.append({"params": vectors, "weight_decay": 0.0, "part": share})
    rate, betas = settings.learning_rate, (settings.momentum, settings.beta2)
    fused: dict[str, Any] = {"fused": all(part.is_floating_point() for part in learning)}
    match settings.optimizer:
        case "sgd":
            return SGD(groups, rate, **fused)
        case "momentum" | "nesterov" as name:
            return SGD(groups, rate, settings.momentum, nesterov=name == "nesterov", **fused)
        case "adagrad":
            return Adagrad(groups, rate)
        case "rmsprop":
            return RMSprop(groups, rate, alpha=settings.beta2, momentum=settings.momentum)
        case "adam":
            return Adam(groups, rate, betas, **fused)
        case "adamw":
            return AdamW(groups, rate, betas, **fused)


def _by_rate(
    learning: list[nn.Parameter], rates: Mapping[nn.Parameter, float]
) -> dict[float, list[nn.Parameter]]:
    members: dict[float, list[nn.Parameter]] = {} if learning else {1.0: []}
    for part in learning:
        members.setdefault(rates.get(part, 1.0), []).append(part)
    return members


def set_learning_rate(optimizer: Optimizer, rate: float) -> None:
    """Use `rate`, or its part of it, in each group from the next step on."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["part"]


def clip(model: nn.Module, longest: float) -> torch.Tensor | None:
    """Shorten the gradient to `longest`; returns its length before. With 0 nothing is clipped: None."""
    return None if longest == 0 else nn.utils.clip_grad_norm_(model.parameters(), longest)


def optimizer_state(optimizer: Optimizer) -> dict[str, Any]:
    """What the optimiser remembers of each parameter, by its number; hyperparameters are the settings'."""
    return {str(number): dict(values) for number, values in optimizer.state_dict()["state"].items()}


def load_optimizer_state(optimizer: Optimizer, state: Mapping[str, Any]) -> None:
    """Take over what `optimizer_state` gave.

    Raises:
        ValueError, IndexError: it is that of another number of parameters.
    """
    parts = [part for group in optimizer.param_groups for part in group["params"]]
    if len(state) > len(parts):
        raise ValueError(f"the optimiser has {len(parts)} parameters, the state {len(state)}")
    numbered = {
        int(number): {name: _laid_out_as(parts[int(number)], value) for name, value in values.items()}
        for number, values in state.items()
    }
    optimizer.load_state_dict({"state": numbered, "param_groups": optimizer.state_dict()["param_groups"]})


def _laid_out_as(part: torch.Tensor, value: Any) -> Any:
    """The same numbers in the memory format of their parameter: fused optimisers look at memory alone."""
    if not isinstance(value, torch.Tensor) or value.shape != part.shape:
        return value
    return torch.empty_like(part, dtype=value.dtype).copy_(value)
