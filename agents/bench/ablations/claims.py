"""What the papers of DQN's ingredients claim directly, as numbers. Pure functions on arrays."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def discounted_returns(rewards: np.ndarray, ended: np.ndarray, gamma: float) -> np.ndarray:
    """What was really obtained from each step on, to the end of its episode or of the arrays.

    Args:
        rewards: (steps, envs).
        ended: (steps, envs) bool, the episode ended with this step.
        gamma: discount per step.

    Returns:
        (steps, envs).
    """
    returns, following = np.zeros(rewards.shape), np.zeros(rewards.shape[1])
    for step in reversed(range(len(rewards))):
        following = rewards[step] + gamma * following * ~ended[step]
        returns[step] = following
    return returns


def calibration_gap(quantiles: np.ndarray, returns: np.ndarray) -> float:
    """How far the share of returns below each quantile is from what the quantile stands for, in percent.

    Args:
        quantiles: (states, n), the i-th of them for the fraction (i + 1/2) / n.
        returns: (states,) obtained from there.

    Returns:
        mean over the quantiles; 0 is perfect, and quantiles that are all too high, or all too low, have 50.
    """
    n = quantiles.shape[1]
    meant = (np.arange(n) + 0.5) / n
    found = (returns[:, None] < quantiles).mean(0)
    return float(100 * np.abs(found - meant).mean())


def twin_gap(values: Tensor, first: Tensor, second: Tensor) -> float:
    """How differently two actions are judged that do the same, in percent of the spread over all actions.

    Args:
        values: (states, actions), Q.
        first, second: (states,) the two actions.
    """
    gap = (values.gather(1, first[:, None]) - values.gather(1, second[:, None])).abs().mean()
    return float(100 * gap / values.std(1, correction=0).mean())


def heading_and_reverse(observations: Tensor) -> tuple[Tensor, Tensor]:
    """Snake's two actions that do the same: straight on, and back, which is ignored.

    Args:
        observations: (states, 11), Snake's features; 6 and 7 are rows and columns of its direction.

    Returns:
        (states,) each: up 0, right 1, down 2, left 3.
    """
    rows, columns = observations[:, 6], observations[:, 7]
    heading = torch.where(columns != 0, 2 - columns, rows + 1).long()
    return heading, (heading + 2) % 4


def reward_preference(rewards: np.ndarray, stored: np.ndarray, index: np.ndarray) -> float:
    """How many times more often a step with reward is drawn than it would be uniformly.

    Args:
        rewards: (slots,) of one step each.
        stored: (slots,) bool, where there is a transition.
        index: (samples,) slots that were drawn.
    """
    usual = (rewards[stored] != 0).mean()
    return float((rewards[index] != 0).mean() / usual)
