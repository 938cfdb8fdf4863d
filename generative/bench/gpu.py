"""What the larger diffusion model comes to on a GPU, and how fast it is there beside diffusers' network."""

from __future__ import annotations

from typing import Any

import torch

from generative.bench.ddpm import cost, guidances, judged, opened
from generative.bench.judged import yardstick
from generative.bench.pace import drawing, learning, pace_row
from generative.bench.tasks import (
    DRAWN_AT_ONCE,
    FULL_LENGTH,
    GPU,
    GPU_PEER,
    GPU_RIGHT_GOAL,
    LONG_DRAWN,
    STEPS,
)
from generative.bench.trainer import Trainer
from generative.generate.sampling import Sampling
from sandbox.nn.fit import Training

Row = dict[str, Any]
TABLE = "ddpm-gpu"
ABSENT = "not measured: no GPU"


def on_gpu(trainer: Trainer, seed: int) -> list[Row]:
    """Quality after as long as everything else, and both paces; rows that say so where there is no GPU."""
    whats = ("learned from", f"drawn in {STEPS} steps")
    if not torch.cuda.is_available():
        absent = {"part": TABLE, "model": GPU, "goal": f"≥ {GPU_RIGHT_GOAL:g} % right", "on": ABSENT}
        return [absent, *(pace_row(ABSENT, what, None) for what in whats)]
    name = torch.cuda.get_device_name()
    both = {words: trainer.untrained(words, seed, FULL_LENGTH)[1] for words in (GPU, GPU_PEER)}
    paces = learning(both, trainer.quick), drawing(models_of(both), trainer.quick, DRAWN_AT_ONCE)
    rows = [pace_row(name, what, pace) for what, pace in zip(whats, paces, strict=True)]
    return [*quality(trainer, seed, name), *rows]


def quality(trainer: Trainer, seed: int, name: str) -> list[Row]:
    """A row for each guidance."""
    result = trainer.train(GPU, seed)
    model, usual = opened(result, "cuda")
    yard = yardstick(trainer, "mnist", trainer.some(LONG_DRAWN), told=True)
    rows = []
    for guidance in guidances(usual):
        found = judged(model, yard, Sampling(steps=STEPS, guidance=guidance), seed)
        row = {"part": TABLE, "model": GPU, "goal": f"≥ {GPU_RIGHT_GOAL:g} % right", "on": name, **found}
        row["reached"] = row["judged_right_percent"] >= GPU_RIGHT_GOAL
        rows.append(row | cost(result))
    return rows


def models_of(trainings: dict[str, Training]) -> dict[str, Any]:
    """With the averaged weights, in evaluation mode."""
    return {words: one.learned.eval() for words, one in trainings.items()}
