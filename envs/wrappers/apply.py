"""`wrap`: from texts such as "frame_stack:4" to wrapped environments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

import gymnasium
from gymnasium.vector import VectorEnv

from envs.wrappers.single import WrappedSingle
from envs.wrappers.table import around

Batch = VectorEnv[Any, Any, Any]
Single = gymnasium.Env[Any, Any]


@overload
def wrap(env: Batch, specs: Sequence[str]) -> Batch: ...
@overload
def wrap(env: Single, specs: Sequence[str]) -> Single: ...
def wrap(env: Batch | Single, specs: Sequence[str]) -> Batch | Single:
    """Put wrappers around a batch or a single environment, the first of `specs` innermost.

    Args:
        env: any vector environment, or any single one; without `specs` it is returned as it is.
        specs: texts such as "frame_stack:4" or "mask_velocity"; see `WRAPPERS`.

    Raises:
        ValueError: a name is unknown (with a suggestion), a value is wrong, or the environment does not fit.
    """
    if isinstance(env, VectorEnv):
        return around(env, specs)
    return WrappedSingle(env, specs) if specs else env
