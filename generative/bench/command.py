"""`bench generative`: generative models on the real data, seed by seed. Nothing heavy at import."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from generative.bench.tasks import MINUTES, PARTS, STEPS_CURVES, STEPS_TABLE
from sandbox.core.config import Count
from sandbox.core.errors import UnknownName, UsageError
from sandbox.core.manifest import describe
from sandbox.ui.console import Console

SCHEMA = "sandbox.bench-generative/1"
Row = dict[str, Any]


@dataclass(frozen=True)
class GenerativeBench:
    """Train the generative models on real data, seed by seed, and measure them on the test pictures.

    autoencoder: MNIST through 2 to 32 numbers, beside as many principal components. one-class: an
    autoencoder for each digit finds all others unusual. vae: how many nats a black and white digit takes,
    beside VAEs of other projects that learn for as long. others: signs and frames of Snake. speed: how many
    pictures a second ours and others learn from, on one thread, in turns. ddpm: digits that a diffusion model
    draws, judged, by each sampler in 5 to 250 steps. ddpm-long: the same after six times as long. ddpm-peer:
    beside diffusers' own network, which has six times as long. ddpm-others: signs, frames of two games.

    Examples:
        python -m sandbox bench generative --only autoencoder
        python -m sandbox bench generative --only vae speed --seeds 1 --json
        python -m sandbox bench generative --minutes 1 --no-peers
        python -m sandbox bench generative --only ddpm --threads 1 --pictures drawn
    """

    seeds: Count = 3
    """How many seeds."""
    first_seed: int = 0
    """The first of them."""
    only: tuple[str, ...] = ()
    """Measure these only: autoencoder, one-class, vae, others, speed, ddpm, ddpm-long, -peer, -others."""
    minutes: float = MINUTES
    """Of training each; a model of one class has a fifth, ddpm-long six times as much."""
    peers: bool = True
    """Leave out the VAEs of other projects, which else learn for as long as ours."""
    quick: bool = False
    """A tenth of every budget: only to see that it works."""
    threads: Count | None = None
    """torch's threads; one for each core, unless given. Speed is measured on one."""
    data_dir: Path | None = None
    """Folder with the data; SANDBOX_DATA, then the cache, unless given."""
    pictures: Path | None = None
    """Folder for pictures: what diffusion models of the first seed draw, and curves of all seeds."""

    def run(self, console: Console) -> dict[str, Any]:
        """Train, print tables; returns their rows, and the raw numbers of every seed."""
        if self.seeds < 1:
            raise UsageError("--seeds must be at least 1")
        if not 0 < self.minutes < math.inf:
            raise UsageError(f"--minutes must be above 0, not {self.minutes}")
        for name in self.only:
            if name not in PARTS:
                raise UnknownName("part", name, PARTS)
        if self.pictures is not None and self.pictures.exists() and not self.pictures.is_dir():
            raise UsageError(f"--pictures must be a folder, and {self.pictures} is a file")
        asked = [name for name in PARTS if name in (self.only or PARTS)]
        runs: list[Row] = []
        for seed in range(self.first_seed, self.first_seed + self.seeds):
            for name in asked:
                with tempfile.TemporaryDirectory() as folder:
                    found = self._measure(name, seed, Path(folder), console)
                runs += [{"part": name, "seed": seed, **row} for row in found]
        names = dict.fromkeys(run["part"] for run in runs)
        tables = {name: summarize([run for run in runs if run["part"] == name]) for name in names}
        for name, table in tables.items():
            columns = list(dict.fromkeys(key for row in table for key in row))
            console.table(columns, [[shown(row.get(key)) for key in columns] for row in table], name)
        self._draw(runs)
        machine = describe(["python", "-m", "sandbox", "bench", "generative"])
        about = {"schema": SCHEMA, "machine": machine, "seeds": self.seeds, "minutes": self.minutes}
        return {**about, **tables, "runs": runs}

    def _measure(self, part: str, seed: int, folder: Path, console: Console) -> list[Row]:
        from generative.bench.parts import MEASURES
        from generative.bench.trainer import Trainer

        trainer = Trainer(
            folder,
            console,
            self.minutes,
            self.threads,
            self.data_dir,
            self.quick,
            peers=self.peers,
            pictures=self.pictures if seed == self.first_seed else None,
        )
        return MEASURES[part](trainer, seed)

    def _draw(self, runs: Sequence[Row]) -> None:
        if self.pictures is None or not any(run["part"] == STEPS_TABLE for run in runs):
            return
        from generative.bench.steps_plot import draw_curves

        draw_curves(self.pictures / STEPS_CURVES, runs)


def summarize(runs: Sequence[Row]) -> list[Row]:
    """A row for each task: numbers are means over the seeds, and what is true was so in all of them."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for run in runs:
        groups.setdefault(tuple(value for value in run.values() if isinstance(value, str)), []).append(run)
    return [
        {key: _joined([run[key] for run in group]) for key in group[0] if key not in ("part", "seed")}
        for group in groups.values()
    ]


def _joined(values: Sequence[Any]) -> Any:
    if any(value is None for value in values) or isinstance(values[0], str):
        return values[0]
    return all(values) if isinstance(values[0], bool) else mean(values)


def shown(cell: Any) -> Any:
    """A cell as people read it."""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return f"{cell:.4g}" if isinstance(cell, float) else cell
