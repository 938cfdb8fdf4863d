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

from benchmarks.curves import draw
from benchmarks.tables import render, update
from sandbox.core.files import write_atomically
from sandbox.core.manifest import describe

REPOSITORY = Path(__file__).resolve().parents[1]
DOCUMENT = REPOSITORY / "docs" / "benchmarks.md"
CLASSICS = (
    *("cartpole-ppo", "cartpole-dqn", "mountaincar-ppo", "mountaincar-dqn", "acrobot-ppo", "acrobot-dqn"),
    *("pendulum-ppo", "pendulum-dqn", "mountaincarcontinuous-ppo"),
    *("lunarlander-ppo", "lunarlander-dqn", "lunarlander-dqn-500k"),
)
PIXELS = (
    *("catch-ppo", "catch-dqn", "snake-ppo", "snake-dqn", "pong-ppo", "pong-dqn"),
    *("breakout-ppo", "breakout-dqn", "cartpole-ppo", "cartpole-dqn"),
)
MEMORY = {
    **dict.fromkeys(("tmaze-10", "tmaze-50", "tmaze-100"), ("ppo", "dqn", "contrib")),
    "tmaze-pixels-10": ("ppo", "dqn"),
    "cartpole": ("ppo", "dqn", "contrib"),
    "pendulum": ("ppo", "contrib"),
    "lunarlander": ("ppo", "dqn", "contrib"),
    "mountaincar": ("ppo", "contrib"),
    **dict.fromkeys(("cartpole-pixels", "pong-flicker", "rooms", "maze3d"), ("ppo", "dqn")),
}
"""task -> our algorithms, each with memory and without; "contrib": sb3-contrib's, hours apart"""
GENERATIVE = ("autoencoder", "one-class", "vae", "others", "speed")


@dataclass(frozen=True)
class Recipe:
    """What to measure, over which seeds."""

    name: str
    """Names the result files and, unless ``place`` does, the place in docs/benchmarks.md."""
    command: str
    """Words after ``python -m sandbox``; ``{seed}`` is filled in. ``--json`` is added."""
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    quick: str = ""
    """Words that make it short, for ``--quick``."""
    tables: tuple[str, ...] = ("rows",)
    """Where its result holds rows for a table."""
    place: str = ""
    """Recipes of one place share a table."""
    picture: str = ""
    """File beside the document that shows the curves of all recipes of the place, above the table."""


RECIPES = (
    Recipe(
        "agents",
        "bench agents --seeds 1 --first-seed {seed}",
        quick="--steps 10k",
        tables=("rows", "processes"),
    ),
    Recipe(
        "agents-memory",
        "bench agents --seeds 1 --first-seed {seed} --only memory",
        seeds=(0,),
        tables=("memory",),
    ),
    Recipe(
        "envs",
        "bench envs --growth --seed {seed}",
        seeds=(0, 1, 2),
        quick="--seconds 0.1 --only CartPole Snake",
        tables=("rows", "growth", "gymnasium", "others"),
    ),
    Recipe("classics-ours", "bench classics --engine ours --seeds 1 --first-seed {seed}", quick="--quick"),
    *(
        Recipe(
            f"classics-{name}",
            f"bench classics --seeds 1 --first-seed {{seed}} --only {name}",
            quick="--quick",
            place="classics",
        )
        for name in CLASSICS
    ),
    *(
        Recipe(
            f"pixels-{name}",
            f"bench pixels --engine ours --seeds 1 --first-seed {{seed}} --only {name}",
            seeds=(0, 1, 2),
            quick="--quick",
            place="pixels",
            picture="pixels.png",
        )
        for name in PIXELS
    ),
    *(
        Recipe(
            f"race-{name}",
            f"bench pixels --seeds 1 --first-seed {{seed}} --only {name}",
            seeds=(0, 1, 2),
            quick="--quick",
            place="race",
            picture="race.png",
        )
        for name in ("pong-ppo", "pong-dqn")
    ),
    Recipe("eyes", "bench eyes", seeds=(0,), quick="--quick"),
    *(
        Recipe(
            f"memory-{task}-{who}",
            f"bench memory --seeds 1 --first-seed {{seed}} --tasks {task} "
            + ("--agents contrib" if who == "contrib" else f"--agents memory memoryless --algos {who}")
            + (" --limit-minutes 30" if task in ("rooms", "maze3d") else ""),
            quick="--quick",
            place="memory",
        )
        for task, learners in MEMORY.items()
        for who in learners
    ),
    *(
        Recipe(
            f"recurrent-speed{suffix}",
            f"bench agents --only recurrent --seeds 1 --first-seed {{seed}} --threads {threads}",
            quick="--steps 1k",
            tables=("recurrent", "updates"),
            place="recurrent-speed",
        )
        for suffix, threads in (("", 2), ("-one-thread", 1))
    ),
    Recipe(
        "ablations",
        "bench ablations --seeds 1 --first-seed {seed}",
        seeds=tuple(range(8)),
        quick="--quick",
        tables=("rows", "claims"),
    ),
    Recipe(
        "supervised",
        "bench supervised --seeds 1 --first-seed {seed} --only mnist-fast sign-v0 sign-v1 sign-v2 "
        "sign-backbone",
        seeds=(0, 1, 2),
        quick="--quick",
    ),
    Recipe(
        "supervised-photographs",
        "bench supervised --seeds 1 --first-seed {seed} --only photographs photographs-5 "
        "photographs-from-signs photographs-from-signs-5 photographs-frozen photographs-fine-tuned "
        "photographs-fine-tuned-full-rate",
        seeds=(0, 1, 2),
        quick="--quick",
    ),
    *(
        Recipe(
            f"supervised-{name}",
            f"bench supervised --seeds 1 --first-seed {{seed}} --only {name}",
            seeds=(0, 1, 2),
            quick="--quick",
            tables=(name,),
        )
        for name in ("transfer", "search")
    ),
    Recipe(
        "supervised-best",
        "bench supervised --seeds 1 --first-seed {seed} --only mnist-best",
        seeds=(0, 1, 2),
        quick="--quick",
    ),
    *(
        Recipe(
            f"generative-{part}",
            f"bench generative --seeds 1 --first-seed {{seed}} --only {part} --threads 1"
            + (" --no-peers" if part == "vae" else ""),
            seeds=(0, 1, 2),
            quick="--quick --minutes 1",
            tables=(part,),
        )
        for part in GENERATIVE
    ),
)


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
        extra = self.recipe.quick if self.quick else ""
        return [*self.recipe.command.format(seed=self.seed).split(), *extra.split(), "--json"]


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
            picture = draw(records, (DOCUMENT.parent if in_document else results) / recipes[0].picture)
            text = f"![Curves of each task and seed; the table says where they end]({picture.name})\n\n{text}"
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
