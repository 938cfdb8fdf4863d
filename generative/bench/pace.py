"""Pictures a second that diffusion models learn from, and draw: measured in turns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from generative.bench.drawn import draw
from generative.bench.tasks import STEPS, TIMED
from generative.ddpm import DDPM
from generative.generate.sampling import Sampling
from sandbox.commands.bench_envs.timing import Contestant, Pace, race, ratio
from sandbox.nn.fit import Training

Row = dict[str, Any]
TABLE = "ddpm-pace"
CPU_THREAD = "one thread of the CPU"
SECONDS, QUICK_SECONDS = 15.0, 1.0
"""of each contestant, in five rounds; at least one step, or drawing, in each"""


def learning(trainings: Mapping[str, Training], quick: bool) -> dict[str, Pace]:
    """How fast they learn; they have learned a little then."""

    def steps(training: Training) -> Callable[[int], None]:
        def run(count: int) -> None:
            for _ in range(count):
                training.update()
            training.wait()

        return run

    contestants: dict[str, Contestant] = {
        name: (steps(one), one.settings.batch_size) for name, one in trainings.items()
    }
    return race(contestants, QUICK_SECONDS if quick else SECONDS)


def drawing(models: Mapping[str, DDPM], quick: bool, count: int = TIMED) -> dict[str, Pace]:
    """How fast they draw, `count` pictures at once, without guidance."""
    sampling = Sampling(steps=1 if quick else STEPS)

    def pictures(model: DDPM) -> Callable[[int], None]:
        def run(times: int) -> None:
            for _ in range(times):
                draw(model, count, sampling, 0)

        return run

    contestants: dict[str, Contestant] = {name: (pictures(model), count) for name, model in models.items()}
    return race(contestants, QUICK_SECONDS if quick else SECONDS)


def pace_row(where: str, what: str, paces: Mapping[str, Pace] | None) -> Row:
    """The first one beside the second: the medians, and the median of the ratios of the turns."""
    row: Row = {"part": TABLE, "on": where, "pictures_per_second": what}
    if paces is None:
        return row | dict.fromkeys(("ours", "diffusers", "times", "cpu_over_wall"))
    ours, theirs = paces.values()
    return row | {
        "ours": ours.middle,
        "diffusers": theirs.middle,
        "times": ratio(ours, theirs),
        "cpu_over_wall": min(*ours.cpu_over_wall, *theirs.cpu_over_wall),
    }
