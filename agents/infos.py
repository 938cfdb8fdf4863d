"""What one environment reported in a step, whether its source gives a list of dicts or a dict of arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from .simulators import Step

_FINAL = frozenset({"final_obs", "_final_obs", "final_info", "_final_info"})


def rest_of(infos: dict[str, Any]) -> dict[str, Any]:
    """`infos` without what belongs to the last steps of ended episodes."""
    return {key: values for key, values in infos.items() if key not in _FINAL}


def one_info(infos: dict[str, Any], one: int) -> dict[str, Any]:
    """What `infos` (key -> (envs, …), masked by `_key`) says about environment number `one`."""
    own = {}
    for key, values in infos.items():
        mask = infos.get(f"_{key}")
        is_mask = key.startswith("_") and key[1:] in infos
        if is_mask or (mask is not None and not mask[one]):
            continue
        if isinstance(values, dict):
            own[key] = one_info(values, one)
        else:
            own[key] = values[one] if isinstance(values, (np.ndarray, list, tuple)) else values
    return own


def infos_of(step: Step) -> list[dict[str, Any]]:
    """One dict for each environment, with what its source reported; for ended ones, about their last step."""
    if isinstance(step.infos, list):
        return [dict(info) for info in step.infos]
    rest = rest_of(step.infos or {})
    if not rest and not _reports_ends(step.infos):
        return [{} for _ in step.reward]
    ended = (step.terminated | step.truncated).tolist()
    return [_info_in_dict(step.infos, rest, one, end) for one, end in enumerate(ended)]


def successes(step: Step, ends: np.ndarray) -> list[Any]:
    """The `is_success` of the episodes that ended, (envs,) bool, of those that report one."""
    if isinstance(step.infos, list):
        reported = [step.infos[one] for one in np.flatnonzero(ends).tolist()]
    elif step.infos and ("is_success" in step.infos or _reports_ends(step.infos)):
        rest = rest_of(step.infos)
        reported = [_info_in_dict(step.infos, rest, one, True) for one in np.flatnonzero(ends).tolist()]
    else:
        return []
    return [info["is_success"] for info in reported if info.get("is_success") is not None]


def _reports_ends(infos: dict[str, Any] | None) -> bool:
    return bool(infos and infos.get("final_info"))


def _info_in_dict(infos: dict[str, Any], rest: dict[str, Any], one: int, ended: bool) -> dict[str, Any]:
    if not (ended and _reports_ends(infos)):
        return one_info(rest, one)
    # What stands beside `final_info` is about the new episode, but for a monitor's report of the old one.
    report = {key: rest[key] for key in ("episode", "_episode") if key in rest}
    return {**one_info(report, one), **one_info(infos["final_info"], one)}
