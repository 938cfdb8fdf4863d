"""The benchmark: ``python -m benchmarks.run [--list] [--only NAME…] [--stop-after MINUTES]``.

What has no result in ``benchmarks/results/`` yet is measured, the first seed of everything first, and cheap
before dear; then the tables of docs/benchmarks.md are written. Ctrl-C, and a kill, cost no more than the
stage that is running. To measure something anew, delete its file; for `transfer` also its runs, which are
kept in ``runs/transfer``.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from fnmatch import fnmatchcase

from benchmarks import stages as driver
from benchmarks.document import DOCUMENT, draw_pictures, remaining, written
from benchmarks.recipes import RECIPES, Recipe
from benchmarks.stages import Expectations, Outcome, Stage, duration, planned
from sandbox.core.errors import SandboxError, UnknownName
from sandbox.core.files import write_atomically
from sandbox.core.signals import raise_interrupt

UNKNOWN_MINUTES = 30
"""What `--stop-after` takes a stage for that nothing is known about."""


def main(argv: list[str] | None = None) -> int:
    """Run what is missing, then write the tables.

    Returns 1 if a stage failed, 2 if a name is unknown, 130 after Ctrl-C and 143 after SIGTERM.
    """
    options = _options(argv)
    expectations = Expectations(RECIPES, driver.RESULTS)
    try:
        chosen = select(planned(RECIPES, expectations), options.only)
    except SandboxError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    missing = [stage for stage in chosen if not stage.path(driver.RESULTS).exists()]
    if options.list:
        _list(chosen, expectations)
        return 0
    outcomes: list[Outcome] = []
    try:
        if not options.tables:
            _run(missing, expectations, options.stop_after, outcomes)
    except KeyboardInterrupt as stop:
        print("\nInterrupted; the same command goes on with what is missing.", file=sys.stderr)
        return getattr(stop, "exit_code", 130)
    finally:
        _write(outcomes, pictures=options.tables)
    return _report(outcomes)


def select(stages: Sequence[Stage], names: Sequence[str]) -> list[Stage]:
    """The stages of the recipes, places or patterns that are named; all, if nothing is.

    Raises UnknownName when a name means no stage.
    """
    for name in names:
        if not any(_means(name, stage) for stage in stages):
            known = {place for stage in stages for place in (stage.recipe.name, stage.recipe.place) if place}
            hint = (
                "python -m benchmarks.run --list shows all; patterns such as 'pixels-*' or '*-s0' work, too"
            )
            raise UnknownName("stage", name, known, hint)
    return [stage for stage in stages if not names or any(_means(name, stage) for name in names)]


def _means(name: str, stage: Stage) -> bool:
    recipe: Recipe = stage.recipe
    return any(fnmatchcase(known, name) for known in (stage.name, recipe.name, recipe.place) if known)


def _run(
    missing: Sequence[Stage],
    expectations: Expectations,
    stop_after: float | None,
    outcomes: list[Outcome],
) -> None:
    """Run one after the other; outcomes are added as they come."""
    started = time.monotonic()
    left_out = 0
    for number, stage in enumerate(missing, 1):
        expected = expectations.of(stage.recipe)
        seconds = UNKNOWN_MINUTES * 60 if expected.seconds is None else expected.seconds
        if stop_after is not None and time.monotonic() - started + seconds > stop_after * 60:
            left_out += 1
            continue
        print(
            f"[{number} of {len(missing)}] {stage.name} ({expected}) … ", end="", file=sys.stderr, flush=True
        )
        outcome = driver.run(stage, driver.RESULTS, driver.LOGS)
        took = duration(outcome.seconds)
        print(f"failed after {took}" if outcome.failure else took, file=sys.stderr)
        outcomes.append(outcome)
    if left_out:
        print(f"Not begun, as they would not fit: {left_out} stages", file=sys.stderr)
    if not missing:
        print("Nothing is missing.", file=sys.stderr)


def _write(outcomes: Sequence[Outcome], pictures: bool) -> None:
    """The tables; pictures of those places only that something was measured for, unless all are wanted."""
    fresh = {outcome.stage.recipe.place or outcome.stage.recipe.name for outcome in outcomes}
    redrawn = [recipe for recipe in RECIPES if pictures or (recipe.place or recipe.name) in fresh]
    draw_pictures(redrawn, driver.RESULTS, DOCUMENT.parent)
    document = DOCUMENT.read_text(encoding="utf-8")
    text = written(document, RECIPES, driver.RESULTS)
    if text != document:
        write_atomically(DOCUMENT, text)


def _report(outcomes: Sequence[Outcome]) -> int:
    failed = [outcome for outcome in outcomes if outcome.failure]
    for outcome in failed:
        log = driver.LOGS / f"{outcome.stage.name}.log"
        print(f"Failed: {outcome.stage.name}: {outcome.failure}\n        {log}", file=sys.stderr)
    return 1 if failed else 0


def _list(stages: Sequence[Stage], expectations: Expectations) -> None:
    missing = []
    for stage in stages:
        if stage.path(driver.RESULTS).exists():
            seconds = stage.seconds(driver.RESULTS)
            print(f"done     {stage.name:36}{'' if seconds is None else duration(seconds)}")
        else:
            missing.append(stage)
            print(f"missing  {stage.name:36}{expectations.of(stage.recipe)}")
    print(f"\n{len(stages) - len(missing)} of {len(stages)} are done.", end=" ")
    print(remaining(missing, expectations) if missing else "")


def _options(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.run", description="Run the stages that have no result yet."
    )
    which = "recipes, places of the document, stages, or patterns of them, such as 'pixels-*'"
    parser.add_argument("--only", metavar="NAME", nargs="+", default=[], help=which)
    parser.add_argument(
        "--list", action="store_true", help="say what is done and what is missing, and how long it takes"
    )
    parser.add_argument(
        "--stop-after", metavar="MINUTES", type=float, help="start nothing that would not fit"
    )
    parser.add_argument(
        "--tables", action="store_true", help="measure nothing; write tables and pictures anew"
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, raise_interrupt)
    raise SystemExit(main())
