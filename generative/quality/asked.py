"""Whom `evaluate` asks: the data set's own judge, or a run that a person names and that is no relative."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch

from generative.quality.judge import ClassifierJudge, Judge
from generative.quality.recipe import house_judge
from sandbox.core.config import read_toml
from sandbox.core.errors import SandboxError, UsageError
from sandbox.core.run import Run
from sandbox.data.pictures import Dataset
from sandbox.ui.console import Console

SAID = {
    "cnn": "this data set's own cnn",
    "untrained": "a cnn that learned nothing: these data have no classes",
}


class Asked(NamedTuple):
    """A judge, and who it is."""

    judge: Judge
    about: dict[str, Any]
    """for scripts: kind, and run or file"""
    said: str
    """for people"""


def judge_for(
    run: Run, dataset: Dataset, named: str | None, console: Console, device: torch.device | str
) -> Asked:
    """The judge of a generative run.

    Args:
        run: whose pictures are to be judged.
        dataset: what it learned from, with all classes.
        named: the folder of a run of `train-classifier`; None for the data set's own judge.

    Raises:
        UsageError: the named run is no classifier of such pictures, or related to the run.
    """
    if named is None:
        house = house_judge(dataset, console, device)
        about = {"kind": house.kind, "run": None, "file": None if house.file is None else str(house.file)}
        return Asked(house.judge, about, SAID[house.kind])
    other = Run(named)
    return Asked(_classifier(other, run, dataset, console, device), {"kind": "run", "run": named}, other.name)


def check_judge(judge: Run, run: Run) -> None:
    """Raise UsageError where a run cannot judge another: it is no classifier, or one comes from the other."""
    if judge.info["kind"] != "classifier":
        raise UsageError(
            f"--judge: {judge.name} is a run of {judge.info['what']}, and no classifier",
            hint="leave --judge out: the data set has a judge of its own",
        )
    for one, other in ((judge, run), (run, judge)):
        if descends(one, other):
            raise UsageError(
                f"--judge: {one.name} learned from what {other.name} had learned: it would favour its kin",
                hint="leave --judge out: the data set has a judge of its own",
            )


def descends(run: Run, other: Run) -> bool:
    """Whether a run began with what another one had learned, or with what came from that."""
    ours = other.path.resolve()
    return any(name == other.name or path == ours for name, path in _ancestors(run))


def _ancestors(run: Run) -> Iterator[tuple[str, Path | None]]:
    """Names of the runs that a run comes from, and their folders as far as they are there."""
    seen = {run.path.resolve()}
    current: Run | None = run
    while current is not None:
        parent = current.info.get("parent")
        if not isinstance(parent, str):
            return
        places = [*_start(current), current.path.parent / parent]
        found = next((path.resolve() for path in places if (path / "run.json").is_file()), None)
        yield (found.name if found else Path(parent).name), found
        if found is None or found in seen:
            return
        seen.add(found)
        current = Run(found)


def _start(run: Run) -> list[Path]:
    """The folder with the file that a run's config began with."""
    try:
        source = read_toml(run.config_path)[0].get("init_from")
    except SandboxError:
        return []
    return [Path(source.removeprefix("hf:")).parent] if isinstance(source, str) else []


def _classifier(
    judge: Run, run: Run, dataset: Dataset, console: Console, device: torch.device | str
) -> ClassifierJudge:
    from sandbox.supervised.opened import classes_of, open_classifier, read_config, shape_of, warning_to

    check_judge(judge, run)
    config = read_config(judge, str(device))
    shape, classes = shape_of(judge, config), classes_of(judge, config)
    if shape != dataset.shape:
        raise UsageError(
            f"--judge: {judge.name} sees {_size(shape)}, and {run.name} draws {_size(dataset.shape)}"
        )
    if classes != dataset.classes:
        raise UsageError(
            f"--judge: {judge.name} knows the classes {', '.join(classes)}, and {run.name} others: "
            f"{', '.join(dataset.classes)}"
        )
    return ClassifierJudge(open_classifier(judge, config, "best", warning_to(console))[1])


def _size(shape: tuple[int, int, int]) -> str:
    channels, height, width = shape
    return f"{width}×{height} in {'grey' if channels == 1 else 'colour' if channels == 3 else channels}"
