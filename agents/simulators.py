"""What a collector of experience talks to: environments of any make, stepped together, as arrays.

`as_simulator` turns whatever people have (an id, a `gymnasium.Env`, a `VectorEnv`, an SB3 `VecEnv`) into a
`Simulator`, whose `step` gives the same `Step` for all of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, Self

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv

from sandbox.core.errors import UsageError

from .arrays import Observation, check_spaces

OURS = "Sandbox"
"""The namespace of the environments that are array programs, and are always built as one batch."""


@dataclass(slots=True)
class Step:
    """The answer of `num_envs` environments to one action each.

    Environments may reuse their arrays: `observation` stays as it is during the next `step` and may be
    overwritten by the one after it; everything else may be overwritten by the next. Copy what must last.
    """

    observation: Observation
    """(envs, …): what to act on next; in the rows of ended episodes already the new episode's first one,
    unless `ignored` says in the step after that this was not so (autoreset in the next step)."""
    reward: np.ndarray
    """(envs,) float32 or float64."""
    terminated: np.ndarray
    """(envs,) bool: the episode ended, by the task's own rules."""
    truncated: np.ndarray
    """(envs,) bool: it was cut off, by a time limit say; bootstrap from `final_observation`."""
    final_observation: Observation | None = None
    """As `observation`: the last one of the ended episodes, valid in the rows where `terminated | truncated`;
    None only when no episode ended."""
    ignored: np.ndarray | None = None
    """(envs,) bool: rows whose action was ignored, as an ended episode was being reset; drop these."""
    infos: Any = None
    """What the source reported, in its own form: a dict of arrays (gymnasium) or a list of dicts."""
    episodes: list[dict[str, Any]] | None = None
    """Return "r", length "l" and time "t" of the episodes that ended, as a monitor inside of the source saw
    them (before rewards were normalised, or lives were made episodes); None where there is no monitor."""


class Simulator(ABC):
    """`num_envs` environments that are reset, stepped and (mostly) saved and restored together."""

    num_envs: int
    observation_space: gym.Space[Any]
    """Of one environment."""
    action_space: gym.Space[Any]
    """Of one environment."""
    observation: Observation | None = None
    """What the last `reset`, `step` or `load_state_dict` left to act on; None before the first."""
    restarted: np.ndarray | None = None
    """(envs,) bool: rows that began a new episode in the last `load_state_dict`; None before the first."""
    first_seed: int | None = None
    """What the first `reset` uses when it is called without a seed."""

    @abstractmethod
    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> Observation:
        """Start all episodes anew and return their first observations (envs, …)."""

    @abstractmethod
    def step(self, actions: np.ndarray) -> Step:
        """Advance every environment by its action, (envs, *action shape); new episodes follow ended ones."""

    def state_dict(self) -> dict[str, Any] | None:
        """Arrays and JSON values that `load_state_dict` continues from bit-identically, or None."""
        return None

    def load_state_dict(self, state: dict[str, Any] | None) -> list[str]:
        """Continue from a saved state and say in one sentence each what could not be restored.

        What could not be restored starts a new episode: `restarted` marks its rows in `observation`.
        """
        self.observation = self.reset()
        self.restarted = np.ones(self.num_envs, np.bool_)
        return [f"{self} cannot be restored: all {self.num_envs} environments start a new episode"]

    @abstractmethod
    def get_attr(self, name: str, one: int) -> Any:
        """Attribute `name` of environment number `one`; AttributeError if there is none."""

    @abstractmethod
    def set_attr(self, name: str, value: Any, one: int) -> None:
        """Set attribute `name` of environment number `one`."""

    @abstractmethod
    def env_method(self, name: str, one: int, *args: Any, **kwargs: Any) -> Any:
        """Call a method of environment number `one`."""

    def render(self) -> Sequence[Any] | None:
        """One picture for each environment, or None."""
        return None

    @abstractmethod
    def close(self) -> None:
        """Release the environments; may be called twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __str__(self) -> str:
        return type(self).__name__

    def _take_first_seed(self, seed: int | None) -> int | None:
        """The seed for this reset: the given one, or the one that was kept for the first reset."""
        seed, self.first_seed = (self.first_seed if seed is None else seed), None
        return seed


def as_simulator(
    env: str | gym.Env[Any, Any] | VectorEnv[Any, Any, Any] | Simulator | Any,
    n_envs: int | None = None,
    *,
    vec: Literal["sync", "async"] = "sync",
    env_kwargs: dict[str, Any] | None = None,
    seed: int | None = None,
    workers: int | None = None,
) -> Simulator:
    """Make a `Simulator` of whatever holds an environment.

    Args:
        env: an id (`Sandbox/…` is built as one batch, any other as `n_envs` single environments), one
            `gymnasium.Env`, a `gymnasium.vector.VectorEnv` in any autoreset mode, an SB3 `VecEnv`, or a
            `Simulator`, which is returned as it is. A plain `SyncVectorEnv` or `DummyVecEnv` is taken apart
            and its environments are stepped directly: they can be restored then.
        n_envs: number of environments (1 unless given); for anything but an id it must agree with `env`.
        vec: "async" steps the single environments of an id in worker processes, for slow simulators.
        env_kwargs: arguments for the environment, with an id only.
        seed: what the first `reset` without a seed uses; environment number i of single ones gets `seed + i`.
        workers: number of processes with vec="async" (default: one a core, at most one an environment).

    Raises:
        UsageError: an argument that does not fit, or something that is no environment.
        UnsupportedSpace: its spaces are not made of arrays.
        EnvironmentNotFound, MissingExtra: the id is not registered, or needs a package that is not installed.
    """
    if vec not in ("sync", "async"):
        raise UsageError(f'vec must be "sync" or "async", not {vec!r}')
    if n_envs is not None and n_envs < 1:
        raise UsageError(f"n_envs must be at least 1, not {n_envs}")
    if isinstance(env, str):
        simulator = _from_id(env, n_envs or 1, vec, env_kwargs or {}, workers)
    elif env_kwargs:
        raise UsageError("env_kwargs need the id of an environment; this one is built already")
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


def _from_id(name: str, n_envs: int, vec: str, env_kwargs: dict[str, Any], workers: int | None) -> Simulator:
    from .from_id import find_spec, make
    from .from_vector import FromVectorEnv
    from .singles import Singles

    spec = find_spec(name)
    if spec.namespace == OURS and spec.vector_entry_point is not None:
        mode = {"autoreset_mode": AutoresetMode.SAME_STEP}
        return FromVectorEnv(make(gym.make_vec, spec, num_envs=n_envs, **{**mode, **env_kwargs}))
    makers = [partial(make, gym.make, spec, **env_kwargs)] * n_envs
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
        from .vec import from_sb3

        return from_sb3(env)
    raise UsageError(
        f"{type(env).__name__} is no environment",
        hint="pass an id, a gymnasium.Env, a gymnasium.vector.VectorEnv, or a stable-baselines3 VecEnv",
    )
