"""Gymnasium's infos of a vector environment, a dict of arrays with masks, as seen by one environment."""

from __future__ import annotations

from typing import Any

import numpy as np

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
