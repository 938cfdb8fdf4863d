"""The lesson about optimisers: at their best rates those that gather speed win, also on digits."""

from __future__ import annotations

import pytest

from sandbox.data.catalog import load
from sandbox.supervised.lessons.optimizers import (
    OPTIMIZERS,
    RATES,
    SPEEDY,
    best,
    drive_net,
    drive_valley,
    race,
    steps_to,
)


def test_in_the_valley_speed_arrives_and_sgd_creeps() -> None:
    down = race(drive_valley, 1)
    slowest = max(down[name].losses[-1] for name in SPEEDY)
    assert slowest < 0.1 * min(down[name].losses[-1] for name in OPTIMIZERS if name not in SPEEDY)
    assert min(down[name].losses[-1] for name in ("RMSprop", "Adagrad")) > down["SGD"].losses[-1]


@pytest.mark.parametrize("seed", [0, 1])
def test_on_digits_adam_needs_fewer_steps_than_sgd(seed: int) -> None:
    pictures = load("digits").train
    images = pictures.images.flatten(1) / 255

    def needed(name: str, rates: tuple[float, ...]) -> int:
        drives = [drive_net(OPTIMIZERS[name], rate, images, pictures.labels, seed) for rate in rates]
        steps = steps_to(best(drives, 20), 0.15)
        assert steps is not None
        return steps

    assert needed("Adam", (0.03, 0.1)) < 0.8 * needed("SGD", (0.3, 1.0, 3.0))


def test_a_rate_that_explodes_is_never_the_best() -> None:
    drives = [drive_valley(OPTIMIZERS["SGD"], rate, steps=50) for rate in RATES]
    assert not all(drive.losses[-1] < 1e6 for drive in drives)
    assert best(drives, 1).losses[-1] < 3
