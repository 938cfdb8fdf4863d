"""Learning rates: torch's own schedules, stretched to whatever budget there is."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import SGD
from torch.optim import lr_scheduler as torchs

from sandbox.core.errors import ConfigError
from sandbox.nn.fit_settings import FitSettings, Schedule
from sandbox.nn.schedules import SCHEDULES, learning_rate

BUDGET = 560

TORCHS: dict[str, Callable[[SGD], torchs.LRScheduler]] = {
    "constant": lambda optimizer: torchs.ConstantLR(optimizer, factor=1.0),
    "step": lambda optimizer: torchs.MultiStepLR(optimizer, [BUDGET // 2, 3 * BUDGET // 4], gamma=0.1),
    "cosine": lambda optimizer: torchs.CosineAnnealingLR(optimizer, T_max=BUDGET),
    # torch's first phase ends at pct_start · total − 1, its second one at total − 1.
    "one_cycle": lambda optimizer: torchs.OneCycleLR(
        optimizer, 1.0, BUDGET + 1, pct_start=(BUDGET / 5 + 1) / (BUDGET + 1), final_div_factor=1e30,
        cycle_momentum=False,
    ),
    "cyclical": lambda optimizer: torchs.CyclicLR(optimizer, 0.1, 1.0, BUDGET // 8, cycle_momentum=False),
    "warm_restarts": lambda optimizer: torchs.CosineAnnealingWarmRestarts(optimizer, BUDGET // 7, 2),
}  # fmt: skip


def settings(**changes: object) -> FitSettings:
    return FitSettings(**{"steps": BUDGET, "learning_rate": 1.0, **changes})  # type: ignore[arg-type]


def test_every_schedule_that_can_be_asked_for_is_there_and_compared() -> None:
    assert set(get_args(Schedule)) == set(SCHEDULES) == set(TORCHS)


@pytest.mark.parametrize("name", TORCHS)
def test_a_schedule_is_torchs_of_the_same_name(name: str) -> None:
    optimizer = SGD([torch.zeros(1, requires_grad=True)], 1.0)
    scheduler = TORCHS[name](optimizer)
    for done in range(BUDGET):
        assert learning_rate(settings(schedule=name), done) == pytest.approx(
            scheduler.get_last_lr()[0], abs=1e-9
        )
        optimizer.step()
        scheduler.step()


@pytest.mark.parametrize(
    ("name", "start", "highest", "end"),
    [
        ("constant", 1.0, 1.0, 1.0),
        ("step", 1.0, 1.0, 0.01),
        ("cosine", 1.0, 1.0, 0.0),
        ("one_cycle", 1 / 25, 1.0, 0.0),
        ("cyclical", 0.1, 1.0, 0.1),
        ("warm_restarts", 1.0, 1.0, 0.0),
    ],
)
def test_where_a_schedule_begins_and_ends(name: str, start: float, highest: float, end: float) -> None:
    schedule = SCHEDULES[name]
    assert schedule(0.0) == pytest.approx(start)
    assert schedule(1.0) == pytest.approx(end)
    assert max(schedule(spent / 1_000) for spent in range(1_001)) == pytest.approx(highest)


@given(
    st.sampled_from(sorted(SCHEDULES)),
    st.integers(1, 300),
    st.integers(1, 50),
    st.integers(0, 299),
    st.floats(1e-6, 1),
)
def test_every_schedule_fits_the_budget(name: str, steps: int, times: int, done: int, rate: float) -> None:
    """A longer budget is the same curve, drawn out."""
    done %= steps
    short = settings(schedule=name, steps=steps, learning_rate=rate)
    long = settings(schedule=name, steps=steps * times, learning_rate=rate)
    assert learning_rate(short, done) == pytest.approx(learning_rate(long, done * times))
    assert 0 <= learning_rate(short, done) <= rate * (1 + 1e-12)


@given(st.sampled_from(sorted(SCHEDULES)), st.integers(1, 100), st.integers(1, 100))
def test_the_schedule_follows_the_warm_up_and_has_what_is_left(name: str, warm_up: int, rest: int) -> None:
    warmed = settings(schedule=name, steps=warm_up + rest, warmup_steps=warm_up)
    rising = [learning_rate(warmed, done) for done in range(warm_up)]
    assert rising == pytest.approx([(done + 1) / warm_up for done in range(warm_up)])
    after = [learning_rate(warmed, warm_up + done) for done in range(rest)]
    assert after == [learning_rate(settings(schedule=name, steps=rest), done) for done in range(rest)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("steps", 0), ("batch_size", 0), ("log_every", 0), ("eval_every", -1), ("patience", -1),
        ("warmup_steps", -1), ("learning_rate", 0.0), ("learning_rate", float("nan")),
        ("learning_rate", float("inf")), ("weight_decay", -0.1), ("momentum", 1.0), ("beta2", 1.0),
        ("ema_decay", 1.0), ("ema_decay", -0.1), ("clip_norm", -1.0), ("clip_norm", float("nan")),
    ],
)  # fmt: skip
def test_impossible_settings_are_refused_by_name(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"^{name} must be .*, not {value}$") as refused:
        settings(**{name: value})
    assert refused.value.key == name
