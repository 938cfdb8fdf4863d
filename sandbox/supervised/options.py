"""The options that say what is fitted: those of `train-classifier`, and of what is tried out before it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from tyro.conf import Positional, UseAppendAction, arg

from sandbox.core.config import Count
from sandbox.core.errors import UsageError
from sandbox.data.form import Colours
from sandbox.nn.budget import Budget
from sandbox.nn.presets import PresetName
from sandbox.supervised.config import ClassifierConfig, Frozen, Model
from sandbox.supervised.resolve import resolve_config


@dataclass(frozen=True)
class FitOptions:
    """What is learned from what, and how; a command adds its own options to these."""

    data: Annotated[Positional[str], arg(metavar="DATA")] = ""
    """The data set; may be left out with --config."""
    model: Model | None = None
    """The shared backbone, unless given; linear, mlp and cnn are those that a course begins with."""
    backbone: PresetName | None = None
    """Size of the backbone; small, unless given."""
    init_from: str | None = None
    """Start from the backbone of this run, or of this file; or from a vision model: hf:NAME or hf:FOLDER."""
    freeze: bool = False
    """With --init-from: leave the backbone as it is, and learn a head on its features; so with hf: anyway."""
    fine_tune: bool = False
    """With --init-from: first the head; then all of it, at lower rates the lower the stage."""
    size: Count | None = None
    """Side of the pictures in pixels; the data set's own, unless given."""
    colours: Colours | None = None
    """grey or colour; the data set's own, unless given."""
    augment: bool | None = None
    """Turn, shift, scale and shade the pictures a little, anew each time."""
    mixup: float | None = None
    """Mix pictures in pairs, by shares from Beta(MIXUP, MIXUP), such as 0.2."""
    label_smoothing: float | None = None
    """Spread this part of the truth over all classes, such as 0.1."""
    balanced: bool | None = None
    """See every class equally often, however many pictures it has."""
    pictures: Count | None = None
    """Learn from this many pictures only, of all classes."""
    seed: int | None = None
    """Decides everything that is random; 0, unless given."""
    device: str | None = None
    """auto, cpu, cuda, cuda:1 or mps; auto, unless given."""
    threads: Count | None = None
    """torch's threads on the CPU; OMP_NUM_THREADS, or one for each core, unless given."""
    set: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="KEY=VALUE")] = ()
    """Change a hyperparameter, such as batch_size=64; may be repeated."""
    data_dir: Path | None = None
    """Folder with the data; SANDBOX_DATA, then the cache, unless given."""
    config: Path | None = None
    """Start from a config file, such as a run's config.toml; options change it."""

    def resolved(
        self, budget: Budget, settings: tuple[str, ...] = (), *, quick: bool = False, root: Path | None = None
    ) -> ClassifierConfig:
        """The config that `train-classifier` makes of these options; raises as `resolve_config`.

        Args:
            budget: how long.
            settings: further `KEY=VALUE` texts.
            quick: a tenth of the budget.
            root: folder with the runs, among them one to start from.
        """
        changes = {name: getattr(self, name) for name in PASSED_ON if getattr(self, name) is not None}
        if self.data_dir is not None:
            changes["data_dir"] = str(self.data_dir)
        return resolve_config(
            self.data,
            changes,
            settings=(*self.set, *settings),
            budget=budget,
            config=self.config,
            quick=quick,
            root=root,
            frozen=self._frozen(),
        )

    def _frozen(self) -> Frozen | None:
        if self.freeze and self.fine_tune:
            raise UsageError("--fine-tune begins with a frozen backbone", hint="leave --freeze out")
        return "all" if self.freeze else "first" if self.fine_tune else None

    def words(self) -> str:
        """The options that were given, as they would be typed after `train-classifier`."""
        words = [self.data] if self.data else []
        for name in (*PASSED_ON, "freeze", "fine_tune", "data_dir", "config"):
            value: Any = getattr(self, name)
            if value is True:
                words.append(f"--{name.replace('_', '-')}")
            elif value is False and name in PASSED_ON:
                words.append(f"--no-{name.replace('_', '-')}")
            elif value is not None and value is not False:
                words += [f"--{name.replace('_', '-')}", str(value)]
        for one in self.set:
            words += ["--set", one]
        return shlex.join(words)


PASSED_ON = (
    *("model", "backbone", "init_from", "size", "colours", "augment", "mixup", "label_smoothing", "balanced"),
    *("pictures", "seed", "device", "threads"),
)
"""Fields of `ClassifierConfig` of the same name."""
