"""The one loop under classifier, autoencoder, VAE and DDPM, from a new or a stopped run to its end."""

from __future__ import annotations

import time
from copy import deepcopy

import torch

from sandbox.core.errors import CheckpointBroken
from sandbox.nn.fit import Pictures, Training
from sandbox.nn.fit_session import FitSession

PARTS, TIMED_STEPS, WARM_UP_STEPS = 10, 2, 3


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


def fit(training: Training, validation: Pictures, session: FitSession) -> None:
    """Train until the budget is spent, patience ends or a signal comes; the session keeps what is learned.

    Raises:
        Diverged: the loss became NaN or infinite.
    """
    with session, torch.random.fork_rng(devices=[training.device] if training.device.type == "cuda" else []):
        while training.step < training.settings.steps and session.reason == "steps":
            metrics = training.update()
            session.after_step(training, metrics, validation)


def learned_weights(state: dict) -> dict:
    """The weights to use, out of a checkpoint's state: the averaged ones where weights were averaged."""
    return state.get("average") or state["model"]


def steps_in(minutes: float, training: Training) -> int:
    """How many steps fit into this time, by a few steps of a copy; at least 1.

    The number is what a run keeps, so that repeating it does not depend on the clock. The steps that are
    timed come from all parts of the training: with a frozen body, or before a model draws more than one
    latent, a step takes less time.
    """
    shared = {id(kept): kept for kept in (training.images, training.labels)}  # which nobody changes
    trial = deepcopy(training, shared)
    _seconds(trial, 0, WARM_UP_STEPS)
    seconds = 0.0
    for part in range(PARTS):
        step = int((part + 0.5) / PARTS * training.settings.steps)
        _seconds(trial, step, 1)  # what comes for the first time takes longer
        seconds += _seconds(trial, step, TIMED_STEPS)
    return max(1, round(60 * minutes / seconds * PARTS * TIMED_STEPS))


def _seconds(trial: Training, step: int, times: int) -> float:
    """How long one and the same step takes, done so many times."""
    trial.wait()
    start = time.perf_counter()
    for _ in range(times):
        trial.step = step
        trial.update()
    trial.wait()
    return time.perf_counter() - start
