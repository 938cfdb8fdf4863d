"""GPU against CPU: how long one training step takes.

A step on few pictures is over before a GPU is awake: its time goes into starting a hundred small jobs. With
more pictures a CPU takes longer in proportion; a GPU takes hardly longer at all, until it is full. Without a
GPU the same question has two smaller answers: a second thread, and numbers of half the size (bfloat16).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from sandbox.core.lesson import Desk, Taught
from sandbox.data.pictures import Pictures
from sandbox.nn.device import threads
from sandbox.nn.fit import Training
from sandbox.nn.fit_settings import FitSettings
from sandbox.supervised.models import build_classifier
from sandbox.ui.lesson_charts import draw_curves, headed, sheet

SIDE = 28
WARM_UP_STEPS, MOST_STEPS, ROUNDS = 2, 40, 3


class Way(NamedTuple):
    """One way to compute."""

    name: str
    device: str
    threads: int = 1
    autocast: bool = False


def accelerators() -> list[Way]:
    """The GPUs that torch finds: NVIDIA's and AMD's are called cuda, Apple's mps."""
    found = [
        Way(torch.cuda.get_device_name(number), f"cuda:{number}")
        for number in range(torch.cuda.device_count() if torch.cuda.is_available() else 0)
    ]
    return [*found, Way("Apple GPU", "mps")] if torch.backends.mps.is_available() else found


def compared() -> list[Way]:
    """The CPU first, then what it is compared with."""
    gpus = accelerators()
    if gpus:
        return [Way("CPU, 1 thread", "cpu"), *gpus]
    return [
        Way("1 thread", "cpu"),
        Way("2 threads", "cpu", threads=2),
        Way("1 thread, bfloat16", "cpu", autocast=True),
    ]


def noise(count: int, seed: int) -> Pictures:
    """Pictures of nothing: how long a step takes does not depend on what it sees."""
    draw = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (count, 1, SIDE, SIDE), dtype=torch.uint8, generator=draw)
    return Pictures(images, torch.randint(0, 10, (count,), generator=draw), tuple("0123456789"))


def step_seconds(way: Way, batch: int, seconds: float, seed: int) -> float:
    """The time of the fastest training step of the small backbone; what else runs only ever adds to it."""
    with threads(way.threads):
        torch.manual_seed(seed)
        model = build_classifier("backbone", (1, SIDE, SIDE), 10)
        settings = FitSettings(steps=1_000, batch_size=batch, autocast=way.autocast)
        training = Training(model, noise(batch, seed), settings, seed=seed, device=way.device)
        for _ in range(WARM_UP_STEPS):
            timed(training)
        times, end = [timed(training)], time.perf_counter() + seconds
        while len(times) < MOST_STEPS and time.perf_counter() < end:
            times.append(timed(training))
    return min(times)


def timed(training: Training) -> float:
    """Seconds of one step, to its very end: a GPU answers before it has computed."""
    begun = time.perf_counter()
    metrics = training.update()
    metrics["loss"].item()
    training.wait()
    return time.perf_counter() - begun


def teach(desk: Desk, *, batches: Sequence[int] = (1, 4, 16, 64, 256), seconds: float = 0.1) -> Taught:
    """Time a step of ever larger batches on all that there is."""
    ways, rounds = compared(), []
    for number in range(ROUNDS):  # in turns, so that what else runs disturbs no way alone
        desk.note(f"round {number + 1} of {ROUNDS}: " + "; ".join(way.name for way in ways))
        rounds.append([[step_seconds(way, some, seconds, desk.seed) for some in batches] for way in ways])
    fastest = 1_000 * np.array(rounds).min(axis=0)  # (ways, batches) in ms
    table = {way.name: times.tolist() for way, times in zip(ways, fastest, strict=True)}
    gpu = bool(accelerators())
    figure, ((left, right),) = sheet(
        "GPU against CPU" if gpu else "No GPU was found: what a CPU can do instead",
        f"one training step of the small backbone on pictures of {SIDE}×{SIDE}   ·   the fastest step of "
        f"{ROUNDS} rounds   ·   torch {torch.__version__}   ·   threads suffer most on a busy machine",
        label_inches=1.7,
    )  # fmt: skip
    panels = (
        (left, "Milliseconds a step: lower is better", table),
        (right, "Pictures a second: higher is better", speeds(batches, table)),
    )
    for axes, title, values in panels:
        headed(axes, title, "pictures in a batch").set_xscale("log")
        axes.set_xticks(list(batches), [f"{batch:,}" for batch in batches])
        axes.minorticks_off()
        draw_curves(
            axes, {name: (list(batches), some) for name, some in values.items()}, log=True, marker="o"
        )
    return Taught(figure, told(batches, table, gpu))


def speeds(batches: Sequence[int], table: dict[str, list[float]]) -> dict[str, list[float]]:
    """Pictures a second, from milliseconds a step."""
    return {
        name: [1_000 * b / ms for b, ms in zip(batches, some, strict=True)] for name, some in table.items()
    }


def digits(number: float) -> str:
    """Two digits of it, as 0.54, 5.4, 54 and 540: times are not known better."""
    return f"{float(f'{number:.2g}'):,g}"


def against(base: float, other: float) -> str:
    """How a time compares with that of the base, in words."""
    if max(base, other) < 1.05 * min(base, other):
        return "as fast"
    ratio = digits(max(base, other) / min(base, other))
    return f"{ratio} times {'faster' if other < base else 'slower'}"


def told(batches: Sequence[int], table: dict[str, list[float]], gpu: bool) -> tuple[str, str, str]:
    """What came out, in words."""
    base, *others = table

    def faster(at: int) -> str:
        return "; ".join(f"{name} {against(table[base][at], table[name][at])}" for name in others)

    found = f"Against {base}" if gpu else f"torch finds no GPU here. Against {base} in float32"
    per_picture = [table[base][at] / batches[at] for at in (0, -1)]
    return (
        f"{found}, with {batches[0]} in a batch: {faster(0)}.",
        f"With {batches[-1]} in a batch: {faster(-1)}.",
        f"Left: on {base} a step with {batches[-1]} pictures takes "
        f"{digits(table[base][-1] / table[base][0])} times as long as with {batches[0]}, "
        f"{digits(per_picture[1])} ms a picture instead of {digits(per_picture[0])}: "
        "every step also costs something by itself.",
    )
