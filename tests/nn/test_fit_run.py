"""How many steps fit into some minutes: both parts of a budget with a frozen body are timed."""

from __future__ import annotations

import pytest

from sandbox.nn import fit_run
from sandbox.nn.fit import Training
from sandbox.nn.fit_run import steps_in
from tests.nn.test_frozen import training


@pytest.mark.parametrize(("frozen", "steps"), [(0, 60), (6, 96), (12, 240)])
def test_steps_with_a_frozen_body_have_their_part_of_the_time(
    monkeypatch: pytest.MonkeyPatch, frozen: int, steps: int
) -> None:
    """A minute, at a second a step, or a quarter of one while the body is frozen."""
    clock = [0.0]
    update = Training.update

    def slowly(self: Training) -> object:
        clock[0] += 0.25 if self.step < self.settings.frozen_steps else 1.0
        return update(self)

    monkeypatch.setattr(Training, "update", slowly)
    monkeypatch.setattr(fit_run.time, "perf_counter", lambda: clock[0])
    made = training(steps=12, frozen_steps=frozen)
    assert steps_in(1.0, made) == steps
    assert made.step == 0
