"""Infos as SB3 and its callbacks expect them: a dict an environment, with the last of an ended episode."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from stable_baselines3.common.base_class import BaseAlgorithm

from .infos import infos_of
from .simulators import Step
from .simulators.arrays import copied, row


def sb3_infos(step: Step, finished: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What each environment's source reported, and `TimeLimit.truncated`; for each that ended also
    `terminal_observation` and `episode`.

    Args:
        step: what a simulator answered.
        finished: {"r", "l", "t"} of the episodes that ended, in the order of their environments; not used
            where a monitor inside of the source has reported them itself.
    """
    infos = infos_of(step)
    for info in infos:
        info["TimeLimit.truncated"] = False
    counted = iter(finished if step.episodes is None else ())
    for one in np.flatnonzero(step.terminated | step.truncated).tolist():
        info = infos[one]
        info["TimeLimit.truncated"] = bool(step.truncated[one] and not step.terminated[one])
        if step.final_observation is not None and "terminal_observation" not in info:
            info["terminal_observation"] = row(step.final_observation, one)
        if step.episodes is None:
            info["episode"] = next(counted)
    return infos


def sb3_locals(
    agent: BaseAlgorithm, actions: np.ndarray, step: Step, finished: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """What SB3's callbacks look for in `self.locals`; they may keep it, so nothing is overwritten later."""
    return {
        "self": agent,
        "actions": actions,
        "new_obs": copied(step.observation),
        "rewards": step.reward.astype(np.float32),
        "dones": step.terminated | step.truncated,
        "infos": sb3_infos(step, finished),
    }
