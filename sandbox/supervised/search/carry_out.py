"""A search, from its first trial or from where it was stopped to its end."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sandbox.core.config import to_toml
from sandbox.core.errors import Interrupted
from sandbox.core.files import write_atomically
from sandbox.core.manifest import write_manifest
from sandbox.core.metrics import cut_metrics
from sandbox.core.run import Run
from sandbox.core.runs import start_run
from sandbox.core.signals import StopRequest
from sandbox.data.catalog import label
from sandbox.data.pictures import Dataset
from sandbox.supervised.pictures import load_pictures
from sandbox.supervised.search.chooser import Chooser
from sandbox.supervised.search.config import SearchConfig
from sandbox.supervised.search.space import Values, dimensions
from sandbox.supervised.search.trials import (
    FILE,
    Stopped,
    Trial,
    best_first,
    described,
    read_trials,
    try_out,
    write_trial,
)
from sandbox.ui.console import Console

BEST = "best.toml"
KIND = "search"


def search(config: SearchConfig, root: Path | None, name: str | None, console: Console) -> Run:
    """Search in a new run folder; returns it.

    Raises:
        Interrupted: a signal came; what was done is kept.
        MissingExtra: Optuna is not installed.
    """
    chooser = Chooser(config, dimensions(config.space, config.start))
    dataset = load_pictures(config.start, console)
    run = start_run(
        root,
        "search",
        label(config.start.data),
        KIND,
        config,
        ["python", "-m", "sandbox", *sys.argv[1:]],
        _about(config, dataset),
        name,
        data=config.start.data,
        model=config.start.model,
        trials=chooser.trials,
        validation=len(dataset.validation),
        training=len(dataset.train),
    )
    console.run = run
    with run.lock():
        _carry_out(config, chooser, run, dataset, console)
    return run


def resume(config: SearchConfig, run: Run, console: Console) -> None:
    """Continue a search that was stopped or killed; otherwise as `search`.

    Raises:
        RunBroken: its file of trials is damaged.
    """
    chooser = Chooser(config, dimensions(config.space, config.start))
    dataset = load_pictures(config.start, console)
    with run.lock():
        write_manifest(run, sys.argv, _about(config, dataset))
        run.update(status="running")
        _carry_out(config, chooser, run, dataset, console)


def trials_of(run: Run) -> list[Trial]:
    """What a search has tried. Raises RunBroken."""
    return read_trials(run.path / FILE)


def _about(config: SearchConfig, dataset: Dataset) -> dict[str, Any]:
    return {"device": config.start.device, "threads": config.start.threads, "data": dict(dataset.sums)}


def _carry_out(config: SearchConfig, chooser: Chooser, run: Run, dataset: Dataset, console: Console) -> None:
    cut_metrics(run.path / FILE, sys.maxsize)  # a torn last line is no trial
    done = trials_of(run)
    if done:
        console.note(f"{len(done)} of {chooser.trials} trials are done")
    subject = f"search on {label(config.start.data)}"
    try:
        with (
            StopRequest(lambda: console.note("stopping: the trials that are done are kept")) as stop,
            console.progress(chooser.trials, subject, "trials") as shown,
        ):
            while len(done) < chooser.trials and not stop.requested:
                values = chooser.choose(done)
                with contextlib.suppress(Stopped):
                    done.append(_tried(len(done), values, config, chooser, dataset, console, stop))
                    _keep(run, config, done)
                    shown.update(len(done), **_best(done))
                    _tell(done[-1], console)
    except BaseException as error:
        status = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
        with contextlib.suppress(OSError):  # a full disk must not hide what went wrong
            run.update(status=status)
        raise
    if len(done) < chooser.trials:
        run.update(status="interrupted")
        message = f"stopped after {len(done)} of {chooser.trials} trials; they are kept"
        hint = f"python -m sandbox resume {run.relative()}"
        raise Interrupted(message, hint, {"run": str(run.path)}, signum=stop.signum or signal.SIGINT)
    run.update(status="finished")


class _Silent(Console):
    """Says nothing: what is noted about every trial is said at the first."""

    def note(self, text: str) -> None:
        del text


def _tried(
    number: int,
    values: Values,
    config: SearchConfig,
    chooser: Chooser,
    dataset: Dataset,
    console: Console,
    stop: StopRequest,
) -> Trial:
    return try_out(
        number,
        values,
        lambda: config.of_trial(values),
        dataset,
        _Silent() if number else console,
        prune=chooser.prune,
        stopped=lambda: stop.requested,
    )


def _keep(run: Run, config: SearchConfig, done: Sequence[Trial]) -> None:
    """Write the newest trial down, and the config of the best."""
    write_trial(run.path / FILE, done[-1])
    best = next(iter(best_first(done)), None)
    if best is not None and best is done[-1]:
        write_atomically(run.path / BEST, to_toml(config.of_trial(best.values)))
    run.update(steps=len(done), best=None if best is None else best.score)


def _best(done: Sequence[Trial]) -> dict[str, float]:
    best = next(iter(best_first(done)), None)
    return {} if best is None else {"best accuracy": best.score or 0.0}


def _tell(trial: Trial, console: Console) -> None:
    if console.quiet:
        return
    what = trial.state if trial.score is None else f"{trial.score:.2%}"
    if trial.state in ("pruned", "diverged") and trial.score is not None:
        what += f", {trial.state}"
    reason = f" ({trial.error})" if trial.error else ""
    console.note(f"trial {trial.number}: {what}{reason}  {described(trial.values)}")
