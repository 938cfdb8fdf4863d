"""The learning-rate range test: which rates a training bears, found by trying all of them in one go."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace

import numpy as np
import torch

from sandbox.core.errors import UsageError
from sandbox.nn.fit import Training

STEPS, LOWEST, HIGHEST = 150, 1e-5, 10.0
MEMORY, MEMORY_BOTH_WAYS = 0.9, 0.8
"""of the running mean of the losses that ends the test: about ten steps; and of the one that is drawn"""
EXPLODED = 4.0
"""times the lowest loss: from there on it only gets worse"""
LEVEL, LEVEL_PART = ("constant", "step"), 1 / 3
"""schedules that keep their highest rate for long, and the part of a peak that is right for them"""


@dataclass(frozen=True)
class Found:
    """What a range test saw, one entry a step."""

    rates: np.ndarray
    """(steps,) float64, growing geometrically"""
    losses: np.ndarray
    """(steps,) float64: of each step's batch, before its step; finite"""
    smooth: np.ndarray
    """(steps,) float64: their running mean, forwards and backwards, so that it does not lag behind"""
    exploded: bool
    """whether the loss ended the test before the highest rate was reached"""
    peak: bool = True
    """whether the training's schedule has its highest rate for a moment only"""

    @property
    def lowest(self) -> int:
        """The step at which the smoothed loss is lowest."""
        return int(self.smooth.argmin())

    @property
    def suggestion(self) -> float:
        """The rate at which the loss is lowest, with two digits; a third of it where it is kept for long.

        Smith takes the rate where the loss stops falling, too. The widespread tenth of it is for a loss that
        is smoothed in one direction only, and so lags behind.
        """
        return two_digits(float(self.rates[self.lowest]) * (1 if self.peak else LEVEL_PART))


def find_learning_rate(
    training: Training,
    *,
    steps: int = STEPS,
    lowest: float = LOWEST,
    highest: float = HIGHEST,
    after_step: Callable[[int], bool] = lambda done: True,
) -> Found:
    """Train for a few steps at rates that grow geometrically, and note each loss (Smith 2017).

    The test ends early where the loss explodes. `training` is left as it was, bit for bit, and so is torch's
    random state. Its schedule is not followed: the rate of each step is the test's.

    Args:
        steps: how many, from `lowest` to `highest`.
        after_step: is told how many steps are done; False ends the test.

    Raises:
        UsageError: the rates are no range, or the loss is no number from the beginning.
    """
    if steps < 10:
        raise UsageError(f"a range test needs at least 10 steps, not {steps}")
    if not 0 < lowest < highest < math.inf:
        raise UsageError(f"the rates must grow from above 0, not from {lowest:g} to {highest:g}")
    rates = np.geomspace(lowest, highest, steps)
    before, settings = deepcopy(training.state_dict()), training.settings
    devices = [training.device] if training.device.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices=devices):
            losses = _losses(training, rates, after_step)
    finally:
        training.settings = settings
        training.load_state_dict(before)
    if len(losses) < 2:
        raise UsageError(f"the loss is no number even at a learning rate of {lowest:g}", "try a lower --from")
    return Found(
        rates[: len(losses)],
        np.array(losses),
        _both_ways(losses),
        exploded=len(losses) < len(rates),
        peak=settings.schedule not in LEVEL,
    )


def smoothed(values: Sequence[float], memory: float = MEMORY) -> np.ndarray:
    """The running mean of `values` (n,), in which the first ones count as much as they should.

    An exponential average that begins at 0, divided by the weight that it has gathered (Kingma and Ba 2015).
    """
    mean, result = 0.0, np.empty(len(values))
    for index, value in enumerate(values):
        mean = memory * mean + (1 - memory) * value
        result[index] = mean / (1 - memory ** (index + 1))
    return result


def _both_ways(losses: Sequence[float]) -> np.ndarray:
    """`losses` (n,) smoothed forwards and backwards, without what the explosion at the end would add."""
    most = 1.2 * float(np.mean(losses[:5]))
    held = np.minimum(losses, most)
    there, back = (smoothed(one.tolist(), MEMORY_BOTH_WAYS) for one in (held, held[::-1]))
    return (there + back[::-1]) / 2


def two_digits(value: float) -> float:
    """`value` as people type it: 0.0123 becomes 0.012."""
    return float(f"{value:.1e}")


def _losses(training: Training, rates: np.ndarray, after_step: Callable[[int], bool]) -> list[float]:
    """The loss at each rate, as far as it is a number that has not exploded."""
    losses: list[float] = []
    mean = best = math.nan
    for done, rate in enumerate(rates, start=1):
        training.settings = replace(
            training.settings, learning_rate=float(rate), schedule="constant", warmup_steps=0
        )
        loss = float(training.update()["loss"])
        if not math.isfinite(loss):
            break
        losses.append(loss)
        mean = float(smoothed(losses)[-1])
        best = min(mean, best) if losses[1:] else mean
        if mean > EXPLODED * best or not after_step(done):
            break
    return losses
