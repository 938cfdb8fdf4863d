"""Returns and advantages: pure functions on NumPy arrays, tested against slow, obvious versions."""

from __future__ import annotations

import numpy as np


def generalized_advantages(
    rewards: np.ndarray,
    values: np.ndarray,
    last_values: np.ndarray,
    ends: np.ndarray,
    gamma: float,
    gae_lambda: float,
) -> np.ndarray:
    """Generalised advantage estimation (Schulman et al. 2016, arXiv:1506.02438, equation 16).

    A step that ended its episode takes nothing from the step after it. Where the end was a truncation, the
    caller has added `gamma * V(final observation)` to the reward: the time limit is no part of the task.

    Args:
        rewards: (steps, envs).
        values: (steps, envs), V of the observation that each step started from.
        last_values: (envs,), V of the observation after the last step.
        ends: (steps, envs) bool, the step ended its episode (terminated or truncated).
        gamma: discount per step.
        gae_lambda: weight of longer estimates, 0 (one step) to 1 (whole return).

    Returns:
        (steps, envs) advantages, float32.
    """
    goes_on = 1.0 - ends.astype(np.float32)  # (steps, envs)
    next_values = np.concatenate([values[1:], last_values[None]])  # (steps, envs)
    deltas = rewards + gamma * next_values * goes_on - values
    carry = (gamma * gae_lambda) * goes_on
    advantages = np.empty_like(deltas, dtype=np.float32)
    running = np.zeros_like(last_values, dtype=np.float32)  # (envs,)
    # A reward that is no number makes the loss none, and that ends training with a clear error.
    with np.errstate(invalid="ignore", over="ignore"):
        for step in range(len(deltas) - 1, -1, -1):
            running = deltas[step] + carry[step] * running
            advantages[step] = running
    return advantages


def explained_variance(predicted: np.ndarray, actual: np.ndarray) -> float:
    """1 - Var(actual - predicted) / Var(actual); NaN where the actual values do not vary."""
    variance = float(np.var(actual))
    return float("nan") if variance == 0 else 1.0 - float(np.var(actual - predicted)) / variance
