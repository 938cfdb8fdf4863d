"""From what a person typed to a config with nothing left open."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sandbox.core.config import from_mapping, parse_assignments, read_toml
from sandbox.core.errors import UsageError
from sandbox.core.machine import default_threads
from sandbox.core.runs import find_run
from sandbox.data.catalog import FOLDER, FRAMES, canonical, entry
from sandbox.nn import budget as budgets
from sandbox.nn.budget import QUICK, Budget, logged_often
from sandbox.nn.fit_settings import FitSettings
from sandbox.supervised.config import HF, MODEL_FOLDER, ClassifierConfig, Frozen
from sandbox.supervised.presets import preset

LOOKS = 10
"""at the validation pictures, at most, where only some pictures learn"""
HEAD_SHARE = 0.3
"""part of the budget in which only the head learns, where the backbone is fine-tuned after it"""


def resolve_config(
    data: str,
    changes: Mapping[str, Any],
    *,
    settings: Sequence[str] = (),
    budget: Budget,
    config: Path | None = None,
    frozen: Frozen | None = None,
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
        frozen: how long a backbone from elsewhere stays as it is; None for what the config file says.
        quick: a tenth of the budget.
        root: folder with the runs, among them one to start from.

    Raises:
        UsageError, NotFound: one line that says what is wrong with which option, key or name.
    """
    values, lines = ({}, {}) if config is None else read_toml(config)
    if not data and not isinstance(values.get("data"), str):
        raise UsageError("which data?", hint="such as mnist; all of them: python -m sandbox list data")
    name = canonical(data or values["data"])
    merged: dict[str, Any] = {"threads": default_threads(), **values, **changes, "data": name}
    if merged.get("init_from") is not None:
        merged |= _start(str(merged["init_from"]), merged, changes, root)
    elif frozen:
        raise UsageError(
            "--freeze and --fine-tune are about what was learned elsewhere", hint="add --init-from RUN"
        )
    elif merged.get("model") == "hf":
        raise UsageError("--model hf is a model of Hugging Face's", hint="say which: --init-from hf:NAME")
    own = values.get("fit", {}) if isinstance(values.get("fit", {}), Mapping) else {}
    if merged.get("model") == "hf" and "frozen_steps" not in own:
        frozen = frozen or "all"  # what else would take hours without a GPU
    tuned = preset(str(merged.get("model", "backbone")), name)
    typed = parse_assignments(settings, FitSettings)
    if "steps" in typed:
        budget = budget.with_steps(typed.pop("steps"))
    frozen_steps = typed.pop("frozen_steps", None)
    merged["fit"] = {**tuned["fit"], **own, **typed}
    resolved = from_mapping(ClassifierConfig, merged, source=config, lines=lines)
    kept = budget == Budget() and "steps" in merged["fit"]
    steps = resolved.fit.steps if kept else _steps(budget, resolved, tuned["epochs"])
    resolved = with_steps(resolved, max(1, steps // QUICK) if quick else steps)
    resolved = _seen_often_enough(resolved, {*own, *typed})
    if frozen_steps is None:
        return resolved if frozen is None else _freezing(resolved, frozen)
    return replace(resolved, fit=replace(resolved.fit, frozen_steps=frozen_steps))


def with_steps(config: ClassifierConfig, steps: int) -> ClassifierConfig:
    """The same config with another budget, of which the backbone is frozen for the same part."""
    return replace(config, fit=budgets.with_steps(config.fit, steps))


def _seen_often_enough(config: ClassifierConfig, given: set[str]) -> ClassifierConfig:
    """Short runs are logged more often; where few pictures learn, more are not looked at all the time."""
    fit = config.fit
    if "log_every" not in given:
        fit = logged_often(fit)
    if "eval_every" not in given and config.pictures is not None:
        epoch = math.ceil(config.pictures / fit.batch_size)
        fit = replace(fit, eval_every=max(epoch, math.ceil(fit.steps / LOOKS)))
    return replace(config, fit=fit)


def _freezing(config: ClassifierConfig, frozen: Frozen) -> ClassifierConfig:
    steps = config.fit.steps if frozen == "all" else max(1, round(config.fit.steps * HEAD_SHARE))
    return replace(config, fit=replace(config.fit, frozen_steps=steps))


def _start(
    source: str, merged: Mapping[str, Any], changes: Mapping[str, Any], root: Path | None
) -> dict[str, Any]:
    """What follows from where a run starts: the backbone's preset, or another kind of model."""
    source = _of_run(source, root)
    if not source.startswith(HF):
        from sandbox.nn.transfer import adopted  # loads torch

        return adopted(source, changes.get("backbone"), root)
    from sandbox.supervised.hf import described, located, side_of

    if changes.get("model") not in (None, "hf") or changes.get("backbone") is not None:
        raise UsageError(f"{source} brings its own network", hint="leave --model and --backbone out")
    found: dict[str, Any] = {"model": "hf", "init_from": located(source)}
    if merged.get("size") is None and str(merged["data"]).startswith(FOLDER):
        found["size"] = side_of(*described(source))
    return found


def _of_run(source: str, root: Path | None) -> str:
    """The source, or the vision model of Hugging Face's that it is a run of."""
    if source.startswith(HF) or Path(source).is_file():
        return source
    folder = Path(source) if Path(source).is_dir() else find_run(source, root).path
    return f"{HF}{folder / MODEL_FOLDER}" if (folder / MODEL_FOLDER).is_dir() else source


def _steps(budget: Budget, config: ClassifierConfig, epochs: float) -> int:
    if budget.steps is not None:
        return int(budget.steps)  # the pictures need not be counted
    pictures = config.pictures or _training_pictures(config)
    return budget.steps_for(pictures, config.fit.batch_size, epochs)


def _training_pictures(config: ClassifierConfig) -> int:
    if not config.data.startswith((FOLDER, FRAMES)):
        return entry(config.data).counts["train"]
    from sandbox.supervised.pictures import load_pictures

    return len(load_pictures(config).train)
