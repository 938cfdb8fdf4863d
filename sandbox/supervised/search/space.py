"""What a search may choose: settings by their names, each a range or a list."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.core.config import field_types
from sandbox.core.errors import ConfigError, UnknownName, UsageError
from sandbox.core.values import from_text
from sandbox.nn.fit_settings import FitSettings
from sandbox.supervised.config import ClassifierConfig

Value = float | int | str | bool
Values = dict[str, Value]
"""what was chosen, by the setting's name"""

FIXED = {
    *("data", "seed", "device", "threads", "data_dir", "pictures", "checkpoint_every", "keep_checkpoints"),
    *("fit", "size", "colours", "steps", "log_every", "eval_every", "patience", "compile"),
}
"""what decides which pictures are seen, for how long, and on what: one search has one of each"""
LOGARITHMIC = 10
"""a range whose ends are so many times apart is searched on a logarithmic scale"""
GRID_POINTS = 5
"""of a range in a grid"""


@dataclass(frozen=True)
class Choice:
    """A setting that may be any of a few values."""

    name: str
    options: tuple[Value, ...]

    def points(self) -> tuple[Value, ...]:
        """What a grid tries."""
        return self.options

    def holds(self, value: Any) -> bool:
        """Whether the search could choose `value`."""
        return value in self.options


@dataclass(frozen=True)
class Range:
    """A setting that may be any number between two, both included."""

    name: str
    low: float
    high: float
    whole: bool

    @property
    def logarithmic(self) -> bool:
        """Whether equal factors are equally likely, and not equal steps."""
        return self.low > 0 and self.high >= LOGARITHMIC * self.low

    def points(self) -> tuple[Value, ...]:
        """What a grid tries: evenly spaced, both ends included."""
        parts = [index / (GRID_POINTS - 1) for index in range(GRID_POINTS)]
        if self.logarithmic:
            found = [self.low * (self.high / self.low) ** part for part in parts]
        else:
            found = [self.low + (self.high - self.low) * part for part in parts]
        if self.whole:
            return tuple(dict.fromkeys(round(value) for value in found))
        return tuple(dict.fromkeys(float(f"{value:.4g}") for value in found))

    def holds(self, value: Any) -> bool:
        """Whether the search could choose `value`."""
        return isinstance(value, int | float) and self.low <= value <= self.high


Dimension = Choice | Range


def read_space(texts: Sequence[str]) -> dict[str, str]:
    """`KEY=LOW..HIGH` and `KEY=a,b,c` as a dict from setting to what stands behind the equals sign.

    Raises:
        ConfigError: a text is of neither form.
    """
    space: dict[str, str] = {}
    for text in texts:
        name, equals, wanted = (part.strip() for part in text.partition("="))
        if not equals or not name or not wanted:
            raise ConfigError(
                f"--space {text!r} is not of the form KEY=LOW..HIGH or KEY=a,b,c",
                hint="for example: --space learning_rate=1e-4..1e-1 --space batch_size=32,64,128",
            )
        space[name.replace("-", "_")] = wanted
    return space


def dimensions(space: Mapping[str, str], start: ClassifierConfig) -> list[Dimension]:
    """The dimensions that `space` describes, each end and option checked by building a config with it.

    Raises:
        ConfigError, UsageError: a setting that is unknown or cannot be searched, or an unfit value.
    """
    found = [_dimension(name, text) for name, text in space.items()]
    for one in found:
        for value in (one.low, one.high) if isinstance(one, Range) else one.options:
            try:
                applied(start, {one.name: int(value) if isinstance(one, Range) and one.whole else value})
            except ConfigError as error:
                raise ConfigError(f"--space {one.name}: {error.message}", error.hint, key=one.name) from None
    return found


def applied(start: ClassifierConfig, values: Mapping[str, Any]) -> ClassifierConfig:
    """`start` with other settings; those of the fit loop go where they belong.

    Raises:
        ConfigError: they do not fit together.
    """
    inner = field_types(FitSettings)
    fit = {name: value for name, value in values.items() if name in inner}
    outer = {name: value for name, value in values.items() if name not in inner}
    return dataclasses.replace(start, fit=dataclasses.replace(start.fit, **fit), **outer)


def chosen(config: ClassifierConfig, names: Sequence[str]) -> Values:
    """What `config` has for these settings."""
    inner = field_types(FitSettings)
    return {name: getattr(config.fit if name in inner else config, name) for name in names}


def default_space(start: ClassifierConfig, method: str) -> dict[str, str]:
    """What is searched when nobody says what: around the preset's own settings."""
    fit = start.fit
    rate, batch = fit.learning_rate, fit.batch_size
    space = {
        "learning_rate": f"{rate / 10:.3g}..{rate * 10:.3g}",
        "batch_size": f"{max(1, batch // 2)},{batch},{2 * batch}",
    }
    if method == "grid":
        return space
    decoupled = fit.optimizer == "adamw"
    space["weight_decay"] = "0.001..1" if decoupled else "1e-6..0.01"
    if fit.ema_decay > 0:
        space["ema_decay"] = "0,0.95,0.98,0.99"
    return space


def grid_size(space: Sequence[Dimension]) -> int:
    """How many combinations there are."""
    return math.prod(len(one.points()) for one in space)


def combination(space: Sequence[Dimension], number: int) -> Values:
    """One of all combinations, by its number from 0 on; the last dimension changes fastest."""
    found: Values = {}
    for one in reversed(space):
        points = one.points()
        number, place = divmod(number, len(points))
        found[one.name] = points[place]
    return {one.name: found[one.name] for one in space}


def number_of(space: Sequence[Dimension], values: Values) -> int | None:
    """Which `combination` these values are; None where they are none."""
    number = 0
    for one in space:
        points = one.points()
        if values[one.name] not in points:
            return None
        number = number * len(points) + points.index(values[one.name])
    return number


def _dimension(name: str, text: str) -> Dimension:
    types = {**field_types(ClassifierConfig), **field_types(FitSettings)}
    if name in FIXED or name not in types:
        known = sorted(set(types) - FIXED)
        if name in types:
            raise UsageError(f"--space: {name} cannot be searched", hint=f"known: {', '.join(known)}")
        raise UnknownName("setting", name, known)
    low, dots, high = text.partition("..")
    if not dots:
        options = tuple(_value(name, part.strip(), types[name]) for part in text.split(",") if part.strip())
        if len(set(options)) < len(options) or len(options) < 2:
            raise UsageError(f"--space {name}: {text!r} is no list of two or more different values")
        return Choice(name, options)
    ends = [_value(name, end.strip(), types[name]) for end in (low, high)]
    if not all(isinstance(end, int | float) and not isinstance(end, bool) for end in ends):
        raise UsageError(f"--space {name}: only numbers have ranges", hint=f"--space {name}=a,b,c")
    first, last = float(ends[0]), float(ends[1])
    if not -math.inf < first < last < math.inf:
        raise UsageError(f"--space {name}: {text} does not go from a lower number to a higher one")
    return Range(name, first, last, whole=all(isinstance(end, int) for end in ends))


def _value(name: str, text: str, target: Any) -> Any:
    try:
        return from_text(text, target)
    except ValueError as error:
        raise ConfigError(f"--space {name}: {error}", key=name) from None
