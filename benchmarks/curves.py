"""The pictures of docs/benchmarks.md that are drawn from the recipes' results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sandbox.ui.comparison import Curve
from sandbox.ui.small_multiples import Panel, small_multiples

Record = Mapping[str, Any]


def draw(records: Sequence[Record], path: Path) -> Path:
    """A panel for each task, a curve for each algorithm, engine and seed.

    Args:
        records: results of `bench pixels`; what is drawn are their "runs".
        path: of the PNG.
    """
    panels = [
        Panel(task.rpartition("/")[2].partition("-v")[0], groups, threshold)
        for (task, threshold), groups in grouped(records).items()
    ]
    title = "Learning from pixels"
    return small_multiples(path, panels, title=title, measure="mean return of greedy episodes")


def draw_steps(records: Sequence[Record], path: Path) -> Path:
    """What a diffusion model draws in so many steps of each sampler.

    Args:
        records: results of `bench generative --only ddpm`; what is drawn are their "runs".
        path: of the PNG.
    """
    from generative.bench.steps_plot import draw_curves

    return draw_curves(path, [run for record in records for run in record["result"]["runs"]])


def draw_transfer(records: Sequence[Record], path: Path) -> Path:
    """What backbones are worth in other wings: the results of `bench transfer`, as a heat map."""
    from benchmarks.transfer_plot import heat_map

    return heat_map(path, [cell for record in records for cell in record["result"]["cells"]])


def grouped(records: Sequence[Record]) -> dict[tuple[str, float | None], dict[str, list[Curve]]]:
    """(task, threshold) -> label of an algorithm -> its curves; SB3's come last."""
    runs = [run for record in records for run in record["result"]["runs"] if run["curve"]]
    runs.sort(key=lambda run: run["engine"] != "ours")
    tasks: dict[tuple[str, float | None], dict[str, list[Curve]]] = {}
    for run in runs:
        label = run["algorithm"] if run["engine"] == "ours" else f"{run['engine']} {run['algorithm']}"
        steps, seconds, values = zip(*run["curve"], strict=True)
        groups = tasks.setdefault((run["task"], run["threshold"]), {})
        groups.setdefault(label, []).append(Curve(steps, seconds, values, run["seed"]))
    return tasks
