"""What stands beside the picture: the numbers of a moment, as text and bars. Drawn by `sandbox.ui.panel`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from gymnasium import Space, spaces

from sandbox.ui.actor import View
from sandbox.ui.stage import Scene


@dataclass(frozen=True)
class Bar:
    """One line of the list of actions."""

    label: str
    text: str
    start: float
    """where it begins, 0 (left) to 1"""
    end: float
    mark: float | None = None
    """a tick, 0 to 1: the mean of a continuous action"""
    chosen: bool = False
    """the action that comes next"""


@dataclass(frozen=True)
class Hud:
    """Everything that the panel says."""

    title: str
    subtitle: str
    rows: tuple[tuple[str, str], ...]
    """names and numbers"""
    heading: str = ""
    """above the bars"""
    bars: tuple[Bar, ...] = ()
    keys: tuple[tuple[str, str], ...] = ()
    """the keys with which a person plays, and what they do"""
    status: tuple[tuple[str, str], ...] = ()
    """short states and the name of their colour in the palette: paused, recording"""
    footer: str = ""


@dataclass(frozen=True)
class Surroundings:
    """What the panel needs besides the scene."""

    title: str
    actor: str
    action_space: Space[Any]
    name_of: Callable[[Any], str] = str
    """what an action is called"""
    keys: tuple[tuple[str, str], ...] = ()
    status: tuple[tuple[str, str], ...] = ()
    footer: str = ""
    best: float | None = field(default=None)
    """best return of the episodes so far; shown to people who play"""


def hud_of(scene: Scene, around: Surroundings) -> Hud:
    """The panel's text for a scene."""
    view = scene.view
    rows = [("return", number(scene.total)), ("step", f"{scene.step:,}"), ("episode", f"{scene.episode:,}")]
    if view is not None and view.value is not None:
        rows.append(("value", number(view.value)))
    if around.best is not None:
        rows.append(("best", number(around.best)))
    heading, bars = ("", ()) if view is None else bars_of(view, around.action_space, around.name_of)
    return Hud(
        around.title, around.actor, tuple(rows), heading, bars, around.keys, around.status, around.footer
    )


def bars_of(
    view: View, space: Space[Any], name_of: Callable[[Any], str] = str
) -> tuple[str, tuple[Bar, ...]]:
    """A heading and a bar for each action, or for each number of a continuous one."""
    if view.q_values is not None:
        return "Q-values", _q_bars(view, name_of)
    if view.probabilities:
        single = len(view.probabilities) == 1
        chosen = np.atleast_1d(view.action)
        bars = [
            Bar(
                name_of(option) if single else f"{place}: {option}",
                percent(float(p)),
                0.0,
                float(p),
                chosen=int(chosen.flat[place]) == option,
            )
            for place, options in enumerate(view.probabilities)
            for option, p in enumerate(options)
        ]
        return "action probabilities", tuple(bars)
    if view.mean is not None and isinstance(space, spaces.Box):
        spread = view.spread
        heading = "action" if spread is None else "action, mean ± spread"
        return heading, _continuous_bars(view.mean.ravel(), spread, space)
    return "", ()


def number(value: float) -> str:
    """A number of at most five digits, with a real minus: ``−12.5``, ``200``, ``0.031``."""
    if not np.isfinite(value):
        return str(value).replace("-", "−")
    if float(value).is_integer():
        text = f"{value:,.0f}"
    else:
        digits = 3 if abs(value) < 1 else 2 if abs(value) < 100 else 1
        text = f"{value:,.{digits}f}"
    return text.replace("-", "−")


def percent(probability: float) -> str:
    """``87 %``; what is neither 0 nor 1 never looks so."""
    if 0 < probability < 0.01:
        return "< 1 %"
    if 0.99 < probability < 1:
        return "> 99 %"
    return f"{100 * probability:.0f} %"


def _q_bars(view: View, name_of: Callable[[Any], str]) -> tuple[Bar, ...]:
    """Bars from the worst to the best action."""
    values = np.asarray(view.q_values, float).ravel()
    low, width = values.min(), np.ptp(values) or 1.0
    return tuple(
        Bar(name_of(action), number(float(q)), 0.0, float((q - low) / width), chosen=action == view.action)
        for action, q in enumerate(values)
    )


def _continuous_bars(means: np.ndarray, spread: np.ndarray | None, space: spaces.Box) -> tuple[Bar, ...]:
    """For each number a bar from mean − spread to mean + spread, between the bounds of the space."""
    spreads: Sequence[float] = np.zeros(len(means)).tolist() if spread is None else spread.ravel().tolist()
    bars = []
    for place, (mean, std, low, high) in enumerate(
        zip(means.tolist(), spreads, space.low.ravel().tolist(), space.high.ravel().tolist(), strict=True)
    ):
        start, mark, end = (
            float(np.clip((x - low) / (high - low), 0, 1)) if np.isfinite(high - low) else 0.5
            for x in (mean - std, mean, mean + std)
        )
        text = f"{mean:+.2f}".replace("-", "−") + ("" if spread is None else f" ± {std:.2f}")
        bars.append(Bar(str(place) if len(means) > 1 else "", text, start, end, mark))
    return tuple(bars)
