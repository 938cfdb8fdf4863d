"""``resume``: continue a run where its last checkpoint is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from tyro.conf import Positional, arg

from sandbox.core.errors import RunLocked, UsageError
from sandbox.core.plugins import kind_of
from sandbox.core.runs import find_run, latest_unfinished
from sandbox.ui.console import Console


@dataclass(frozen=True)
class Resume:
    """Continue a run that was interrupted, killed or failed; alone, the latest such run.

    On the CPU the result is bit for bit that of a run that was never stopped.

    Examples:
        python -m sandbox resume
        python -m sandbox resume 20260131-1015
    """

    name: Annotated[Positional[str], arg(metavar="[RUN]")] = ""
    """The run; the latest unfinished one, unless given."""
    device: str | None = None
    """Device such as auto, cpu or cuda; the one it had, unless given."""
    trust: bool = False
    """Allow the run to import the module that its environment's id names."""
    out: Path | None = None
    """Folder with the runs; SANDBOX_RUNS or ./runs, unless given."""

    def run(self, console: Console) -> dict[str, Any]:
        """Continue the run to its end; returns what its own command would have returned.

        Raises:
            UsageError: The run is finished.
            RunLocked: A process is working on it.
            RunNotFound: There is no such run, or no unfinished one.
        """
        run = find_run(self.name, self.out) if self.name else latest_unfinished(self.out)
        info = run.info
        if run.is_locked():
            raise RunLocked(f"run {run.name} is still running", hint="wait until it has ended, or stop it")
        if info["status"] == "finished":
            steps = info.get("steps")
            steps = f"{steps:,}" if isinstance(steps, int) else steps
            raise UsageError(
                f"run {run.name} is finished, at {steps} steps: nothing is left to resume",
                hint=f"python -m sandbox evaluate {run.relative()}",
            )
        console.run = run
        console.print(f"resuming {run.relative()}")
        return kind_of(info["kind"]).resume(run, console, trust=self.trust, device=self.device)
