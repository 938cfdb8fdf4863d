"""`list backbones`: what each preset weighs, and what it costs on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from sandbox.nn.backbone import PRESETS, Backbone, build_backbone

SHAPE = (12, 40, 40)
"""Channels, height and width of the pictures that presets are compared on: four stacked colour frames."""
BATCH, ROUNDS = 32, 3


def backbones() -> dict[str, Any]:
    """Parameters, multiply-adds of a picture, milliseconds forward and backward for a batch: measured now.

    The stock network that the times stand beside is NatureCNN of stable-baselines3 (Mnih et al. 2015).
    """
    nets: dict[str, nn.Module] = {name: build_backbone(name, SHAPE[0]) for name in PRESETS}
    nets["NatureCNN"] = nature_cnn(SHAPE)
    times = measured(nets, BATCH)
    table = []
    for name, net in nets.items():
        shape = net.preset if isinstance(net, Backbone) else None
        row = [
            name,
            str(shape.widths) if shape else "",
            shape.depth if shape else "",
            shape.stem_stride if shape else "",
        ]
        cost = f"{times[name] * 1e3:.1f} ({times[name] / times['NatureCNN']:.2f}×)"
        row += [f"{parameters(net):,}", f"{multiply_adds(net, SHAPE) / 1e6:.2f} M", cost]
        table.append(row)
    columns = ["name", "widths", "depth", "stem stride", "parameters", "multiply-adds", "ms"]
    title = f"backbones, for {BATCH} pictures of {SHAPE[0]}×{SHAPE[1]}×{SHAPE[2]}, forward and backward"
    return {"title": title, "columns": columns, "rows": table}


def parameters(net: nn.Module) -> int:
    """Number of weights."""
    return sum(part.numel() for part in net.parameters())


def multiply_adds(net: nn.Module, shape: tuple[int, int, int]) -> int:
    """Multiplications (each with an addition) for one picture of `shape`."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(torch.zeros(1, *shape))
    return counter.get_total_flops() // 2


def measured(nets: dict[str, nn.Module], batch: int, rounds: int = ROUNDS) -> dict[str, float]:
    """Seconds of a forward and backward pass, the least of `rounds` in which all nets take turns."""
    pictures = torch.rand(batch, *SHAPE) * 2 - 1
    best = dict.fromkeys(nets, float("inf"))
    for _ in range(rounds):
        for name, net in nets.items():
            best[name] = min(best[name], _seconds(lambda net=net: _last(net(pictures)).sum().backward()))
    return best


def nature_cnn(shape: tuple[int, int, int]) -> nn.Module:
    """Stock stable-baselines3's network for pictures of `shape`."""
    import numpy as np
    from gymnasium.spaces import Box
    from stable_baselines3.common.torch_layers import NatureCNN

    return NatureCNN(Box(0, 255, shape, np.uint8))


def _last(features: list[Tensor] | Tensor) -> Tensor:
    return features[-1] if isinstance(features, list) else features


def _seconds(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
