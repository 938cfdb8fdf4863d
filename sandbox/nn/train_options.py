"""The options that say for how long, how often and where to train. Loads no torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sandbox.core.config import Count, to_mapping, to_toml
from sandbox.core.errors import UsageError
from sandbox.nn.budget import QUICK, Budget

C = TypeVar("C")


@dataclass(frozen=True)
class TrainOptions:
    """What commands that fit pictures have in common; a command adds what is fitted, and how."""

    epochs: float | None = None
    """Budget: how often each picture is seen."""
    steps: Count | None = None
    """Budget: gradient steps."""
    max_minutes: float | None = None
    """Budget: minutes, turned into steps by a few steps of a copy before training begins."""
    seeds: Count = 1
    """Train this many seeds, one after the other, each into a run of its own."""
    compile: bool = False
    """Let torch.compile make each step faster; worth its minute in long runs only."""
    name: str | None = None
    """Name of the run's folder."""
    out: Path | None = None
    """Folder for the runs; SANDBOX_RUNS or ./runs, unless given."""
    quick: bool = False
    """A tenth of the budget."""
    dry_run: bool = False
    """Show the resolved config, and write nothing."""

    def check_seeds(self) -> None:
        """Raise UsageError for no seed, or one name for several runs."""
        if self.seeds < 1:
            raise UsageError("--seeds must be at least 1")
        if self.seeds > 1 and self.name:
            raise UsageError("--name is for one run, and --seeds makes several", hint="leave one of them out")

    @property
    def budget(self) -> Budget:
        """How long; raises UsageError for two budgets."""
        return Budget(self.epochs, self.steps, self.max_minutes)

    @property
    def minutes(self) -> float | None:
        """Of training, where the budget is one of time."""
        return None if self.max_minutes is None else self.max_minutes / (QUICK if self.quick else 1)

    @property
    def more_settings(self) -> tuple[str, ...]:
        """`KEY=VALUE` texts that follow from the options."""
        return ("compile=true",) if self.compile else ()

    def of_each_seed(
        self,
        config: C,
        train: Callable[[C, Path | None, str | None, Any], dict[str, Any]],
        report: Callable[[dict[str, Any], Any], None],
        console: Any,
    ) -> list[dict[str, Any]]:
        """Train the config with each seed, and report on each run as soon as it has ended."""
        first: Any = config
        # All of them first: a seed that cannot be is found before the others have trained.
        configs = [dataclasses.replace(first, seed=first.seed + number) for number in range(self.seeds)]
        results = []
        for one in configs:
            results.append(train(one, self.out, self.name, console))
            report(results[-1], console)
        return results


def shown(config: Any, console: Any) -> dict[str, Any]:
    """Print a resolved config as TOML; returns it as `--json` has it."""
    console.print(to_toml(config).rstrip())
    return {"schema": "sandbox.config/1", "config": to_mapping(config)}
