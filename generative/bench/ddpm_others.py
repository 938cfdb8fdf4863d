"""Diffusion models of signs and of frames after five minutes: what they draw, judged, and to look at."""

from __future__ import annotations

from typing import Any

from generative.bench.ddpm import CPU, cost, guidances, judged, opened
from generative.bench.drawn import draw
from generative.bench.judged import yardstick
from generative.bench.tasks import DRAWN, OTHERS_DRAWN, STEPS
from generative.bench.trainer import Trainer
from generative.ddpm import DDPM
from generative.generate.sampling import Sampling
from generative.samples import columns_of
from sandbox.nn.device import threads
from sandbox.ui.mosaic import mosaic, save_png

Row = dict[str, Any]
ROWS = 6
"""of a grid of drawn pictures"""


def of_others(trainer: Trainer, seed: int) -> list[Row]:
    """A row for each data set and guidance; where there are no classes there is none."""
    rows = []
    for data, name in OTHERS_DRAWN.items():
        words = f"ddpm {data}"
        result = trainer.train(words + CPU, seed)
        model, usual = opened(result)
        yard = yardstick(trainer, data, trainer.some(DRAWN), told=bool(model.classes))
        with threads(trainer.thread_count):
            for guidance in guidances(usual):
                found = judged(model, yard, Sampling(steps=STEPS, guidance=guidance), seed)
                rows.append({"drawn": name, **found, **cost(result)})
            if trainer.pictures is not None:
                grid(trainer, model, data, Sampling(steps=STEPS, guidance=usual), seed)
    return rows


def grid(trainer: Trainer, model: DDPM, data: str, sampling: Sampling, seed: int) -> None:
    """The first pictures, as a PNG."""
    columns = columns_of(model.classes)
    drawn = draw(model, ROWS * columns, sampling, seed)
    assert trainer.pictures is not None
    name = data.rpartition(":")[2].lower().replace("_", "-")
    save_png(trainer.pictures / f"ddpm-{name}.png", mosaic(drawn.images.numpy(), columns))
