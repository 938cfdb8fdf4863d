"""Infos as SB3's callbacks expect them, a dict an environment, made only when somebody looks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .arrays import row
from .infos import one_info, rest_of
from .simulators import Step


def sb3_infos(step: Step, finished: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One dict for each environment, with what its source reported; for each that ended also
    `terminal_observation`, `TimeLimit.truncated` and `episode`.

    Args:
        step: what a simulator answered.
        finished: {"r", "l", "t"} of the episodes that ended, in the order of their environments.
    """
    count = len(step.reward)
    if isinstance(step.infos, list):
        infos = [dict(info) for info in step.infos]
    else:
        rest = rest_of(step.infos or {})
        infos = [one_info(rest, one) if rest else {} for one in range(count)]
    ends = np.flatnonzero(step.terminated | step.truncated).tolist()
    for one, episode in zip(ends, finished, strict=False):
        if isinstance(step.infos, dict) and step.infos.get("final_info"):
            infos[one] = one_info(step.infos["final_info"], one)
        if step.final_observation is not None:
            infos[one]["terminal_observation"] = row(step.final_observation, one)
        infos[one]["TimeLimit.truncated"] = bool(step.truncated[one] and not step.terminated[one])
        infos[one].setdefault("episode", episode)
    return infos


class LazyInfos(Sequence[dict[str, Any]]):
    """`sb3_infos`, put off until the first access: most callbacks never look."""

    def __init__(self, step: Step, finished: Sequence[dict[str, Any]]) -> None:
        self._step, self._finished = step, finished
        self._made: list[dict[str, Any]] | None = None

    def __len__(self) -> int:
        return len(self._step.reward)

    def __getitem__(self, index: Any) -> Any:
        if self._made is None:
            self._made = sb3_infos(self._step, self._finished)
        return self._made[index]
