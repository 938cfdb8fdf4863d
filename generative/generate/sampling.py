"""How a diffusion model draws: which sampler, how many steps, how much guidance. Loads no torch."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from generative.config import DDPMConfig, GeneratorConfig
from generative.samplers import DEFAULT, SAMPLERS
from sandbox.core.errors import UsageError

STEPS = 20
MOST_GUIDANCE = 100.0


@dataclass(frozen=True)
class Sampling:
    """Settings with nothing left open."""

    sampler: str = DEFAULT
    steps: int = STEPS
    guidance: float = 1.0

    def unlike(self, usual: Sampling) -> list[str]:
        """What is not as usual, for the name of a file."""
        return [
            "" if self.sampler == usual.sampler else self.sampler,
            "" if self.steps == usual.steps else f"steps{self.steps}",
            "" if self.guidance == usual.guidance else f"guidance{self.guidance:g}",
        ]

    def but(self, sampler: str | None, steps: int | None, guidance: float | None) -> Sampling:
        """These, but for what is given."""
        return Sampling(
            self.sampler if sampler is None else sampler,
            self.steps if steps is None else int(steps),
            self.guidance if guidance is None else guidance,
        )

    @property
    def said(self) -> str:
        """For people."""
        guided = "" if self.guidance == 1 else f", guidance {self.guidance:g}"
        return f"{self.sampler}, {self.steps} steps{guided}"

    @property
    def about(self) -> dict[str, Any]:
        """For scripts."""
        return {"sampling": asdict(self)}


def check_sampling(sampler: str | None, steps: int | None, guidance: float | None) -> None:
    """Refuse numbers that mean nothing, and unknown samplers.

    Raises:
        UsageError, UnknownName: which, and why.
    """
    if sampler is not None:
        SAMPLERS.resolve(sampler)
    if steps is not None and steps < 1:
        raise UsageError(f"--steps must be at least 1, not {steps}")
    if guidance is not None and not (math.isfinite(guidance) and 0 <= guidance <= MOST_GUIDANCE):
        raise UsageError(f"--guidance must be 0 to {MOST_GUIDANCE:g}, not {guidance:g}")


def check_guidable(config: GeneratorConfig, guidance: float | None, name: str) -> None:
    """Raise UsageError where a run that was told classes never learned what guidance compares them with.

    Args:
        config: of the run.
        guidance: that is asked for.
        name: of the run.
    """
    if guidance in (None, 1) or not isinstance(config, DDPMConfig) or not config.class_conditional:
        return
    if not config.guidable:
        raise UsageError(
            f"--guidance must be 1, not {guidance:g}: {name} was always told the class (label_dropout 0), "
            "and guidance compares with what it draws when told none"
        )


WAY = Sampling("ddim", 50, 1.0)
"""along the noises of two pictures, without chance"""
REPAIR = Sampling("repaint", 50, 1.0)
"""of a part of a picture"""
