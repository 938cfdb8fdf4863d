"""What a search is: in its `config.toml` and in Python. Loads no torch."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sandbox.core.config import Count
from sandbox.core.errors import ConfigError
from sandbox.supervised.config import ClassifierConfig
from sandbox.supervised.resolve import with_steps
from sandbox.supervised.search.space import applied

Method = Literal["random", "grid", "tpe"]
Equal = Literal["pictures", "steps"]
LOOKS = 5
"""of each trial at the validation pictures, evenly spaced, so that trials can be compared on the way"""


@dataclass(frozen=True)
class SearchConfig:
    """One run of `search`, with nothing left open."""

    start: ClassifierConfig
    """what trial 0 trains with, and what all others have but for the settings that are searched"""
    space: dict[str, str] = field(default_factory=dict)
    """each setting that is searched: LOW..HIGH, or a,b,c"""
    method: Method = "random"
    """random; grid, all combinations; or tpe, which prefers what was good before (Bergstra et al. 2011)"""
    trials: Count = 20
    """how many, trial 0 among them"""
    equal: Equal = "pictures"
    """what all trials have the same budget of, whatever their batch size: pictures seen, or steps"""
    prune: bool = True
    """stop a trial at its second look, where it is worse than half of the others were"""

    def __post_init__(self) -> None:
        if self.trials < 2:
            raise ConfigError(f"trials must be at least 2, not {self.trials}", key="trials")
        if not self.space:
            raise ConfigError("the space of a search is empty", key="space")

    @property
    def seed(self) -> int:
        """Decides which settings are tried, and everything random in each trial."""
        return self.start.seed

    def of_trial(self, values: Mapping[str, Any]) -> ClassifierConfig:
        """The config of a trial with these settings, which `train-classifier` can repeat.

        Raises:
            ConfigError: the settings do not fit together.
        """
        config = applied(self.start, values)
        if self.equal == "pictures":
            seen = self.start.fit.steps * self.start.fit.batch_size
            config = with_steps(config, max(1, round(seen / config.fit.batch_size)))
        if config.fit.eval_every:
            return config
        looks = dataclasses.replace(config.fit, eval_every=math.ceil(config.fit.steps / LOOKS))
        return dataclasses.replace(config, fit=looks)
