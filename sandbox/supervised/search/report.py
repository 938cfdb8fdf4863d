"""What a search found: a table, a picture, and the command that trains with it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sandbox.core.errors import RunBroken
from sandbox.core.run import Run
from sandbox.core.statistics import wilson_interval
from sandbox.data.catalog import label
from sandbox.supervised.search.carry_out import BEST, trials_of
from sandbox.supervised.search.chooser import goodness, importances
from sandbox.supervised.search.config import SearchConfig
from sandbox.supervised.search.space import Choice, Dimension, dimensions
from sandbox.supervised.search.trials import Trial, best_first, short
from sandbox.ui.console import Console

if TYPE_CHECKING:
    from sandbox.ui.search_plots import Axis

SCHEMA = "sandbox.search/1"
SHOWN = 5
"""trials in the table"""


def report(config: SearchConfig, run: Run, console: Console) -> dict[str, Any]:
    """Print and draw what the trials say; returns what `--json` prints.

    Raises:
        RunBroken: the file of trials is damaged, or no trial came to its end.
    """
    trials, pictures = trials_of(run), _count(run, "validation")
    best = next(iter(best_first(trials)), None)
    if best is None:
        errors = sorted({trial.error or trial.state for trial in trials})
        raise RunBroken(f"no trial of {run.name} came to its end: {'; '.join(errors) or 'none began'}")
    space = dimensions(config.space, config.start)
    mattered = importances(trials, space, pictures)
    _table(config, trials, console)
    counts = _counts(trials)
    seconds = sum(trial.seconds for trial in trials)
    console.print(f"done: {len(trials)} trials in {seconds:.1f} s: {_in_words(counts)}")
    for line in _compared(trials, best, pictures):
        console.print(line)
    picture = _draw(config, run, trials, space, mattered, pictures)
    command = train_command(config, run)
    console.print(f"run      {run.relative()}")
    console.print(f"picture  {run.relative() / picture}")
    console.print(f"next     {command}")
    steps = f"{config.of_trial(best.values).fit.steps:,} steps"
    console.print(f"         (as long as a trial: {steps}; with --epochs N as long as you like)")
    return {
        "schema": SCHEMA,
        "run": str(run.path),
        "data": config.start.data,
        "method": config.method,
        "trials": [vars(trial) for trial in trials],
        "states": counts,
        "importance": mattered or None,
        "best": {"trial": best.number, "values": best.values, "config": str(run.path / BEST)},
        "start": {"values": trials[0].values, "accuracy": trials[0].score},
        "evaluation": {"split": "validation", "n": pictures, "accuracy": best.score, "loss": best.loss},
        "picture": str(run.path / picture),
        "command": command,
    }


def train_command(config: SearchConfig, run: Run) -> str:
    """How to train with the best settings, on all pictures where the search saw only some."""
    words = ["python", "-m", "sandbox", "train-classifier", "--config", str(run.relative() / BEST)]
    if config.start.pictures is not None:
        words += ["--pictures", str(_count(run, "training"))]
    return shlex.join(words)


def _count(run: Run, split: str) -> int:
    """How many pictures of a split there were."""
    count = run.info.get(split)
    if not isinstance(count, int) or count < 1:
        raise RunBroken(f"run.json of {run.name} lacks the number of {split} pictures")
    return count


def _counts(trials: Sequence[Trial]) -> dict[str, int]:
    states = ("complete", "pruned", "diverged", "failed")
    return {state: sum(trial.state == state for trial in trials) for state in states}


def _in_words(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {state}" for state, count in counts.items() if count)


def _table(config: SearchConfig, trials: Sequence[Trial], console: Console) -> None:
    """The best trials, and the start among them or below."""
    ranked = best_first(trials)[:SHOWN]
    if trials[0] not in ranked:
        ranked.append(trials[0])
    names = list(config.space)
    rows = [
        [
            "0 (start)" if trial.number == 0 else str(trial.number),
            None if trial.score is None else f"{100 * trial.score:.2f}",
            None if trial.loss is None else f"{trial.loss:.4f}",
            *(short(trial.values[name]) for name in names),
            f"{trial.seconds:.1f}",
        ]
        for trial in ranked
    ]
    title = f"the best trials of {config.start.model} on {label(config.start.data)}, validation"
    console.table(["trial", "right %", "loss", *names, "seconds"], rows, title=title)


def _compared(trials: Sequence[Trial], best: Trial, pictures: int) -> list[str]:
    """The best trial against the start, and whether chance could have made the difference."""
    score, start = best.score or 0.0, trials[0]
    lines = [f"best: trial {best.number}, {score:.2%} of {pictures:,} validation pictures right"]
    if best is start or start.score is None:
        lines[0] += ": the settings to start from" if best is start else ""
        return lines
    low, high = wilson_interval(round(start.score * pictures), pictures)
    lines[0] += f"; the start had {start.score:.2%} (95 %: {low:.2%} to {high:.2%})"
    if score <= high:
        lines.append(f"that is within chance: the best of {len(trials)} trials looks better than it is")
    return lines


def _axis(one: Dimension, start: Any) -> Axis:
    """A setting's axis; what the search started from is on it, even where it was none of the options."""
    from sandbox.ui.search_plots import Axis

    if not isinstance(one, Choice):
        return Axis(one.name, None, None, one.logarithmic)
    values = list(one.options) if start in one.options else [start, *one.options]
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        values.sort(key=float)
    return Axis(one.name, [short(value) for value in values], values, False)


def _draw(
    config: SearchConfig,
    run: Run,
    trials: Sequence[Trial],
    space: Sequence[Dimension],
    mattered: dict[str, float],
    pictures: int,
) -> str:
    from sandbox.ui.search_plots import Dot, draw_search

    best = best_first(trials)[0]
    dots = [
        Dot(
            trial.values,
            None if trial.score is None else goodness(trial.score, pictures),
            "best" if trial is best else "start" if trial.number == 0 else trial.state,
        )
        for trial in trials
    ]
    axes = [_axis(one, trials[0].values[one.name]) for one in space]
    name = "plots/search.png"
    start = config.start
    draw_search(
        run.path / name,
        dots,
        axes,
        mattered,
        title=f"Search: {start.model} on {label(start.data)}",
        subtitle=f"{len(trials)} trials ({_in_words(_counts(trials))})  ·  accuracy on"
        f" {pictures:,} validation pictures, higher is better",
    )
    return name
