"""What each sampler draws in so many steps: out of the same noise, and without guidance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from generative.bench.drawn import Drawn, draw
from generative.bench.judged import measured, yardstick
from generative.bench.tasks import SAMPLER_DRAWN, SAMPLER_STEPS, STEPS_TABLE
from generative.bench.trainer import Trainer
from generative.ddpm import DDPM
from generative.generate.sampling import Sampling
from generative.samplers import SAMPLERS
from sandbox.nn.device import threads
from sandbox.ui.grids import Row as Strip
from sandbox.ui.grids import picture_grid

Row = dict[str, Any]
SHEET = "ddpm-samplers.png"
ACROSS, DOWN = 5, 2
"""pictures of a cell of the sheet"""
SCALE = 2
"""side of the square that a pixel becomes"""


def against_steps(trainer: Trainer, model: DDPM, seed: int) -> list[Row]:
    """A row for each sampler and number of steps; of the first pictures a sheet."""
    count = trainer.some(SAMPLER_DRAWN)
    yard = yardstick(trainer, "mnist", count, told=True)
    rows, cells = [], {}
    for sampler in SAMPLERS:
        for steps in SAMPLER_STEPS:
            trainer.console.note(f"{sampler}, {steps} steps, seed {seed}")
            with threads(trainer.thread_count):
                drawn = draw(model, yard.count, Sampling(sampler, steps), seed)
                found = measured(yard, drawn)
            cells[sampler, steps] = cell(drawn)
            # Texts say which rows of several seeds belong together.
            row = {
                "part": STEPS_TABLE,
                "sampler": sampler,
                "in_steps": f"{steps}",
                "pictures": f"{yard.count}",
            }
            rows.append(row | found | {"drawn_per_second": yard.count / drawn.seconds})
    if trainer.pictures is not None:
        sheet(trainer.pictures / SHEET, cells)
    return rows


def cell(drawn: Drawn) -> Tensor:
    """The first pictures side by side in one: (channels, DOWN · height, ACROSS · width) uint8."""
    some = drawn.images[: ACROSS * DOWN]
    channels, height, width = some.shape[1:]
    together = torch.zeros(ACROSS * DOWN, channels, height, width, dtype=torch.uint8)
    together[: len(some)] = some
    # (channels, DOWN, height, ACROSS, width)
    grid = together.unflatten(0, (DOWN, ACROSS)).permute(2, 0, 3, 1, 4)
    return grid.reshape(channels, DOWN * height, ACROSS * width)


def sheet(path: Path, cells: dict[tuple[str, int], Tensor]) -> None:
    """Samplers one over the other, steps from left to right."""
    strips = []
    for sampler in dict.fromkeys(sampler for sampler, _ in cells):
        own = [found for (name, _), found in cells.items() if name == sampler]
        strips.append(Strip(sampler, "", torch.stack(own).numpy()))
    steps = list(dict.fromkeys(steps for _, steps in cells))
    picture_grid(
        path,
        strips,
        title="The same noise, four ways",
        subtitle="each cell: the digits 0 to 9 out of the same noise, without guidance",
        columns=[f"{number} steps" for number in steps],
        tile_px=SCALE * next(iter(cells.values())).shape[-1],
    )
