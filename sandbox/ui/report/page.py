"""The page: what it holds, in plain values, and the HTML that is made of it. All texts are escaped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from importlib.resources import files
from pathlib import Path
from typing import Any

from markupsafe import Markup

from sandbox.core.theme import DARK, LIGHT, Palette
from sandbox.ui.report.exhibit import Figure

Fact = tuple[str, str]
"""What it is about, and what is known."""


@dataclass(frozen=True)
class Table:
    """The first cell of a row is its heading."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Chart:
    """Curves in one or two panels, under one title."""

    title: str
    panels: Sequence[Markup]
    """SVG"""
    legend: Sequence[tuple[str, str]] = ()
    """for each group the classes of its lines, and what it is"""
    caption: str = ""


@dataclass(frozen=True)
class Asked:
    """What a run was asked for."""

    command: str
    """as it was typed; empty where nobody knows"""
    changes: Sequence[tuple[str, str, str]]
    """setting, its value here, and the preset's"""
    note: str
    """what to say in place of changes"""
    config: str
    """all of config.toml"""


@dataclass(frozen=True)
class Repeat:
    """What somebody else needs to do it again."""

    commands: Sequence[Fact]
    facts: Sequence[Fact]
    tables: Sequence[Table]


@dataclass(frozen=True)
class Ancestor:
    """A run that another one started from."""

    name: str
    told: str


@dataclass(frozen=True)
class RunPart:
    """All that the page says about one run."""

    anchor: str
    name: str
    title: str
    status: str
    numbers: Sequence[tuple[str, str, str]]
    """the few that are read first: name, value, and what to know about it"""
    facts: Sequence[Fact]
    asked: Asked
    charts: Sequence[Chart]
    more: Sequence[Chart]
    """of further metrics"""
    outcome: Sequence[Fact]
    figures: Sequence[Figure]
    repeat: Repeat
    ancestors: Sequence[Ancestor]
    notes: Sequence[str]
    """what is missing, and why"""


@dataclass(frozen=True)
class TaskPart:
    """Runs of one task, side by side."""

    anchor: str
    title: str
    charts: Sequence[Chart] = ()
    tables: Sequence[Table] = ()
    more: Sequence[Chart] = ()
    """of further metrics"""
    notes: Sequence[str] = ()
    compared: Sequence[Path] = ()
    """folders of the runs whose curves are here, resolved"""


@dataclass(frozen=True)
class Page:
    """A report."""

    title: str
    made: str
    """when, and by which version"""
    runs: Sequence[RunPart]
    tasks: Sequence[TaskPart] = field(default=())

    @property
    def alone(self) -> bool:
        """Whether it is about one run."""
        return len(self.runs) == 1

    @property
    def sections(self) -> list[dict[str, str]]:
        """What there is on it, in its order: anchors and titles."""
        parts = [*self.tasks, *self.runs]
        return [{"anchor": part.anchor, "title": part.title} for part in parts]


def render(page: Page) -> str:
    """The page as HTML that needs no other file and no network."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("sandbox.ui.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html").render(page=page, style=style())


def style() -> Markup:
    """The page's CSS: the theme's two palettes as variables, and the rules."""
    rules = files("sandbox.ui.report").joinpath("page.css").read_text(encoding="utf-8")
    light, dark = _variables(LIGHT), _variables(DARK)
    return Markup(
        f":root {{{light}}}\n@media screen and (prefers-color-scheme: dark) {{ :root {{{dark}}} }}\n{rules}"
    )


def _variables(palette: Palette) -> str:
    values: dict[str, Any] = {one.name: getattr(palette, one.name) for one in fields(palette)}
    values |= {f"series-{index}": colour for index, colour in enumerate(values.pop("series"))}
    return " ".join(f"--{name}: {colour};" for name, colour in values.items())
