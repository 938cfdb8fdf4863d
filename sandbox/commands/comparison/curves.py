"""The curves of groups of runs, and what their picture is called."""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.commands.comparison.grouping import Group, repeats
from sandbox.commands.comparison.measured import Measured
from sandbox.ui.comparison import Curve


def curves_of(groups: Sequence[Group[Measured]], metric: str) -> dict[str, list[Curve]]:
    """Of each group, by its label, a curve for each run that has logged ``metric``."""
    curves = {}
    for group in groups:
        logged = [
            (run, run.points(metric), seed) for run, seed in zip(group.runs, repeats(group.runs), strict=True)
        ]
        curves[group.label] = [
            Curve(*zip(*points, strict=True), seed=seed, ended=run.finished)
            for run, points, seed in logged
            if points
        ]
    return curves


def title_of(runs: Sequence[Measured], task: str) -> str:
    """``PPO on CartPole-v1``; the task alone where there are several algorithms."""
    algos = {str(run.settings["algo"]) for run in runs}
    algos = {algorithm_label(algo) for algo in algos} if _is_agent(runs[0]) else algos
    algo = algos.pop() if len(algos) == 1 else ""
    return f"{algo} on {task.removeprefix(f'{algo}-')}" if algo else task


def algorithm_label(name: str) -> str:
    """``PPO`` for ppo, and ``Class`` for module:Class."""
    return name.partition(":")[2] or name.upper()


def steps_of(run: Measured) -> str:
    """What its steps count."""
    return "environment steps" if _is_agent(run) else "gradient steps"


def _is_agent(run: Measured) -> bool:
    return "env" in run.info
