"""A ball is followed more finely than its pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.experts.tracking import mirror, track

WALLS = np.array([np.inf, 18.0])


@given(start=st.floats(-18, 18), velocity=st.floats(-5, 5), steps=st.integers(0, 60))
def test_mirrors_reflect_as_often_as_it_takes(start: float, velocity: float, steps: int) -> None:
    position, speed = start, velocity
    for _ in range(steps):
        position += speed
        if abs(position) > 18:
            position, speed = float(np.copysign(36, position)) - position, -speed
    assert mirror(np.array(start + velocity * steps), 18.0) == pytest.approx(position, abs=1e-9)


def test_many_frames_tell_more_than_one() -> None:
    rng, memory = np.random.default_rng(0), dict[str, Any]()
    position, velocity = rng.uniform(-10, 10, (500, 2)), rng.uniform(-2, 2, (500, 2))
    errors = []
    for frame in range(12):
        where, fast = track(np.rint(position), WALLS, np.full(500, frame == 0), memory)
        errors.append([np.abs(where - position).mean(), np.abs(fast - velocity).mean()])
        position = position + velocity
        velocity[:, 1] = np.where(np.abs(position[:, 1]) > 18, -velocity[:, 1], velocity[:, 1])
        position[:, 1] = mirror(position[:, 1], 18.0)
    assert errors[0][0] == pytest.approx(0.25, abs=0.05)  # of rounding
    assert errors[-1][0] < 0.2
    assert errors[-1][1] < 0.1 < errors[1][1]


def test_a_ball_that_jumps_is_a_new_one() -> None:
    memory: dict[str, Any] = {}
    new = np.zeros(1, np.bool_)
    for x in (0.0, 2.0, 4.0):
        _, velocity = track(np.array([[x, 0.0]]), WALLS, new, memory)
    assert velocity.tolist() == [[2, 0]]
    position, velocity = track(np.array([[-10.0, 3.0]]), WALLS, new, memory)
    assert (position.tolist(), velocity.tolist()) == ([[-10, 3]], [[0, 0]])
