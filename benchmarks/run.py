"""The benchmark's stages: ``python -m benchmarks.run [--quick] [--only NAME] [--list]``.

A stage is a recipe with one seed: one call of the project's own command line, in a process of its own,
whose ``--json`` output is kept in ``benchmarks/results/<recipe>-s<seed>.json``. What is there already is
skipped, so Ctrl-C costs no more than the running stage; to measure something anew, delete its file. In the
end the tables of docs/benchmarks.md are written from the results.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.recipes import RECIPES, Recipe
from benchmarks.tables import render, update
from sandbox.core.files import write_atomically
from sandbox.core.manifest import describe

REPOSITORY = Path(__file__).resolve().parents[1]
DOCUMENT = REPOSITORY / "docs" / "benchmarks.md"


@dataclass(frozen=True)
class Stage:
    """One recipe with one seed."""

    recipe: Recipe
    seed: int
    quick: bool = False

    @property
    def name(self) -> str:
        """As in the name of its result file."""
        return f"{self.recipe.name}-s{self.seed}"

    @property
    def words(self) -> list[str]:
        """The command line after ``python -m sandbox``."""
        recipe = self.recipe
        extra = recipe.quick if self.quick else recipe.first if self.seed == recipe.seeds[0] else ""
        return [*recipe.command.format(seed=self.seed).split(), *extra.split(), "--json"]


def main(argv: list[str] | None = None) -> int:
    """Run what is missing, then write the tables; returns 1 if a stage failed, 130 after Ctrl-C."""
    options = _options(argv)
    stages = [
        Stage(recipe, seed, options.quick)
        for recipe in RECIPES
        if options.only in (None, recipe.name)
        for seed in (recipe.seeds[:1] if options.quick else recipe.seeds)
    ]
    results = REPOSITORY / "benchmarks" / ("results-quick" if options.quick else "results")
    results.mkdir(exist_ok=True)
    if options.list:
        for stage in stages:
            print("done   " if (results / f"{stage.name}.json").exists() else "missing", stage.name)
        return 0
    try:
        failed = [stage.name for stage in stages if not finish(stage, results)]
    except KeyboardInterrupt:
        print("\nInterrupted; the same command goes on with what is missing.", file=sys.stderr)
        return 130
    _write_tables(results, in_document=not options.quick)
    if failed:
        print(f"Failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def finish(stage: Stage, results: Path) -> bool:
    """Run ``stage`` unless its result is there; returns whether the result is there now."""
    path = results / f"{stage.name}.json"
    if path.exists():
        print(f"{stage.name}: done before", file=sys.stderr)
        return True
    command = ["python", "-m", "sandbox", *stage.words]
    print(f"{stage.name}: {' '.join(command)}", file=sys.stderr)
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, *command[1:]], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode in (-2, 130):  # it got the terminal's Ctrl-C too
        raise KeyboardInterrupt
    result = _parsed(done.stdout)
    if done.returncode != 0 or result is None:
        print(f"{stage.name}: failed with exit code {done.returncode}\n{done.stdout}", file=sys.stderr)
        return False
    record = {"schema": "sandbox.benchmark/1", "recipe": stage.recipe.name, "seed": stage.seed,
              "seconds": round(time.monotonic() - started, 1), "made": describe(command),
              "result": result}  # fmt: skip
    write_atomically(path, json.dumps(record, indent=1) + "\n")
    return True


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _write_tables(results: Path, in_document: bool) -> None:
    for place in dict.fromkeys(recipe.place or recipe.name for recipe in RECIPES):
        recipes = [recipe for recipe in RECIPES if place in (recipe.place, recipe.name)]
        paths = [results / f"{recipe.name}-s{seed}.json" for recipe in recipes for seed in recipe.seeds]
        records = [json.loads(path.read_text(encoding="utf-8")) for path in paths if path.exists()]
        if not records:
            continue
        text = render(records, recipes[0].tables, len(recipes[0].seeds))
        if recipes[0].picture:
            picture = recipes[0].draw(
                records, (DOCUMENT.parent if in_document else results) / recipes[0].picture
            )
            text = f"![{recipes[0].shown}]({picture.name})\n\n{text}"
        if in_document:
            write_atomically(DOCUMENT, update(DOCUMENT.read_text(encoding="utf-8"), place, text))
        else:
            print(text)


def _options(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.run", description="Run the stages that have no result yet."
    )
    parser.add_argument(
        "--quick", action="store_true", help="one seed, short; leaves docs/benchmarks.md alone"
    )
    parser.add_argument("--only", metavar="NAME", choices=[recipe.name for recipe in RECIPES])
    parser.add_argument("--list", action="store_true", help="say what is done and what is missing")
    return parser.parse_args(argv)


if __name__ == "__main__":
    raise SystemExit(main())
