"""docs/benchmarks.md from the results: every table, every picture, and on top what is how fresh.

What stands between ``<!-- benchmark: NAME -->`` and ``<!-- end -->`` belongs to the driver.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.recipes import Recipe
from benchmarks.stages import REPOSITORY, Expectations, Stage, duration
from benchmarks.tables import days, render, revisions, update

DOCUMENT = REPOSITORY / "docs" / "benchmarks.md"
STATUS = "status"
"""The place of the table that says what is how fresh."""
MISSING = "Not measured yet."


def places(recipes: Iterable[Recipe]) -> dict[str, list[Recipe]]:
    """Place in the document -> the recipes that fill it; not of those that write their tables themselves."""
    found: dict[str, list[Recipe]] = {}
    for recipe in recipes:
        if not recipe.own:
            found.setdefault(recipe.place or recipe.name, []).append(recipe)
    return found


def records(recipes: Iterable[Recipe], results: Path) -> list[dict[str, Any]]:
    """What was measured so far, seed by seed within a recipe."""
    paths = [Stage(recipe, seed).path(results) for recipe in recipes for seed in recipe.seeds]
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths if path.exists()]


def written(document: str, recipes: Sequence[Recipe], results: Path) -> str:
    """The document with every place filled anew from the results.

    Raises ValueError when it has no place for a recipe.
    """
    for place, fillers in places(recipes).items():
        document = update(document, place, _content(fillers, records(fillers, results)))
    return update(document, STATUS, status(document, recipes, results))


def _content(fillers: Sequence[Recipe], found: Sequence[Mapping[str, Any]]) -> str:
    if not found:
        return MISSING
    first = fillers[0]
    text = render(found, first.tables, len(first.seeds))
    return f"![{first.shown}]({first.picture})\n\n{text}" if first.picture else text


def draw_pictures(recipes: Iterable[Recipe], results: Path, folder: Path) -> None:
    """Draw the pictures of those recipes' places of which something was measured."""
    for fillers in places(recipes).values():
        if fillers[0].picture and (found := records(fillers, results)):
            fillers[0].draw(found, folder / fillers[0].picture)


def status(document: str, recipes: Sequence[Recipe], results: Path) -> str:
    """For each place: how much of it is measured, when, at which revisions, and on what."""
    filled = places(recipes)
    lines = [["section", "table", "measured", "seeds", "on", "at revision", "machine"], ["---"] * 7]
    above = ""
    for place in sorted(filled, key=lambda name: document.index(_mark(name))):
        fillers, found = filled[place], records(filled[place], results)
        stages = sum(len(recipe.seeds) for recipe in fillers)
        planned = max(len(recipe.seeds) for recipe in fillers)
        measured = "all" if len(found) == stages else f"{len(found)} of {stages}"
        seeds = _run_together(sorted({record["seed"] for record in found}))
        section = _section(document, place)
        about = ["" if section == above else section, place, measured, f"{seeds} of {planned}"]
        lines.append([*about, *_made(found)])
        above = section
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"{table}\n\n{_total(recipes, Expectations(recipes, results), results)}"


def _mark(place: str) -> str:
    return f"<!-- benchmark: {place} -->"


def _run_together(seeds: Sequence[int]) -> str:
    if not seeds:
        return "none"
    gapless = len(seeds) > 2 and seeds[-1] - seeds[0] == len(seeds) - 1
    return f"{seeds[0]} to {seeds[-1]}" if gapless else ", ".join(map(str, seeds))


def _section(document: str, place: str) -> str:
    """A link to the heading above the place."""
    before = document[: document.index(_mark(place))]
    heading = re.findall(r"^## (.+)$", before, re.MULTILINE)[-1]
    anchor = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
    return f"[{heading}](#{anchor})"


def _made(found: Sequence[Mapping[str, Any]]) -> tuple[str, str, str]:
    return (days(found), _range(revisions(found)), _machines(found)) if found else ("–", "–", "–")


def _range(names: Sequence[str]) -> str:
    short = list(dict.fromkeys(name[:7] for name in names))
    return short[0] if len(short) == 1 else f"{short[0]} to {short[-1]} ({len(short)})"


def _machines(found: Sequence[Mapping[str, Any]]) -> str:
    machines = {f"{record['made']['processor']}, {record['made']['usable_cpus']} CPUs" for record in found}
    return " or ".join(sorted(machines))


def _total(recipes: Sequence[Recipe], expectations: Expectations, results: Path) -> str:
    kept = [recipe for recipe in recipes if not recipe.own]
    stages = [Stage(recipe, seed) for recipe in kept for seed in recipe.seeds]
    missing = [stage for stage in stages if not stage.path(results).exists()]
    taken = sum(stage.seconds(results) or 0 for stage in stages)
    done = f"{len(stages) - len(missing)} of {len(stages)} stages are measured, which took {duration(taken)}."
    if not missing:
        return done
    return f"{done} {remaining(missing, expectations)}"


def remaining(missing: Sequence[Stage], expectations: Expectations) -> str:
    """A line about how long the missing stages will take."""
    expected = [expectations.of(stage.recipe).seconds for stage in missing]
    known = [seconds for seconds in expected if seconds is not None]
    text = f"What is missing will take about {duration(sum(known))}, by what was alike"
    unknown = len(expected) - len(known)
    return f"{text}, and {unknown} stages of unknown length." if unknown else f"{text}."
