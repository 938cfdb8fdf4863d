"""From a new or a stopped run of a fit to its end."""

from __future__ import annotations

import time
from copy import deepcopy

from sandbox.core.errors import CheckpointBroken
from sandbox.nn.fit import Pictures, Training, fit
from sandbox.nn.fit_session import FitSession

CALIBRATION_STEPS, WARM_UP_STEPS = 12, 3


def carry_out(
    training: Training, validation: Pictures, session: FitSession, *, resume: bool, again: str
) -> None:
    """Fit to the end, and leave the best weights in `training.learned`. Hold the run's lock meanwhile.

    Args:
        training: as it was made by the run's config.
        validation: decides which weights are the best.
        session: of the run.
        resume: continue from the newest good checkpoint.
        again: the command that trains such a run anew, for a hint.

    Raises:
        Interrupted: a signal came; the run is saved.
        Diverged: the loss became NaN; the run is marked so.
        CheckpointBroken: there are checkpoints, and none can be loaded.
    """
    if resume and session.resume_from(training.resume, again) == session.best_step:
        # The process may have been killed after the best checkpoint was written and before this was.
        session.on_best(training.learned)
    fit(training, validation, session)
    if session.reason == "interrupted":
        session.interrupted(training.step)
    try:
        _, state = session.checkpoints.load("best")
        training.learned.load_state_dict(learned_weights(state))
    except CheckpointBroken as error:
        session.console.note(f"warning: {error.message}; using the last weights instead of the best")


def learned_weights(state: dict) -> dict:
    """The weights to use, out of a checkpoint's state: the averaged ones where weights were averaged."""
    return state.get("average") or state["model"]


def steps_in(minutes: float, training: Training) -> int:
    """How many steps fit into this time, by a few steps of a copy; at least 1.

    The number is what a run keeps, so that repeating it does not depend on the clock. Steps with a frozen
    body, which are faster, have the part of the budget that the settings give them.
    """
    settings = training.settings
    frozen = min(settings.frozen_steps / settings.steps, 1.0)
    seconds = frozen and frozen * _seconds_a_step(training, 0)
    if frozen < 1:
        seconds += (1 - frozen) * _seconds_a_step(training, settings.frozen_steps)
    return max(1, round(60 * minutes / seconds))


def _seconds_a_step(training: Training, first: int) -> float:
    """Of a copy that goes on from step number `first`."""
    trial = deepcopy(training)
    trial.step = first
    for _ in range(WARM_UP_STEPS):
        trial.update()
    trial.wait()
    start = time.perf_counter()
    for _ in range(CALIBRATION_STEPS):
        trial.update()
    trial.wait()
    return (time.perf_counter() - start) / CALIBRATION_STEPS
