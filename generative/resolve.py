"""From what a person typed to a config with nothing left open."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from generative.config import CONFIGS, DDPMConfig, GeneratorConfig
from generative.presets import preset
from sandbox.core.config import from_mapping, parse_assignments, read_toml
from sandbox.core.errors import ConfigError, UnknownName, UsageError
from sandbox.core.machine import default_threads
from sandbox.data.catalog import FOLDER, FRAMES, canonical, entry
from sandbox.nn.budget import QUICK, Budget, logged_often, with_steps
from sandbox.nn.fit_settings import FitSettings

WITHOUT_OPTION = {"data", "fit", "checkpoint_every", "keep_checkpoints"}
"""fields of a config that no option of their own changes"""
FEWEST_LOOKS, MOST_LOOKS = 10, 40
"""at the validation pictures, and at samples, where an epoch does not decide"""


def resolve_config(
    kind: str,
    data: str,
    changes: Mapping[str, Any],
    *,
    settings: Sequence[str] = (),
    budget: Budget,
    config: Path | None = None,
    quick: bool = False,
    root: Path | None = None,
    timed: Callable[[GeneratorConfig], int] | None = None,
) -> GeneratorConfig:
    """Preset of kind and data, then the config file, then the options: each changes what came before.

    Args:
        kind: of model, a key of `CONFIGS`.
        data: name of the data set; empty to take the config file's.
        changes: fields of the kind's config that were given as options.
        settings: `KEY=VALUE` texts for the hyperparameters.
        budget: how long.
        config: a TOML file of the config's form; what it leaves out comes from the preset.
        quick: a tenth of the budget.
        root: folder with the runs, among them one to start from.
        timed: how many steps of a config fit into a budget of minutes.

    Raises:
        UsageError, NotFound: one line that says what is wrong with which option, key or name.
    """
    cls = CONFIGS[kind]
    _refuse_strangers(kind, changes)
    values, lines = ({}, {}) if config is None else read_toml(config)
    if not data and not isinstance(values.get("data"), str):
        raise UsageError("which data?", hint="such as mnist; all of them: python -m sandbox list data")
    name = canonical(data or values["data"])
    given = {**values, **changes}
    tuned = preset(kind, name, given.get("only", ()))
    if given.get("init_from") is not None:
        from sandbox.nn.transfer import adopted  # loads torch

        given |= adopted(str(given["init_from"]), changes.get("backbone"), root)
    own = values.get("fit", {}) if isinstance(values.get("fit", {}), Mapping) else {}
    typed = parse_assignments(
        settings, FitSettings, options={field.name for field in fields(cls)} - WITHOUT_OPTION
    )
    if "steps" in typed:
        budget = budget.with_steps(typed.pop("steps"))
    fit = {**tuned["fit"], **own, **typed}
    preferred = {key: value for key, value in tuned.items() if key not in ("epochs", "fit")}
    merged = {"threads": default_threads(), **preferred, **given, "data": name, "fit": fit}
    resolved = from_mapping(cls, merged, source=config, lines=lines)
    pictures, classes = _learned_from(resolved)
    if isinstance(resolved, DDPMConfig):
        resolved = _told(resolved, classes, values, changes)
    kept = budget == Budget() and "steps" in own
    steps = budget.steps_for(pictures, resolved.fit.batch_size, tuned["epochs"])
    steps = resolved.fit.steps if kept else steps
    resolved = replace(resolved, fit=with_steps(resolved.fit, max(1, steps // QUICK) if quick else steps))
    if timed is not None:
        resolved = replace(resolved, fit=with_steps(resolved.fit, timed(resolved)))
    return _looked_at(resolved, pictures, {*own, *typed})


def _refuse_strangers(kind: str, changes: Mapping[str, Any]) -> None:
    """Raise UsageError for an option of other kinds of model."""
    known = {other: {field.name for field in fields(its)} for other, its in CONFIGS.items()}
    strange = set(changes) - known[kind]
    if strange:
        first = min(strange)
        owners = [other for other, names in known.items() if first in names]
        option = f"--{first.replace('_', '-')}"
        raise UsageError(f"{option} is for {' and '.join(owners)}, and this is to be {kind}")


def _told(
    config: DDPMConfig, classes: int, values: Mapping[str, Any], changes: Mapping[str, Any]
) -> DDPMConfig:
    """Told the classes where there are some, unless file (`values`) or options (`changes`) say otherwise."""
    if "class_conditional" not in {*values, *changes}:
        config = replace(config, class_conditional=classes > 1)
    # What an option takes away from a file's guidance is no contradiction.
    own_choice = "guidance" in values and not {"class_conditional", "label_dropout"} & set(changes)
    return _guided(config, asked="guidance" in changes or own_choice)


def _guided(config: DDPMConfig, *, asked: bool) -> DDPMConfig:
    """Without guidance where nothing can be guided; raises ConfigError where a person `asked` for it."""
    if config.guidance == 1 or config.guidable:
        return config
    if not asked:
        return replace(config, guidance=1.0)
    if config.class_conditional:
        why = "guidance compares with pictures whose class is not told, and label_dropout is 0"
    else:
        why = "guidance pronounces a class, and this model is told none"
    raise ConfigError(f"{why}: guidance must be 1, not {config.guidance:g}", key="guidance")


def _looked_at(config: GeneratorConfig, pictures: int, given: set[str]) -> GeneratorConfig:
    """Short runs are logged more often; and about every epoch they are looked at, neither too often nor
    too rarely to see them grow."""
    fit = config.fit if "log_every" in given else logged_often(config.fit)
    if "eval_every" not in given:
        fit = replace(fit, eval_every=looks_every(fit.steps, pictures, fit.batch_size))
    return replace(config, fit=fit)


def looks_every(steps: int, pictures: int, batch_size: int) -> int:
    """Steps between two looks: an epoch, but 10 to 40 of them in all."""
    epoch = math.ceil(pictures / batch_size)
    return max(1, min(max(epoch, math.ceil(steps / MOST_LOOKS)), steps // FEWEST_LOOKS))


def _learned_from(config: GeneratorConfig) -> tuple[int, int]:
    """How many training pictures, and of how many classes, there are."""
    if not config.only and not config.data.startswith((FOLDER, FRAMES)):
        known = entry(config.data)
        return known.counts["train"], len(known.classes)
    from generative.pictures import learned_from, load_pictures

    dataset = load_pictures(config)
    # What a player did at a frame is hardly what the frame shows.
    classes = 1 if config.data.startswith(FRAMES) else len(config.only or dataset.classes)
    return len(learned_from(config, dataset).train), classes


def checked_kind(kind: str) -> str:
    """The kind of model; raises UnknownName with a suggestion."""
    if kind not in CONFIGS:
        raise UnknownName("kind of model", kind, list(CONFIGS))
    return kind
