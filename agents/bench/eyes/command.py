"""`bench eyes`: the command. Nothing heavy at import."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.core.config import Count
from sandbox.core.errors import UnknownName, UsageError
from sandbox.core.manifest import describe
from sandbox.ui.console import Console

SCHEMA = "sandbox.bench-eyes/1"
QUICK = 8


@dataclass(frozen=True)
class EyesBench:
    """Steps per second of learning from pixels, ours beside stock Stable-Baselines3, all else the same.

    Both learn the same batch of eight environments (SB3 as a VecEnv), with the same network, settings and
    updates per step, each in a process of its own, in turns: ours, SB3, SB3, ours. Speeds are medians over
    the rounds, the ratio is the median of the rounds' ratios. "bare network" is how many steps a second the
    forward and backward passes alone would allow.

    Examples:
        python -m sandbox bench eyes
        python -m sandbox bench eyes --only pong-ppo-nature pong-dqn-nature
        python -m sandbox bench eyes --device cuda --json
    """

    rounds: Count = 5
    """How many rounds of four turns."""
    only: tuple[str, ...] = ()
    """Some of the contests, such as pong-ppo-nature."""
    device: str = "cpu"
    """cpu, cuda, cuda:1, mps."""
    threads: Count = 1
    """torch's threads on the CPU."""
    quick: bool = False
    """One round, of an eighth of the length."""

    def run(self, console: Console) -> dict[str, Any]:
        """Race contest by contest, print a table; returns rows and the raw numbers of every round."""
        if self.rounds < 1 or self.threads < 1:
            raise UsageError("--rounds and --threads must be at least 1")
        import torch

        from sandbox.nn.device import pick_device

        from .contests import CONTESTS
        from .laps import measure, row_of

        known = {contest.name: contest for contest in CONTESTS}
        for name in self.only:
            if name not in known:
                raise UnknownName("contest", name, known)
        device = str(pick_device(self.device))
        torch.set_num_threads(self.threads)
        rows, raw, skipped = [], [], {}
        for contest in [known[name] for name in self.only] or CONTESTS:
            why = contest.missing()
            if why is not None:
                console.note(f"{contest.name}: skipped, {why}")
                skipped[contest.name] = why
                continue
            console.note(contest.name)
            how = {"rounds": 1, "shorter": QUICK} if self.quick else {"rounds": self.rounds}
            found = measure(contest, device=device, threads=self.threads, **how)
            raw.append({"contest": contest.name, **found})
            rows.append(row_of(contest, found, device))
        machine = describe(["python", "-m", "sandbox", "bench", "eyes"])
        show(console, rows)
        return {"schema": SCHEMA, "machine": machine, "rows": rows, "runs": raw, "skipped": skipped}


def show(console: Console, rows: list[dict[str, Any]]) -> None:
    """A line for each contest."""
    if rows:
        cells = [[_shown(value) for value in row.values()] for row in rows]
        console.table([name.replace("_", " ") for name in rows[0]], cells)


def _shown(value: Any) -> Any:
    return (f"{value:,.0f}" if value >= 100 else f"{value:.3g}") if isinstance(value, float) else value
