"""``evaluate``: measure a run, and fail where it does not reach a score."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import Positional, arg

from sandbox.core.config import Count
from sandbox.core.errors import GateFailed, UsageError
from sandbox.core.plugins import Question, kind_of
from sandbox.core.runs import find_run
from sandbox.ui.console import Console


@dataclass(frozen=True)
class Evaluate:
    """Measure how good a run is; with --gate, exit with code 6 where its score does not reach it.

    RUN is a name, a unique beginning of one, a path, or "latest".

    Examples:
        python -m sandbox evaluate latest
        python -m sandbox evaluate latest --episodes 20 --gate 475 --json
        python -m sandbox evaluate runs/first --checkpoint last
        python -m sandbox evaluate runs/signs --split validation --gate 0.99
        python -m sandbox evaluate runs/signs --tta 8
        python -m sandbox evaluate runs/vae --samples 500 --images 1000 --gate 100
    """

    name: Annotated[Positional[str], arg(metavar="RUN")]
    """The run."""
    episodes: Count | None = None
    """Of an agent: how many; 100, unless given."""
    split: Literal["train", "validation", "test"] | None = None
    """Of a classifier or a generative model: which pictures; test, unless given."""
    tta: Count | None = None
    """Of a classifier: average over this many altered copies of each picture, too; 0, unless given."""
    samples: Count | None = None
    """Of a VAE: latents drawn for each picture for the importance-weighted bound; 500, unless given."""
    images: Count | None = None
    """Of a VAE: pictures on which that bound's distance from the ELBO is measured; 100, unless given."""
    data_dir: Path | None = None
    """Folder with the data; the run's, SANDBOX_DATA, then the cache, unless given."""
    gate: float | None = None
    """What must be reached: mean return, or accuracy (0 to 1); of an autoencoder the squared error, and of a
    VAE the nats of its ELBO, that must not be exceeded."""
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
            GateFailed: The score is worse than ``gate``; ``data`` is what would have been returned.
        """
        if self.gate is not None and math.isnan(self.gate):
            raise UsageError("--gate must be a number")
        run = find_run(self.name, self.out)
        console.run = run
        kind = kind_of(run.info["kind"])
        if kind.score == "accuracy" and self.gate is not None and self.gate > 1:
            raise UsageError(f"--gate is a part of the pictures, 0 to 1, not {self.gate:g}")
        question = Question(
            checkpoint=self.checkpoint,
            device=self.device,
            trust=self.trust,
            seed=self.seed,
            episodes=self.episodes,
            split=self.split,
            tta=self.tta,
            samples=self.samples,
            images=self.images,
            data_dir=None if self.data_dir is None else str(self.data_dir),
        )
        result = kind.evaluate(run, console, question)
        if self.gate is None:
            return result
        reached = result["evaluation"][kind.score]
        lower = getattr(kind, "lower_is_better", False)
        # Negated, so that a NaN does not pass.
        if not (reached <= self.gate if lower else reached >= self.gate):
            side = "above" if lower else "below"
            raise GateFailed(
                f"the gate failed: the {kind.score} of {reached:.4g} is {side} {self.gate:g}",
                data={**result, "gate": self.gate},
            )
        console.print(f"the gate of {self.gate:g} is passed")
        return {**result, "gate": self.gate}
