"""Which runs are seeds of one thing: groups by what sets runs apart, and labels that say what it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from sandbox.core.errors import UnknownName

WITHOUT_EFFECT = {"seed", "run", "checkpoint_every", "keep_checkpoints", "video_every", "data_dir"}
"""Settings that change neither what is learned nor how it is measured, and the names of single runs."""
_ALGORITHM = {"algo", "model"}  # a classifier's is its model
MOST_PARTS = 4
"""of a label, before it names no more than what is needed to tell the groups apart"""


class HasSettings(Protocol):
    """What can be grouped."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """Dotted keys and values, ``algo``, ``seed`` and ``run`` among them."""
        ...


R = TypeVar("R", bound=HasSettings)


@dataclass(frozen=True)
class Group(Generic[R]):
    """Runs that are seeds of one thing."""

    label: str
    named: list[str]
    """the settings that the label tells"""
    settings: dict[str, Any]
    """what sets this group apart from the others; None for a key that it does not have"""
    runs: list[R]


def group_runs(runs: Sequence[R], by: Sequence[str] = ()) -> list[Group[R]]:
    """Group runs that have the same settings, in their order; with keys in ``by``, those decide alone.

    Raises:
        UnknownName: No run has a setting of that name.
    """
    apart = [_full_key(key, runs) for key in by] if by else _differing(runs)
    together: dict[str, list[R]] = {}
    for run in runs:
        together.setdefault(repr([run.settings.get(key) for key in apart]), []).append(run)
    first = [group[0].settings for group in together.values()]
    groups = []
    for settings, members in zip(first, together.values(), strict=True):
        named = _telling(settings, first, apart, spell_out=bool(by))
        label = " ".join(_told(key, settings.get(key)) for key in named)
        groups.append(Group(label, named, {key: settings.get(key) for key in apart}, members))
    return groups


def differing_within(group: Group[Any]) -> list[str]:
    """The settings in which the runs of one group differ all the same: grouped by hand, they may."""
    return _differing(group.runs)


def repeats(runs: Sequence[HasSettings]) -> list[int]:
    """A number for each run, the same for those that repeat each other: of one seed and the same settings."""
    seen: dict[str, int] = {}
    kept = [{k: v for k, v in run.settings.items() if k == "seed" or k not in WITHOUT_EFFECT} for run in runs]
    return [seen.setdefault(repr(sorted(settings.items())), len(seen)) for settings in kept]


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested tables as one, with dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def short(key: str) -> str:
    """``n_steps`` for ``settings.n_steps``."""
    return key.rpartition(".")[2]


def _differing(runs: Sequence[HasSettings]) -> list[str]:
    """The keys, in their order, whose values are not the same in all runs."""
    keys = {key: None for run in runs for key in run.settings if key not in WITHOUT_EFFECT}
    return [key for key in keys if len({repr(run.settings.get(key)) for run in runs}) > 1]


def _full_key(key: str, runs: Sequence[HasSettings]) -> str:
    known = {name: None for run in runs for name in run.settings}
    found = [name for name in known if name == key] or [name for name in known if short(name) == key]
    if len(found) == 1:
        return found[0]
    if found:
        raise UnknownName("setting", key, found)
    differing = ", ".join(short(name) for name in _differing(runs)) or "nothing"
    raise UnknownName(
        "setting", key, {short(name) for name in known}, hint=f"the runs differ in: {differing}"
    )


def _telling(
    settings: Mapping[str, Any], groups: Sequence[Mapping[str, Any]], apart: Sequence[str], spell_out: bool
) -> list[str]:
    """The keys that name one of ``groups``: its algorithm, and what sets it apart from others of that one."""
    alike = [other for other in groups if other.get("algo") == settings.get("algo")]
    keys = [key for key in apart if key not in _ALGORITHM]
    if not spell_out:
        keys = [key for key in keys if len({repr(other.get(key)) for other in alike}) > 1]
        if len(keys) > MOST_PARTS:
            keys = _needed(alike, keys)
    with_algorithm = not keys or bool(_ALGORITHM & set(apart))
    return ["algo"] * with_algorithm + keys


def _needed(alike: Sequence[Mapping[str, Any]], keys: list[str]) -> list[str]:
    """The first of ``keys`` that together tell all of ``alike`` apart."""
    chosen: list[str] = []
    told_apart = 1
    for key in keys:
        count = len({repr([other.get(name) for name in [*chosen, key]]) for other in alike})
        if count > told_apart:
            chosen, told_apart = [*chosen, key], count
    return chosen


def _told(key: str, value: Any) -> str:
    """``n_steps=32``; algorithms and runs are called by their names alone."""
    if key in ("algo", "run"):
        return str(value)
    if value is None:
        return f"without {short(key)}"
    if isinstance(value, bool):
        return f"{short(key)}={'yes' if value else 'no'}"
    return f"{short(key)}={value}"
