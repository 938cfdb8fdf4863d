"""Diffusion models of MNIST after five minutes and after half an hour: what they draw, judged."""

from __future__ import annotations

from typing import Any, cast

from generative.bench.drawn import draw, seconds_for
from generative.bench.judged import measured, yardstick
from generative.bench.steps import against_steps
from generative.bench.tasks import (
    DRAWN,
    FLOORS_GOAL,
    LONG,
    LONG_DRAWN,
    LONG_RIGHT_GOAL,
    OURS,
    RIGHT_GOAL,
    STEPS,
    TIMED,
    TIMED_GOAL,
)
from generative.bench.trainer import Trainer
from generative.ddpm import DDPM
from generative.generate.sampling import Sampling
from generative.opened import open_generator
from generative.quality.yardstick import Yardstick
from sandbox.core.run import Run
from sandbox.nn.device import threads

Row = dict[str, Any]
CPU = " --device cpu"
"""what is promised is promised of a CPU"""


def short(trainer: Trainer, seed: int) -> list[Row]:
    """Five minutes: digits judged right, and all samplers at different numbers of steps."""
    result = trainer.train(OURS + CPU, seed)
    model, usual = opened(result)
    rows = []
    yard = yardstick(trainer, "mnist", trainer.some(DRAWN), told=True)
    with threads(trainer.thread_count):
        for guidance in guidances(usual):
            sampling = Sampling(steps=STEPS, guidance=guidance)
            row = {"model": OURS, **judged(model, yard, sampling, seed)}
            row["goal"] = f"≥ {RIGHT_GOAL:g} % right; {TIMED} digits in ≤ {TIMED_GOAL} s"
            row["reached"] = row["judged_right_percent"] >= RIGHT_GOAL
            row["seconds_for_64"] = seconds_for(model, TIMED, sampling)
            row["in_time"] = row["seconds_for_64"] <= TIMED_GOAL
            rows.append(row | cost(result))
    return rows + against_steps(trainer, model, seed)


def long(trainer: Trainer, seed: int) -> list[Row]:
    """Half an hour: digits judged right, and how near their distribution comes."""
    result = trainer.train(OURS + CPU, seed, part=LONG)
    model, usual = opened(result)
    rows = []
    yard = yardstick(trainer, "mnist", trainer.some(LONG_DRAWN), told=True)
    with threads(trainer.thread_count):
        for guidance in guidances(usual):
            row = {"model": OURS, **judged(model, yard, Sampling(steps=STEPS, guidance=guidance), seed)}
            row["goal"] = f"≥ {LONG_RIGHT_GOAL:g} % right, Fréchet distance ≤ {FLOORS_GOAL:g} floors"
            row["reached"] = row["judged_right_percent"] >= LONG_RIGHT_GOAL and row["floors"] <= FLOORS_GOAL
            rows.append(row | cost(result))
    return rows


def opened(result: Row, device: str = "cpu") -> tuple[DDPM, float]:
    """The model of a run, and the guidance with which it draws unless told otherwise."""
    found = open_generator(Run(result["run"]), device)
    return cast(DDPM, found.model), found.guidance


def guidances(usual: float) -> list[float]:
    """None, and the usual."""
    return list(dict.fromkeys((1.0, usual)))


def judged(model: DDPM, yard: Yardstick, sampling: Sampling, seed: int) -> Row:
    """How it was drawn, and what it is worth."""
    drawn = draw(model, yard.count, sampling, seed)
    how = {
        "guidance": f"{sampling.guidance:g}",
        "in_steps": f"{sampling.steps}",
        "pictures": f"{yard.count:,}".replace(",", " "),
    }
    return how | measured(yard, drawn) | {"drawn_per_second": yard.count / drawn.seconds}


def cost(result: Row) -> Row:
    """What the model took to train."""
    return {
        "parameters": result["parameters"],
        "epochs": result["epochs"],
        "seconds": result["train_seconds"],
    }
