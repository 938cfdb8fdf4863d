"""``evaluate``: measure a run, and fail where it stays below a score."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from tyro.conf import Positional, arg

from sandbox.core.config import Count
from sandbox.core.errors import GateFailed, UsageError
from sandbox.core.plugins import kind_of
from sandbox.core.runs import find_run
from sandbox.ui.console import Console


@dataclass(frozen=True)
class Evaluate:
    """Measure how good a run is; with --gate, exit with code 6 where its mean stays below.

    RUN is a name, a unique beginning of one, a path, or "latest".

    Examples:
        python -m sandbox evaluate latest
        python -m sandbox evaluate latest --episodes 20 --gate 475 --json
        python -m sandbox evaluate runs/first --checkpoint last
    """

    name: Annotated[Positional[str], arg(metavar="RUN")]
    """The run."""
    episodes: Count = 100
    """How many episodes."""
    gate: float | None = None
    """Mean score that must be reached."""
    checkpoint: str = "best"
    """best, last, first, or a step."""
    seed: int | None = None
    """Other episodes for another seed; those of the run's own last evaluation, unless given."""
    device: str = "auto"
    """Device such as auto, cpu or cuda."""
    trust: bool = False
    """Allow the run to import the module that its environment's id names."""
    out: Path | None = None
    """Folder with the runs; SANDBOX_RUNS or ./runs, unless given."""

    def run(self, console: Console) -> dict[str, Any]:
        """Evaluate; returns what ``--json`` prints.

        Raises:
            GateFailed: The mean is below ``gate``; ``data`` is what would have been returned.
        """
        if self.episodes < 1:
            raise UsageError("--episodes must be at least 1")
        if self.seed is not None and not 0 <= self.seed < 2**31:
            raise UsageError(f"--seed must be between 0 and 2147483647, not {self.seed}")
        if self.gate is not None and math.isnan(self.gate):
            raise UsageError("--gate must be a number")
        run = find_run(self.name, self.out)
        console.run = run
        result = kind_of(run.info["kind"]).evaluate(
            run,
            console,
            episodes=self.episodes,
            seed=self.seed,
            checkpoint=self.checkpoint,
            device=self.device,
            trust=self.trust,
        )
        score = result["evaluation"]
        spread = f"{score['mean']:.2f} ± {score['std']:.2f} (from {score['min']:.4g} to {score['max']:.4g})"
        console.print(f"{run.name}: {spread} over {score['episodes']} episodes")
        if self.gate is None:
            return result
        # Negated, so that a NaN does not pass.
        if not score["mean"] >= self.gate:
            raise GateFailed(
                f"the gate failed: a mean of {score['mean']:.2f} is below {self.gate:g}",
                data={**result, "gate": self.gate},
            )
        console.print(f"the gate of {self.gate:g} is passed")
        return {**result, "gate": self.gate}
