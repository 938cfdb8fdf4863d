"""What got worse? ``python -m benchmarks.quick [--only NAME…] [--update]`` says it in minutes.

Each check is one short command in a process of its own, on one thread. Its figures are compared with those
of ``benchmarks/quick.json``, which says where they come from; `--update` writes what was found there.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from benchmarks.checks import CHECKS, Check, Figure
from benchmarks.stages import REPOSITORY, duration
from sandbox.core.errors import GateFailed, UnknownName
from sandbox.core.files import write_atomically
from sandbox.core.manifest import describe
from sandbox.core.signals import raise_interrupt

EXPECTATIONS = REPOSITORY / "benchmarks" / "quick.json"
LIMIT_SECONDS = 1800
"""After which a check counts as failed."""
FINE, BETTER, WORSE, NEW = "fine", "better", "WORSE", "new"


@dataclass(frozen=True)
class Found:
    """What a check came to."""

    check: Check
    values: Mapping[str, float | None] = field(default_factory=dict)
    """Name of a figure -> its value."""
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    left_out: str = ""
    failure: str = ""


def main(argv: list[str] | None = None) -> int:
    """Run the checks and print the table; returns 6 if a figure is worse than its tolerance allows."""
    options = _options(argv)
    chosen = [check for check in CHECKS if not options.only or _named(check, options.only)]
    for name in options.only:
        if not any(_named(check, [name]) for check in CHECKS):
            error = UnknownName("check", name, [check.name for check in CHECKS])
            print(f"error: {error}", file=sys.stderr)
            return error.exit_code
    found = []
    try:
        for number, check in enumerate(chosen, 1):
            print(f"[{number} of {len(chosen)}] {check.name} … ", end="", file=sys.stderr, flush=True)
            found.append(run(check))
            print(_told(found[-1]), file=sys.stderr)
    except KeyboardInterrupt as stop:
        print("\nInterrupted.", file=sys.stderr)
        return getattr(stop, "exit_code", 130)
    expected = _expectations()
    if options.update:
        record = updated(expected, found)
        write_atomically(EXPECTATIONS, json.dumps(record, indent=1) + "\n")
        expected = record["figures"]
    rows, worse = compared(expected, found)
    print(_table(rows))
    print(_summary(found, worse), file=sys.stderr)
    return GateFailed.exit_code if worse else 0


def _expectations() -> dict[str, Any]:
    return json.loads(EXPECTATIONS.read_text(encoding="utf-8"))["figures"] if EXPECTATIONS.exists() else {}


def _named(check: Check, names: Sequence[str]) -> bool:
    return any(fnmatchcase(check.name, name) for name in names)


def run(check: Check) -> Found:
    """Run a check; whatever goes wrong is told by what it returns. Raises KeyboardInterrupt."""
    if check.needs_data and not os.environ.get("SANDBOX_DATA"):
        return Found(check, left_out="SANDBOX_DATA names no folder with the data")
    started, cpu_before = time.monotonic(), _cpu_seconds()
    code, output, said = _call([check.program, *check.command.split()])
    seconds, cpu_seconds = time.monotonic() - started, _cpu_seconds() - cpu_before
    try:
        result = json.loads(output)
    except ValueError:
        code, result = code or 1, {}
    if code:
        last = (result.get("error") or said.strip().rpartition("\n")[2] or "it said nothing")[:200]
        return Found(check, {}, seconds, cpu_seconds, failure=f"exit code {code}, {last}")
    values = {figure.name: figure.of(result) for figure in check.figures}
    return Found(check, values, seconds, cpu_seconds)


def _call(words: Sequence[str]) -> tuple[int, str, str]:
    """The exit code of a command of ours, and what it printed to stdout and stderr."""
    with tempfile.TemporaryDirectory() as runs:
        # Two threads would add up in another order, and wait for each other where others compute.
        env = {**os.environ, "OMP_NUM_THREADS": "1", "SANDBOX_RUNS": runs}
        command = [sys.executable, "-m", *words, "--json"]
        try:
            done = subprocess.run(command, cwd=REPOSITORY, env=env, capture_output=True, text=True,
                                  timeout=LIMIT_SECONDS, check=False)  # fmt: skip
        except subprocess.TimeoutExpired:
            return -9, "", f"it took more than {duration(LIMIT_SECONDS)}"
    if done.returncode in (-2, 130):  # it got the terminal's Ctrl-C too
        raise KeyboardInterrupt
    return done.returncode, done.stdout, done.stderr


def _cpu_seconds() -> float:
    """Of all processes that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def verdict(figure: Figure, expected: float | None, found: float | None) -> str:
    """How a figure compares with what is expected of it."""
    if found is None:
        return WORSE
    if expected is None:
        return NEW
    gain = (found - expected) * (1 if figure.better == "higher" else -1)
    if abs(gain) <= figure.tolerance * abs(expected):
        return FINE
    return BETTER if gain > 0 else WORSE


def compared(
    expected: Mapping[str, Mapping[str, Any]], found: Sequence[Found]
) -> tuple[list[list[str]], list[str]]:
    """The rows of the table, and what got worse."""
    rows, worse = [], []
    for one in found:
        for figure in one.check.figures:
            name = f"{one.check.name}: {figure.name}"
            wanted, value = expected.get(name, {}).get("value"), one.values.get(figure.name)
            word = "left out" if one.left_out else verdict(figure, wanted, value)
            if word == WORSE:
                worse.append(name)
            limit = "–" if wanted is None else f"{_sign(figure)} {_number(bound(figure, wanted))}"
            rows.append([name, _number(wanted), limit, _number(value), word])
    return rows, worse


def bound(figure: Figure, expected: float) -> float:
    """The worst value that is still fine."""
    return expected + abs(expected) * figure.tolerance * (-1 if figure.better == "higher" else 1)


def updated(expected: Mapping[str, Any], found: Sequence[Found]) -> dict[str, Any]:
    """The contents of quick.json with what was found in it; figures that nobody asks for any more go."""
    made = describe(["python", "-m", "benchmarks.quick", "--update"])
    asked = {f"{check.name}: {figure.name}" for check in CHECKS for figure in check.figures}
    figures = {name: value for name, value in expected.items() if name in asked}
    for one in found:
        source = {"command": f"python -m {one.check.program} {one.check.command}", "time": made["time"],
                  "revision": (made["git"] or {}).get("revision"), "processor": made["processor"],
                  "torch": made["versions"].get("torch"),
                  "cpu_seconds": round(one.cpu_seconds, 1)}  # fmt: skip
        for figure in one.check.figures:
            if (value := one.values.get(figure.name)) is not None:
                figures[f"{one.check.name}: {figure.name}"] = {
                    "value": value, "tolerance": figure.tolerance, "better": figure.better, "from": source,
                }  # fmt: skip
    return {"schema": "sandbox.benchmark-quick/1", "figures": figures}


def _told(found: Found) -> str:
    if found.left_out:
        return f"left out: {found.left_out}"
    took = f"{duration(found.seconds)}, {duration(found.cpu_seconds)} of the processor"
    return f"failed after {took}: {found.failure}" if found.failure else took


def _table(rows: Sequence[Sequence[str]]) -> str:
    lines = [["figure", "expected", "allowed", "found", "verdict"], *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(5)]
    return "\n".join(
        "  ".join(cell.ljust(width) if column in (0, 4) else cell.rjust(width)
                  for column, (cell, width) in enumerate(zip(line, widths, strict=True))).rstrip()
        for line in lines
    )  # fmt: skip


def _summary(found: Sequence[Found], worse: Sequence[str]) -> str:
    took = (sum(one.seconds for one in found), sum(one.cpu_seconds for one in found))
    time_text = f"{duration(took[0])}, {duration(took[1])} of the processor"
    if worse:
        many = f"{len(worse)} figure{'s' if len(worse) > 1 else ''}"
        return f"gate failed: {many} got worse ({time_text}): {'; '.join(worse)}"
    left_out = sum(bool(one.left_out) for one in found)
    but = f", but {left_out} of {len(found)} checks were left out" if left_out else ""
    return f"Nothing got worse{but} ({time_text})."


def _sign(figure: Figure) -> str:
    return "≥" if figure.better == "higher" else "≤"


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}".replace(",", " ") if abs(value) >= 1000 else f"{value:.4g}"


def _options(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.quick", description="Fail where learning or speed got worse."
    )
    names = ", ".join(check.name for check in CHECKS)
    parser.add_argument(
        "--only", metavar="NAME", nargs="+", default=[], help=f"these, or patterns; of {names}"
    )
    parser.add_argument("--update", action="store_true", help="expect from now on what is found")
    return parser.parse_args(argv)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, raise_interrupt)
    raise SystemExit(main())
