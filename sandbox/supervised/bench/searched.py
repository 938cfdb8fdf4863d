"""What `search` finds, beside the preset."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from sandbox.core.arguments import parse_command
from sandbox.supervised.bench.tasks import SEARCHED, TRIALS
from sandbox.supervised.bench.trainer import Result, Trainer
from sandbox.supervised.search.command import Search
from sandbox.ui.console import Console


def searched(trainer: Trainer, seed: int) -> list[dict[str, Any]]:
    """Two rows: the preset, and the settings with the best validation accuracy of all trials."""
    typed = [*trainer.filled(SEARCHED, seed), "--seed", str(seed), "--trials", str(TRIALS)]
    trainer.console.note(f"search, {TRIALS} trials, seed {seed}")
    found = parse_command(Search, typed, "search").run(Console(json=True, quiet=True))
    best = Path(found["run"]) / "best.toml"
    preset = trainer.train(SEARCHED, seed, "the preset")
    as_written = dataclasses.replace(trainer, quick=False)  # its budget is what the search had
    better = as_written.train(["--config", str(best)], seed, "what was found")
    return [_row("the preset", preset), _row(f"search, {TRIALS} trials", better)]


def _row(settings: str, result: Result) -> dict[str, Any]:
    return {
        "settings": settings,
        "test_percent": 100 * result["evaluation"]["accuracy"],
        "seconds": result["train_seconds"],
    }
