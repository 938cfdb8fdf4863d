"""From what a person typed to a config with nothing left open."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sandbox.core.config import from_mapping, parse_assignments, read_toml
from sandbox.core.errors import UsageError
from sandbox.data.catalog import Entry, entry
from sandbox.nn.fit_settings import FitSettings
from sandbox.supervised.config import ClassifierConfig
from sandbox.supervised.presets import preset

QUICK = 10
"""`--quick` leaves this part of the budget"""


@dataclass(frozen=True)
class Budget:
    """How long to train: one of three, or what the preset says."""

    epochs: float | None = None
    steps: int | None = None
    max_minutes: float | None = None

    def __post_init__(self) -> None:
        given = {name: value for name, value in vars(self).items() if value is not None}
        if len(given) > 1:
            names = " and ".join(f"--{name.replace('_', '-')}" for name in given)
            raise UsageError(f"{names} are two budgets", hint="give one of them")
        for name, value in given.items():
            if not 0 < value < math.inf:
                raise UsageError(f"--{name.replace('_', '-')} must be above 0, not {value}")

    def with_steps(self, steps: int) -> Budget:
        """The budget of `--set steps=…`, which means the same as `--steps`."""
        if self.steps is not None:
            raise UsageError("--steps and --set steps are two budgets", hint="give one of them")
        return replace(self, steps=steps)


def resolve_config(
    data: str,
    changes: Mapping[str, Any],
    *,
    settings: Sequence[str] = (),
    budget: Budget,
    config: Path | None = None,
    quick: bool = False,
    root: Path | None = None,
) -> ClassifierConfig:
    """Preset of model and data, then the config file, then the options: each changes what came before.

    Args:
        data: name of the data set; empty to take the config file's.
        changes: fields of `ClassifierConfig` that were given as options.
        settings: `KEY=VALUE` texts for the hyperparameters.
        budget: how long; `max_minutes` leaves the steps of the preset, to be replaced by measured ones.
        config: a TOML file of `ClassifierConfig`'s form; what it leaves out comes from the preset.
        quick: a tenth of the budget.
        root: folder with the runs, among them one to start from.

    Raises:
        UsageError, NotFound: one line that says what is wrong with which option, key or name.
    """
    values, lines = ({}, {}) if config is None else read_toml(config)
    if not data and not isinstance(values.get("data"), str):
        raise UsageError("which data?", hint="python -m sandbox train-classifier mnist")
    known = entry(data or values["data"])
    merged: dict[str, Any] = {"threads": os.cpu_count() or 1, **values, **changes, "data": known.name}
    tuned = preset(str(merged.get("model", "backbone")), known.name)
    typed = parse_assignments(settings, FitSettings)
    if "steps" in typed:
        budget = budget.with_steps(typed.pop("steps"))
    own = values.get("fit", {})
    merged["fit"] = {**tuned["fit"], **(own if isinstance(own, Mapping) else {}), **typed}
    if merged.get("init_from") is not None:
        from sandbox.nn.transfer import adopted  # loads torch

        merged |= adopted(str(merged["init_from"]), changes.get("backbone"), root)
    resolved = from_mapping(ClassifierConfig, merged, source=config, lines=lines)
    kept = budget == Budget() and "steps" in merged["fit"]
    steps = resolved.fit.steps if kept else _steps(budget, resolved, known, tuned["epochs"])
    return with_steps(resolved, max(1, steps // QUICK) if quick else steps)


def with_steps(config: ClassifierConfig, steps: int) -> ClassifierConfig:
    """The same config with another budget."""
    return replace(config, fit=replace(config.fit, steps=steps))


def _steps(budget: Budget, config: ClassifierConfig, known: Entry, epochs: float) -> int:
    if budget.steps is not None:
        return int(budget.steps)
    pictures = config.pictures or known.counts["train"]
    return max(1, math.ceil((budget.epochs or epochs) * pictures / config.fit.batch_size))
