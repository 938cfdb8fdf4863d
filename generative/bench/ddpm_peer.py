"""Ours beside diffusers' own U-Net under the same loop: in one process, on one thread, in turns.

Ours has a sixth of the time. Both learn from the same pictures at their own size, 28 × 28, which is kinder
to diffusers' network than the 32 × 32 that it is mostly given; both keep the averaged weights of their last
step.
"""

from __future__ import annotations

import time
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, cast

import torch

from generative.bench.ddpm import guidances, judged
from generative.bench.gpu import on_gpu
from generative.bench.judged import yardstick
from generative.bench.pace import CPU_THREAD, drawing, learning, pace_row
from generative.bench.tasks import DRAWN, FULL_LENGTH, OURS, OURS_PART, PEER, PEER_PART, STEPS
from generative.bench.trainer import Trainer
from generative.config import DDPMConfig
from generative.ddpm import DDPM
from generative.generate.sampling import Sampling
from sandbox.commands.bench_envs.timing import Pace
from sandbox.data.catalog import load
from sandbox.nn.device import keep_memory, threads
from sandbox.nn.fit import Training
from sandbox.ui.console import Console

Row = dict[str, Any]
TURNS = 30
LOOKED_AT = 2_000
"""test pictures by which errors of the noise are compared"""
ON_ONE_THREAD = " --device cpu --threads 1"
PARTS = {OURS: OURS_PART, PEER: PEER_PART}
"""which network has which part of the minutes"""


@dataclass
class Learning:
    """A network that learns in turns with another."""

    training: Training
    guidance: float
    """with which it draws unless told otherwise"""
    laps: list[tuple[float, float]] = field(default_factory=list)
    """pictures a second, and CPU seconds over wall seconds, of each turn"""
    seconds: float = 0.0

    @property
    def pace(self) -> Pace:
        return Pace(*zip(*self.laps, strict=True))

    @property
    def model(self) -> DDPM:
        """With the averaged weights."""
        return cast(DDPM, self.training.learned.eval())

    def go_on(self, step: int) -> None:
        """Train until so many steps are done."""
        steps, wall, cpu = step - self.training.step, time.perf_counter(), time.process_time()
        for _ in range(steps):
            self.training.update()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        self.laps.append((steps * self.training.settings.batch_size / wall, cpu / wall))
        self.seconds += wall


def beside_diffusers(trainer: Trainer, seed: int) -> list[Row]:
    """A row for each network and guidance, then how many pictures a second both learn from, and draw."""
    with threads(1), torch.random.fork_rng(devices=[]):
        keep_memory()
        both = {words: begun(words, trainer, seed, FULL_LENGTH) for words in PARTS}
        trainer.console.note(f"speed of {OURS} and {PEER}, seed {seed}")
        paces = learning({words: deepcopy(one.training) for words, one in both.items()}, trainer.quick)
        both = {
            words: begun(words, trainer, seed, steps_within(trainer.seconds(part), paces[words], both[words]))
            for words, part in PARTS.items()
        }
        in_turns(both, trainer.console)
        rows = judged_beside(both, trainer, seed)
        pace = drawing({words: one.model for words, one in both.items()}, trainer.quick)
    rows.append(pace_row(CPU_THREAD, "learned from", {words: one.pace for words, one in both.items()}))
    return [*rows, pace_row(CPU_THREAD, f"drawn in {STEPS} steps", pace), *on_gpu(trainer, seed)]


def begun(words: str, trainer: Trainer, seed: int, steps: int) -> Learning:
    """The untrained network, with the settings that `train-generator` gives it."""
    config, training = trainer.untrained(words + ON_ONE_THREAD, seed, steps)
    return Learning(training, cast(DDPMConfig, config).guidance)


def steps_within(seconds: float, pace: Pace, one: Learning) -> int:
    """How many gradient steps a network makes in this time at this pace."""
    return max(1, round(seconds * pace.middle / one.training.settings.batch_size))


def in_turns(both: dict[str, Learning], console: Console) -> None:
    """Train all to their ends: what disturbs one of them disturbs the others likewise."""
    turns = min(TURNS, *(one.training.settings.steps for one in both.values()))
    with console.progress(turns, "learning in turns") as progress:
        for turn in range(1, turns + 1):
            for one in both.values():
                one.go_on(one.training.settings.steps * turn // turns)
            progress.update(turn)


def judged_beside(both: dict[str, Learning], trainer: Trainer, seed: int) -> list[Row]:
    """Ours is to be as good as the other, by the judge and by distance."""
    some = load("mnist", trainer.data_dir).test.take(torch.arange(LOOKED_AT))
    yard = yardstick(trainer, "mnist", trainer.some(DRAWN), told=True)
    rows = []
    for words, one in both.items():
        settings = one.training.settings
        about = {
            "network": words,
            "parameters": sum(part.numel() for part in one.model.parameters()),
            "minutes": one.seconds / 60,
            "learned_from": settings.steps * settings.batch_size,
            "noise_mse": one.training.evaluate(some)["noise_mse"],
        }
        for guidance in guidances(one.guidance):
            found = judged(one.model, yard, Sampling(steps=STEPS, guidance=guidance), seed)
            rows.append({**about, **found, "goal": "–", "reached": None})
    theirs = {row["guidance"]: row for row in rows if row["network"] == PEER}
    for row in rows:
        if row["network"] != PEER:
            row["goal"] = f"as good as diffusers' in {PEER_PART / OURS_PART:g} times the time"
            row["reached"] = as_good(row, theirs[row["guidance"]])
    return rows


def as_good(row: Row, other: Row) -> bool:
    """Whether as many digits are right, and the distance is as small."""
    right = row["judged_right_percent"] >= other["judged_right_percent"]
    return right and row["frechet"] <= other["frechet"]
