"""Returns over several steps, for learning off policy."""

from __future__ import annotations

import numpy as np

GOES_ON, TERMINATED, TRUNCATED, NO_TRANSITION = range(4)
"""What became of an environment in one step; NO_TRANSITION: it was being reset, its action was ignored."""


def n_step_returns(
    rewards: np.ndarray, outcomes: np.ndarray, gamma: float, n_step: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Take up to `n_step` steps together, from each step on, to the end of its episode or of the arrays.

    Args:
        rewards: (steps, envs) float32.
        outcomes: (steps, envs) uint8, see `GOES_ON`.
        gamma: discount per step.
        n_step: steps to take together at most.

    Returns:
        Returns, the sums of gamma^i · reward, (steps, envs) float32.
        Discounts of what comes after the last of these steps, (steps, envs) float32: gamma^m after m steps,
        0 where the last one terminated (and -1 where there is no transition).
        The numbers m of steps, (steps, envs) int64, 0 where there is no transition.
    """
    transition = outcomes != NO_TRANSITION
    goes_on = outcomes == GOES_ON
    terminated = outcomes == TERMINATED
    returns = np.where(transition, rewards, np.float32(0))
    counts = transition.astype(np.int64)
    running, ends_well = goes_on.copy(), ~terminated
    for i in range(1, min(n_step, len(rewards))):
        joins = running[:-i] & transition[i:]
        returns[:-i] += np.where(joins, np.float32(gamma**i) * rewards[i:], np.float32(0))
        counts[:-i] += joins
        ends_well[:-i] &= ~(joins & terminated[i:])
        running[:-i] = joins & goes_on[i:]
    powers = np.float32(gamma) ** np.arange(n_step + 1, dtype=np.float32)
    discounts = np.where(ends_well, powers[counts], np.float32(0))
    discounts[~transition] = -1
    return returns, discounts, counts
