"""From whatever holds an environment to a `Simulator`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Literal

import gymnasium as gym
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv

from sandbox.core.errors import UsageError

from .arrays import check_spaces
from .simulator import Simulator

OURS = "Sandbox"
"""The namespace of our own environments."""


def as_simulator(
    env: str | gym.Env[Any, Any] | VectorEnv[Any, Any, Any] | Simulator | Any,
    n_envs: int | None = None,
    *,
    vec: Literal["sync", "async"] = "sync",
    env_kwargs: dict[str, Any] | None = None,
    wrap: Sequence[str] = (),
    seed: int | None = None,
    workers: int | None = None,
) -> Simulator:
    """Make a `Simulator` of whatever holds an environment.

    Example:
        >>> from agents import as_simulator
        >>> simulator = as_simulator("Sandbox/Catch-v0", n_envs=4)
        >>> simulator.reset(seed=0).shape
        (4, 3, 40, 40)

    Args:
        env: an id (`Sandbox/…` and others on our core are built as one batch, the rest as `n_envs` single
            environments), one `gymnasium.Env`, a `gymnasium.vector.VectorEnv` in any autoreset mode, an SB3
            `VecEnv`, or a `Simulator`, which is returned as it is. A plain `SyncVectorEnv` or `DummyVecEnv`
            is taken apart and its environments are stepped directly: they can be restored then.
        n_envs: number of environments (1 unless given); for anything but an id it must agree with `env`.
        vec: "async" steps the single environments of an id in worker processes, for slow simulators.
        env_kwargs: arguments for the environment, with an id only.
        wrap: wrappers to put around it, such as ["frame_stack:4"], the first one innermost; with an id only.
        seed: what the first `reset` without a seed uses; environment number i of single ones gets `seed + i`.
        workers: number of processes with vec="async" (default: one a core, at most one an environment).

    Raises:
        UsageError: an argument or wrapper that does not fit, or something that is no environment.
        UnsupportedSpace: its spaces are not made of arrays.
        EnvironmentNotFound, MissingExtra: the id is not registered, or needs a package that is not installed.
    """
    if vec not in ("sync", "async"):
        raise UsageError(f'vec must be "sync" or "async", not {vec!r}')
    if n_envs is not None and n_envs < 1:
        raise UsageError(f"n_envs must be at least 1, not {n_envs}")
    if isinstance(wrap, str):
        raise UsageError(f"wrap must be a list of texts, such as [{wrap!r}]")
    if isinstance(env, str):
        simulator = _from_id(env, n_envs or 1, vec, env_kwargs or {}, wrap, workers)
    elif env_kwargs or wrap:
        what = "env_kwargs need" if env_kwargs else "wrap needs"
        raise UsageError(f"{what} the id of an environment; this one is built already")
    else:
        simulator = _from_object(env)
    if n_envs is not None and n_envs != simulator.num_envs:
        simulator_kind = type(env).__name__
        raise UsageError(
            f"n_envs={n_envs}, but the {simulator_kind} has {simulator.num_envs}",
            hint="leave n_envs out, or pass the environment's id",
        )
    check_spaces(simulator.observation_space, simulator.action_space)
    if seed is not None:
        simulator.first_seed = seed
    return simulator


def _from_id(
    name: str,
    n_envs: int,
    vec: str,
    env_kwargs: dict[str, Any],
    wrap: Sequence[str],
    workers: int | None,
) -> Simulator:
    from .from_id import find_spec, is_batch, make, make_single, put_around
    from .from_vector import FromVectorEnv
    from .singles import Singles

    spec = find_spec(name)
    if is_batch(spec):
        mode = {"autoreset_mode": AutoresetMode.SAME_STEP}
        batch = make(gym.make_vec, spec, num_envs=n_envs, **{**mode, **env_kwargs})
        return FromVectorEnv(put_around(batch, wrap))
    makers = [partial(make_single, spec, list(wrap), env_kwargs)] * n_envs
    if vec == "async":
        from .workers import Workers

        return Workers(makers, workers)
    return Singles([maker() for maker in makers])


def _from_object(env: Any) -> Simulator:
    from .from_vector import FromVectorEnv
    from .singles import Singles

    if isinstance(env, Simulator):
        return env
    if isinstance(env, gym.Env):
        return Singles([env])
    if type(env) is SyncVectorEnv and env.observation_mode == "same":
        return Singles(env.envs)
    if isinstance(env, VectorEnv):
        return FromVectorEnv(env)
    from stable_baselines3.common.vec_env import VecEnv  # SB3 and torch: only if it is none of the above

    if isinstance(env, VecEnv):
        from .from_sb3 import from_sb3

        return from_sb3(env)
    raise UsageError(
        f"{type(env).__name__} is no environment",
        hint="pass an id, a gymnasium.Env, a gymnasium.vector.VectorEnv, or a stable-baselines3 VecEnv",
    )
