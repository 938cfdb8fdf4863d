"""Wall time of whole processes, from their start to the line that says they are done."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from typing import Any

_ONE_THREAD = {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}

IMPORTS = "import torch, stable_baselines3"


def commands(seed: int, steps: int, folder: str) -> dict[str, tuple[list[str], str | None]]:
    """What is timed: words after `python`, and how the line starts that ends the measurement (None: the
    process's end)."""
    ours = ["-m", "sandbox", "train-agent", "CartPole", "--seed", str(seed), "--steps", str(steps)]
    return {
        "train-agent CartPole, until it says solved": ([*ours, "--out", folder], "solved"),
        "an SB3 script, until it says solved": (
            ["-m", "agents.bench.script", str(seed), str(steps)],
            "solved",
        ),
        IMPORTS: (["-c", IMPORTS], None),
        "python -m sandbox --help": (["-m", "sandbox", "--help"], None),
    }


def warm_up() -> None:
    """Read every file and compile every module once: the first measurement shall not wait for the disk."""
    with tempfile.TemporaryDirectory() as folder:
        for words, _ in commands(seed=0, steps=2_048, folder=folder).values():
            wall_seconds(words)


def measure_processes(seed: int, steps: int) -> list[dict[str, Any]]:
    """Time each command once; odd seeds go through them backwards.

    Returns:
        one entry, its "seconds" None where a process ended without saying that it had solved the task.
    """
    with tempfile.TemporaryDirectory() as folder:
        timed = commands(seed, steps, folder)
        order = list(timed)[:: -1 if seed % 2 else 1]
        seconds = {name: wall_seconds(*timed[name]) for name in order}
    return [{"seed": seed, "seconds": {name: seconds[name] for name in timed}}]


def wall_seconds(words: list[str], until: str | None = None) -> float | None:
    """Seconds from the start of `python WORDS` to a line that starts with `until`, or to its end.

    The process may finish in peace in any case. None if no such line came.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    command = [sys.executable, *words]
    found: float | None = None
    started = time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=os.environ | _ONE_THREAD
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if until is not None and found is None and line.startswith(until):
                found = time.perf_counter() - started
        process.wait()
        ended = time.perf_counter() - started
    if process.returncode != 0:
        raise subprocess.CalledProcessError(process.returncode, command)
    return ended if until is None else found
