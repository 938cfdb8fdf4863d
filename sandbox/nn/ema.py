"""Averaged weights: an exponential moving average of a model's parameters."""

from __future__ import annotations

from copy import deepcopy
from typing import Generic, TypeVar

import torch
from torch import nn

M = TypeVar("M", bound=nn.Module)


class Ema(Generic[M]):
    """A copy of `model` whose parameters are averaged over the steps; its buffers are copied.

    The average forgets faster at first, (1 + steps) / (10 + steps), as the first weights are the worst.

    Args:
        model: what is averaged; in the average no parameter asks for gradients.
        decay: weight of the past in each step, at least 0 and below 1.
    """

    def __init__(self, model: M, decay: float) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"decay must be at least 0 and below 1, not {decay}")
        self.average = deepcopy(model).eval().requires_grad_(False)
        self._decay = decay

    @torch.no_grad()
    def update(self, model: M, steps: int) -> None:
        """Take in the weights after `steps` steps of training, counted from 1."""
        weight = 1 - min(self._decay, (1 + steps) / (10 + steps))
        torch._foreach_lerp_(list(self.average.parameters()), list(model.parameters()), weight)
        for mine, theirs in zip(self.average.buffers(), model.buffers(), strict=True):
            mine.copy_(theirs)
