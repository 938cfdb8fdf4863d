"""docs/benchmarks.md is what the stored results say: nobody edits a table by hand and forgets the driver."""

from __future__ import annotations

import re

from benchmarks import experts
from benchmarks.document import DOCUMENT, STATUS, places, written
from benchmarks.recipes import RECIPES
from benchmarks.stages import RESULTS, Stage

TEXT = DOCUMENT.read_text(encoding="utf-8")
PLACE = re.compile(r"<!-- benchmark: (\S+) -->\n(.*?)<!-- end -->", re.DOTALL)


def test_every_place_has_a_recipe_and_every_recipe_a_place() -> None:
    found = [name for name, _ in PLACE.findall(TEXT)]
    assert sorted(found) == sorted([STATUS, *places(RECIPES)])
    others = {recipe.name for recipe in RECIPES if recipe.own}
    assert {name for name, _ in PLACE.findall(experts.DOCUMENT.read_text(encoding="utf-8"))} == others


def test_the_tables_are_what_the_results_say() -> None:
    """After a change of recipes or results: python -m benchmarks.run --tables."""
    assert written(TEXT, RECIPES, RESULTS) == TEXT


def test_no_table_stands_outside_of_the_places() -> None:
    assert "| --- |" not in PLACE.sub("", TEXT)


def test_every_result_belongs_to_a_stage() -> None:
    stages = {Stage(recipe, seed).path(RESULTS) for recipe in RECIPES for seed in recipe.seeds}
    assert set(RESULTS.glob("*.json")) <= stages


def test_every_picture_is_there() -> None:
    for name in re.findall(r"!\[.*?\]\((.*?)\)", TEXT):
        assert (DOCUMENT.parent / name).exists()
