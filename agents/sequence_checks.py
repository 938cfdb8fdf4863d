"""What a replay buffer of sequences refuses: lengths that contradict each other, and damaged files."""

from __future__ import annotations

from typing import Any

import numpy as np

from sandbox.core.errors import UsageError

from .n_step import GOES_ON, NO_TRANSITION


def check_lengths(length: int, overlap: int, burn_in: int) -> None:
    """Raise UsageError unless every transition of an episode can be learned from, see `SequenceReplay`."""
    if length < 1:
        raise UsageError(f"a sequence has at least 1 transition, got length {length}")
    if not 0 <= overlap < length:
        raise UsageError(
            f"overlap must be from 0 to {length - 1} in sequences of {length}, got {overlap}",
            hint="neighbouring sequences share fewer transitions than they have",
        )
    if not 0 <= burn_in <= overlap:
        raise UsageError(
            f"burn_in must be from 0 to {overlap} where sequences overlap by {overlap}, got {burn_in}",
            hint="what one sequence only warms up with, the one before has to learn from: raise overlap",
        )


def check_saved_sequences(state: dict[str, Any], kind: list[int], prioritized: bool) -> None:
    """Look at what a saved buffer says of its sequences; its rows have been checked.

    Args:
        state: see `SequenceReplay.state_dict`.
        kind: length, overlap and numbers in the memory that are expected.
        prioritized: whether priorities are.

    Raises:
        ValueError: it was for other sequences, or is damaged.
    """
    if list(state["sequences"]) != kind:
        raise ValueError(
            f"the saved sequences have length, overlap, numbers {state['sequences']}, not {kind}"
        )
    if (state["priorities"] is not None) != prioritized:
        raise ValueError("the saved replay was " + ("not " if prioritized else "") + "prioritized")
    shape, count = np.shape(state["outcomes"]), int(state["count"])
    named = {name: np.asarray(state[name]) for name in ("lengths", "state_at", "began")}
    expected = {"lengths": shape, "state_at": shape, "began": shape[1:]}
    if any(named[name].shape != expected[name] for name in named):
        raise ValueError(f"the saved sequences are not those of {shape[1]} environments")
    highest = {"lengths": kind[0], "state_at": _checked_places(state, kind[2]), "began": count}
    for name, values in named.items():
        if values.min() < 0 or values.max() > highest[name]:
            raise ValueError(f"the saved replay's {name} are not from 0 to {highest[name]}")
    _check_stretches(named["lengths"], np.asarray(state["outcomes"]), count, int(state["shape"][0]))
    if prioritized:
        scaled = np.asarray(state["priorities"]["scaled"])
        fits = np.isfinite(scaled) & ((scaled > 0) == (named["lengths"].ravel() > 0))
        if not fits.all():
            raise ValueError("the saved priorities are not those of the saved sequences")


def _checked_places(state: dict[str, Any], numbers: int) -> int:
    """How many places there are in the saved table of states."""
    saved = state["places"]
    places = np.concatenate([np.asarray(saved["free"]), np.asarray(saved["places"])])
    if not np.array_equal(np.sort(places), np.arange(int(saved["capacity"]))):
        raise ValueError("the saved states lie in places that there are not")
    if tuple(state["states"].shape) != (len(places) + 1, numbers):
        raise ValueError("the saved replay lacks states")
    return len(places)


def _check_stretches(lengths: np.ndarray, outcomes: np.ndarray, count: int, capacity: int) -> None:
    """Every sequence consists of stored transitions of one episode.

    Args:
        lengths: (rows, envs) of what begins there, see `SequenceReplay`.
        outcomes: (rows, envs).
        count: steps so far.
        capacity: how many of them are kept.
    """
    stored = np.arange(max(count - capacity, 0), count) % len(lengths)
    kept = lengths[stored]
    begins, envs = kept.nonzero()
    size = kept[begins, envs]
    fits = len(size) == np.count_nonzero(lengths) and bool(np.all(begins + size <= len(stored)))
    if fits:
        # Before each step, how many were no transitions, and how many did not go on.
        none, over = (_before(outcomes[stored] == NO_TRANSITION), _before(outcomes[stored] != GOES_ON))
        ends = begins + size
        fits = np.array_equal(none[ends, envs], none[begins, envs])
        fits = fits and np.array_equal(over[ends - 1, envs], over[begins, envs])
    if not fits:
        raise ValueError("the saved sequences reach beyond their episodes")


def _before(flags: np.ndarray) -> np.ndarray:
    """(steps, envs) bool -> (steps + 1, envs), how many were true before each."""
    return np.concatenate([np.zeros((1, flags.shape[1]), np.int64), flags.cumsum(0)])
