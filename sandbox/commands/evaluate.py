"""``evaluate``: measure a run, and fail where it does not reach a score."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import Positional, arg

from sandbox.core.config import Count
from sandbox.core.errors import GateFailed, UnknownName, UsageError
from sandbox.core.kinds import Kind, Question
from sandbox.core.plugins import kind_of
from sandbox.core.run import Run
from sandbox.core.runs import find_run
from sandbox.ui.console import Console

SHARES = ("accuracy", "precision", "recall")
"""scores from 0 to 1"""


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
        python -m sandbox evaluate runs/ddpm --samples 10k --guidance 2 --gate 0.95
        python -m sandbox evaluate runs/ddpm --sampler ddim --steps 50 --score fd_ratio --gate 3
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
    """Of a VAE: latents drawn for each picture for the importance-weighted bound; 500, unless given.
    Of a ddpm: pictures that it draws, to be measured; about 1,000, unless given."""
    images: Count | None = None
    """Of a VAE: pictures on which that bound's distance from the ELBO is measured; 100, unless given."""
    sampler: Annotated[str | None, arg(metavar="NAME")] = None
    """Of a ddpm: how it draws: ddpm, ddim, dpm++ or unipc; dpm++, unless given."""
    steps: Count | None = None
    """Of a ddpm: in how many steps it does; 20, unless given."""
    guidance: float | None = None
    """Of a ddpm: how much it exaggerates what makes the class; as `generate` does, unless given."""
    judge: Annotated[str | None, arg(metavar="RUN")] = None
    """Of a ddpm: the classifier that says what is to be seen; the data set's own, unless given."""
    data_dir: Path | None = None
    """Folder with the data; the run's, SANDBOX_DATA, then the cache, unless given."""
    gate: float | None = None
    """What must be reached: mean return, or accuracy (0 to 1); of an autoencoder the squared error, and of a
    VAE the nats of its ELBO, that must not be exceeded; of a ddpm the part of its pictures that show the
    class asked for or, where it is told none, the Fréchet distance in floors, that must not be exceeded."""
    score: Annotated[str | None, arg(metavar="NAME")] = None
    """Of a ddpm: what the gate is about: accuracy, fd_ratio, fd, precision or recall."""
    checkpoint: str = "best"
    """best, last, first, or a step."""
    seed: int | None = None
    """Of an agent: other episodes for another seed; those of the run's own last evaluation, unless given.
    Of a ddpm: of all noise; 0, unless given."""
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
        if self.gate is None and self.score is not None:
            raise UsageError("--score says what a gate is about", hint="add --gate")
        run = find_run(self.name, self.out)
        console.run = run
        kind = kind_of(run.info["kind"])
        gates = _gates(kind, run, self.score)
        first = next(iter(gates))
        if first in SHARES and self.gate is not None and self.gate > 1:
            others = [name for name in gates if name not in SHARES]
            hint = f"for another score: --score {others[0]}" if others else None
            raise UsageError(
                f"--gate is about the {first} here, 0 to 1, and {self.gate:g} is above that", hint=hint
            )
        result = kind.evaluate(run, console, self._question())
        if self.gate is None:
            return result
        score, lower = next(
            (pair for pair in gates.items() if pair[0] in result["evaluation"]), (None, False)
        )
        if score is None:
            raise UsageError(f"--score: this evaluation has no {self.score}")
        reached, side = result["evaluation"][score], "above" if lower else "below"
        passed = bool(reached <= self.gate if lower else reached >= self.gate)  # never with a NaN
        held = {"score": score, "value": reached, "lower_is_better": lower, "passed": passed}
        answer = {**result, "gate": self.gate, "gated": held}
        said = f"the {score} of {reached:.4g} is"
        if not passed:
            raise GateFailed(f"the gate failed: {said} {side} {self.gate:g}", data=answer)
        console.print(f"the gate of {self.gate:g} is passed: {said} not {side} it")
        return answer

    def _question(self) -> Question:
        return Question(
            checkpoint=self.checkpoint,
            device=self.device,
            trust=self.trust,
            seed=self.seed,
            episodes=self.episodes,
            split=self.split,
            tta=self.tta,
            samples=self.samples,
            images=self.images,
            steps=self.steps,
            sampler=self.sampler,
            guidance=self.guidance,
            judge=None if self.judge is None else str(find_run(self.judge, self.out).path),
            data_dir=None if self.data_dir is None else str(self.data_dir),
        )


def _gates(kind: Kind, run: Run, score: str | None) -> dict[str, bool]:
    """The scores that a gate may be about, the most wanted first: whether each is the better the lower it is.

    Raises:
        UsageError, UnknownName: ``score`` is none of them.
    """
    gates_of = getattr(kind, "gates_of", None)
    gates: dict[str, bool] = getattr(kind, "gates", None) or {
        kind.score: getattr(kind, "lower_is_better", False)
    }
    known = gates if gates_of is None else gates_of(run)
    if score is None:
        return known
    if score not in gates:
        raise UnknownName("score of such runs", score, gates)
    if score not in known:
        raise UsageError(f"--score: this evaluation has no {score}")
    return {score: gates[score]}
