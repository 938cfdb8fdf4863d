"""How `compare` tells people what came out: a table, and what one should know before believing it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sandbox.commands.comparison.grouping import Group, differing_within, repeats, short
from sandbox.commands.comparison.measured import Measured
from sandbox.ui.console import Console

MOST_NAMED = 6
"""settings or runs that a remark names"""


def show(result: dict[str, Any], console: Console) -> None:
    """Print what the groups came to, and below it what that took: one table would be too wide to read."""
    for columns, rows in tables(result):
        console.table(columns, rows)
        console.print()


def tables(result: dict[str, Any]) -> list[tuple[list[str], list[list[Any]]]]:
    """The columns and rows of both tables."""
    goal, asked_for = result["threshold"], result["asked_for"]
    final = f"final {result['metric']}" if asked_for else "final"
    first = ["group", "seeds", f"{final} ± std", "IQM [95 % interval]", "best"]
    second = ["group", "steps", "seconds"]
    second += [] if goal is None else ["reached", f"steps to {goal:g}", f"seconds to {goal:g}"]
    return [
        (first, [_result(group, asked_for) for group in result["groups"]]),
        (second, [_cost(group)[: len(second)] for group in result["groups"]]),
    ]


def _result(group: dict[str, Any], asked_for: bool) -> list[Any]:
    incomplete = not asked_for and any(run["final_is"] == "last value" for run in group["runs"])
    spread = "" if group["std"] is None else f" ± {number_text(group['std'])}"
    interval = group["interval"]
    around = " –" if interval is None else f" [{number_text(interval[0])}, {number_text(interval[1])}]"
    return [
        group["label"],
        f"{group['seeds']}{' indicative' if group['indicative'] else ''}",
        f"{number_text(group['mean'])}{spread}{'*' * incomplete}",
        f"{number_text(group['iqm'])}{around}",
        number_text(group["best"]),
    ]


def _cost(group: dict[str, Any]) -> list[Any]:
    to_threshold = group["steps_to_threshold"]
    return [
        group["label"],
        f"{group['steps']:,.0f}",
        number_text(group["seconds"]),
        f"{group['reached']} of {len(group['runs'])}",
        None if to_threshold is None else f"{to_threshold:,.0f}",
        number_text(group["seconds_to_threshold"]),
    ]


def number_text(value: float | None) -> str | None:
    """A number with four digits, or all of its whole ones where it is large."""
    if value is None:
        return None
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def remarks(groups: Sequence[Group[Measured]], result: dict[str, Any]) -> list[str]:
    """What one should know before believing the table."""
    said = []
    outcomes = [run for group in result["groups"] for run in group["runs"]]
    last = [f"{run['run']} ({run['status']})" for run in outcomes if run["final_is"] == "last value"]
    if last and not result["asked_for"]:
        said.append(f"* with the last {result['metric']} of {_some(last)}, in place of a final evaluation")
    for group in groups:
        twice = len(group.runs) - len(set(repeats(group.runs)))
        if twice:
            said.append(
                f"{group.label}: {twice} of {len(group.runs)} runs repeat the seed of another one,"
                " and are no evidence of their own (--by run keeps all apart)"
            )
        within = [short(key) for key in differing_within(group)]
        if within:
            said.append(f"{group.label}: its runs differ in {_some(within)}")
    named = {key for group in groups for key in group.named}
    hidden = [short(key) for key in groups[0].settings if key not in named | {"model"}]
    if hidden:
        said.append(f"the groups also differ in {_some(hidden)}")
    return said


def _some(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
