"""`bench ablations`: the command. Nothing heavy at import."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.core.config import Count
from sandbox.core.errors import UnknownName, UsageError
from sandbox.core.manifest import describe
from sandbox.core.statistics import returns_text
from sandbox.ui.console import Console

SCHEMA = "sandbox.bench-ablations/1"
QUICK = 10
Row = dict[str, Any]


@dataclass(frozen=True)
class AblationsBench:
    """Train plain DQN with each ingredient alone, and rainbow without each, on Snake.

    All variants have the same settings, steps and updates; Snake shows its features. Twenty times in a
    training 64 greedy episodes are played, off the clock, and what the paper of each ingredient claims is
    measured directly. "mean return" is the mean over these evaluations (the area under the learning curve),
    "last return" that of 100 episodes with the last weights, "change" the difference in mean return to plain
    or rainbow of the same seed. CPU seconds are those of training alone.

    Examples:
        python -m sandbox bench ablations --seeds 1 --only plain plain+double
        python -m sandbox bench ablations --json
    """

    seeds: Count = 5
    """How many seeds."""
    first_seed: int = 0
    """The first of them."""
    only: tuple[str, ...] = ()
    """Some of the variants, such as plain, plain+double or rainbow-n_step."""
    quick: bool = False
    """A tenth of the steps."""

    def run(self, console: Console) -> dict[str, Any]:
        """Train seed by seed and variant by variant, print two tables; returns rows and raw numbers."""
        from .variants import VARIANTS
        from .witness import measure

        if self.seeds < 1:
            raise UsageError("--seeds must be at least 1")
        known = {variant.name: variant for variant in VARIANTS}
        for name in self.only:
            if name not in known:
                raise UnknownName("variant", name, known)
        runs: list[Row] = []
        for seed in range(self.first_seed, self.first_seed + self.seeds):
            for variant in [known[name] for name in self.only] or VARIANTS:
                console.note(f"{variant.name}: seed {seed}")
                found = measure(variant.config(seed, QUICK if self.quick else 1))
                runs.append({"variant": variant.name, "seed": seed, **found})
        rows, claims = rows_of(runs), claims_of(runs)
        show(console, rows, claims)
        machine = describe(["python", "-m", "sandbox", "bench", "ablations"])
        return {"schema": SCHEMA, "machine": machine, "rows": rows, "claims": claims, "runs": runs}


def rows_of(runs: Sequence[Row]) -> list[Row]:
    """What the table shows of each training, and by how much its mean return differs from its base's.

    Those of the same seed are compared. The base of a variant is what stands before its ingredient;
    rainbow's is plain.
    """
    means = {(run["seed"], run["variant"]): run["mean_return"] for run in runs}
    rows = []
    for run in runs:
        name = run["variant"]
        base = "plain" if name == "rainbow" else name.replace("-", "+").partition("+")[0]
        before = means.get((run["seed"], base)) if base != name else None
        change = None if before is None else run["mean_return"] - before
        shown = {key: run[key] for key in ("last_return", "steps_to_threshold", "reached", "cpu_seconds")}
        row: Row = {"variant": name, "mean_return": run["mean_return"], "change_in_mean_return": change}
        rows.append({**row, **shown})
    return rows


CLAIMS = (
    ("double", "value said minus return obtained", "overestimation"),
    ("dueling", "gap between two actions that do the same, % of the spread over all", "twin_gap"),
    ("n_step", "steps to a mean return of 10", "steps_to_threshold"),
    ("prioritized", "steps with reward: share of the drawn over share of the stored", "reward_preference"),
    ("distributional", "share of returns below a quantile: off by percent", "calibration_gap"),
    ("noisy", "random actions after a twentieth of the training, %", "random_actions_first"),
    ("noisy", "random actions in the end, %", "random_actions_last"),
)
"""ingredient, what is measured, its name in a run"""


def claims_of(runs: Sequence[Row]) -> list[Row]:
    """What each paper claims: without the ingredient and with it, added to plain and left out of rainbow."""
    found = {(run["seed"], run["variant"]): run for run in runs}
    rows = []
    for ingredient, measured, name in CLAIMS:
        for without, with_it in (
            ("plain", f"plain+{ingredient}"),
            (f"rainbow-{ingredient}", "rainbow"),
            ("rainbow", f"rainbow+{ingredient}"),
        ):
            for seed in sorted({run["seed"] for run in runs}):
                pair = found.get((seed, without)), found.get((seed, with_it))
                if pair[0] is not None and pair[1] is not None:
                    what: Row = {"ingredient": ingredient, "measured": measured}
                    base = without if without == "plain" else "rainbow"
                    rows.append({**what, "in": base, "without": pair[0][name], "with_it": pair[1][name]})
    return rows


def show(console: Console, rows: Sequence[Row], claims: Sequence[Row]) -> None:
    """Both tables, over the seeds."""
    cells = []
    for (name,), group in grouped(rows, ("variant",)).items():
        reached = [row["steps_to_threshold"] for row in group]
        cells.append(
            [
                *(
                    name,
                    *(returns_text([row[key] for row in group]) for key in ("mean_return", "last_return")),
                ),
                *(middle(reached), f"{sum(row['reached'] for row in group)} of {len(group)}"),
                middle([row["cpu_seconds"] for row in group]),
            ]
        )
    console.table(["variant", "mean return", "last return", "steps to 10", "reached", "CPU seconds"], cells)
    groups = grouped(claims, ("ingredient", "measured", "in"))
    if groups:
        console.table(
            ["ingredient", "measured", "in", "without", "with it"],
            [
                [*names, *(middle([row[key] for row in group]) for key in ("without", "with_it"))]
                for names, group in groups.items()
            ],
        )


def grouped(rows: Sequence[Row], keys: Sequence[str]) -> Mapping[tuple[str, ...], list[Row]]:
    """Rows with the same texts under `keys`, together."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    return groups


def texts(rows: Sequence[Row], key: str) -> str:
    """Returns over the seeds, as far as they are known."""
    known = [row[key] for row in rows if row[key] is not None]
    return returns_text(known) if known else "–"


def middle(values: Sequence[float | None]) -> str:
    """Median of what is known."""
    from statistics import median

    known = [value for value in values if value is not None]
    return f"{median(known):.3g}" if known else "–"
