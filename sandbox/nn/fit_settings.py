"""How something is fitted: a part of the config of every supervised and generative run. Loads no torch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from sandbox.core.config import Count
from sandbox.core.errors import ConfigError

Optimizer = Literal["sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw"]
Schedule = Literal["constant", "step", "cosine", "one_cycle", "cyclical", "warm_restarts"]


@dataclass(frozen=True)
class FitSettings:
    """Hyperparameters of the fit loop; `--set KEY=VALUE` changes one."""

    steps: Count = 1_000
    """gradient steps; what `--epochs` and `--max-minutes` are turned into"""
    batch_size: Count = 128
    """pictures per gradient step"""
    optimizer: Optimizer = "adamw"
    """sgd, momentum, nesterov, adagrad, rmsprop, adam or adamw"""
    learning_rate: float = 1e-3
    """of the schedule's highest point"""
    momentum: float = 0.9
    """of momentum, nesterov and rmsprop; the first beta of adam and adamw"""
    beta2: float = 0.999
    """adam, adamw and rmsprop: decay of the squared gradients' average"""
    weight_decay: float = 0.0
    """pull of the weights to zero (decoupled in adamw); never of norms and biases"""
    schedule: Schedule = "one_cycle"
    """constant, step, cosine, one_cycle, cyclical or warm_restarts; each fits the budget"""
    warmup_steps: Count = 0
    """steps in which the rate grows linearly from zero, before the schedule is followed"""
    frozen_steps: Count = 0
    """steps at the beginning in which what was learned elsewhere stays as it is, and only the head learns"""
    fine_rate: float = 0.1
    """after them: the learning rate, as a part of `learning_rate`"""
    stage_rate: float = 0.5
    """after them: rate of each stage, as a part of that of the stage above it"""
    clip_norm: float = 0.0
    """longest gradient; 0 for any"""
    ema_decay: float = 0.0
    """averages the weights, as 0.999; the average is what is evaluated and kept; 0 for no average"""
    autocast: bool = False
    """compute in bfloat16 where torch thinks it safe"""
    compile: bool = False
    """let torch.compile make the step faster; worth its minute in long runs only"""
    log_every: Count = 50
    """steps between two lines of metrics"""
    eval_every: Count = 0
    """steps between looks at the validation data; 0 for once an epoch"""
    patience: Count = 0
    """stop after this many looks without a better one; 0 for never"""

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "log_every"):
            _require(getattr(self, name) >= 1, name, "at least 1", getattr(self, name))
        for name in ("eval_every", "patience", "warmup_steps", "frozen_steps"):
            _require(getattr(self, name) >= 0, name, "0 or more", getattr(self, name))
        _require(0 < self.learning_rate < math.inf, "learning_rate", "above 0", self.learning_rate)
        _require(0 <= self.weight_decay < math.inf, "weight_decay", "0 or more", self.weight_decay)
        for name in ("fine_rate", "stage_rate"):
            _require(0 < getattr(self, name) <= 1, name, "above 0 and at most 1", getattr(self, name))
        for name in ("momentum", "beta2", "ema_decay"):
            value = getattr(self, name)
            _require(0 <= value < 1, name, "at least 0 and below 1", value)
        _require(0 <= self.clip_norm < math.inf, "clip_norm", "0 or more", self.clip_norm)


def _require(holds: bool, name: str, rule: str, value: object) -> None:
    if not holds:
        raise ConfigError(f"{name} must be {rule}, not {value}", key=name)
