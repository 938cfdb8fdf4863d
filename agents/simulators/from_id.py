"""From the id of an environment to its specification and instances, with errors that say what to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec as find_module
from typing import Any, TypeVar

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import EnvSpec, load_env_creator
from gymnasium.vector import VectorEnv

from envs import atari, doom
from envs.base import BatchedEnv
from envs.options import LONGEST_LIMIT, NO_LIMIT
from envs.wrappers import wrap
from sandbox.core.errors import EnvironmentNotFound, MissingExtra, SandboxError, UsageError
from sandbox.core.modules import import_named
from sandbox.core.spelling import suggest

T = TypeVar("T")
AnEnv = TypeVar("AnEnv", gym.Env[Any, Any], VectorEnv[Any, Any, Any])

_SUITES = {"ALE/": ("ale_py", "atari"), "Vizdoom": ("vizdoom.gymnasium_wrapper", "doom")}
"""Start of an id -> the module that registers such ids, and our extra that installs it."""


RESERVED = {"render_mode", "num_envs", "autoreset_mode"}
"""Arguments of environments that nobody passes with --env-arg."""


class MissingPackageError(SandboxError):
    """An environment needs a package that no extra of ours installs; the message is the environment's own."""

    exit_code = 3


def find_spec(name: str) -> EnvSpec:
    """The specification registered under `name`; `module:Env-v0` imports `module` first.

    Raises:
        EnvironmentNotFound: nothing is registered under it (with a suggestion), or the module is not found.
        MissingExtra: it belongs to a suite that is not installed.
    """
    import_module("envs")  # registers ours
    module, _, name = name.rpartition(":")
    if module:
        _import(module, name)
    register_suite(name)
    try:
        return _as_ours(gym.spec(name))
    except gym.error.Error as error:
        close = suggest(name, gym.registry)
        hint = f"did you mean {close!r}?" if close else "python -m sandbox list envs"
        raise EnvironmentNotFound(f"no environment is registered as {name!r}", hint=hint) from error


def register_suite(name: str) -> None:
    """Register the environments of the suite that `name` belongs to, if it does.

    Raises:
        MissingExtra: the suite is not installed.
    """
    for start, (suite, extra) in _SUITES.items():
        if name.casefold().startswith(start.casefold()):
            if find_module(suite.partition(".")[0]) is None:
                raise MissingExtra(name, extra)
            import_module(suite)


def _as_ours(spec: EnvSpec) -> EnvSpec:
    """The same task in the form in which it is made here, for the suites that have one."""
    if doom.is_scenario(spec):
        return doom.at_home(spec)
    return atari.prepared(spec) if atari.is_game(spec) else spec


def refuse_reserved(arguments: Mapping[str, Any]) -> None:
    """Raise UsageError for an --env-arg that the commands themselves decide."""
    for name in RESERVED & arguments.keys():
        raise UsageError(f"{name} cannot be an --env-arg: the command decides it")


def make(create: Callable[..., T], spec: EnvSpec, /, **arguments: Any) -> T:
    """Call `gym.make` or `gym.make_vec` for `spec`.

    Raises:
        MissingExtra, MissingPackageError: the environment needs a package that is not installed.
        UsageError: an argument is unknown, or its value wrong.
    """
    _check_limit(arguments.get("max_episode_steps"))
    try:
        return create(spec, **arguments)
    except gym.error.DependencyNotInstalled as error:
        if "box2d" in str(error).lower():
            raise MissingExtra(spec.id, "box2d") from error
        raise MissingPackageError(f"{spec.id}: {error}") from error
    except ImportError as error:
        missing = (
            f"needs {error.name}, which is not installed" if error.name else f"cannot be imported: {error}"
        )
        raise MissingPackageError(f"{spec.id} {missing}") from error
    except (TypeError, ValueError) as error:
        if arguments.keys() <= {"num_envs", "autoreset_mode"}:
            raise  # no argument of the user's: a bug in the environment
        # Gymnasium appends the whole call to the environment's own words.
        reason = str(error).partition(" was raised from the environment creator")[0]
        raise UsageError(f"{spec.id} cannot be made with these arguments: {reason}") from error


def make_single(spec: EnvSpec, wrappers: Sequence[str], arguments: Mapping[str, Any]) -> gym.Env[Any, Any]:
    """One environment of `spec`, within `wrappers`; raises as `make` and `put_around`."""
    return put_around(make(gym.make, spec, **arguments), wrappers)


def put_around(env: AnEnv, wrappers: Sequence[str]) -> AnEnv:
    """`env` within wrappers such as "frame_stack:4", the first one innermost.

    Raises:
        UsageError: a name or value is wrong, or a wrapper does not fit the environment, which is closed then.
    """
    try:
        return wrap(env, wrappers)
    except ValueError as error:
        env.close()
        raise UsageError(str(error), hint="python -m sandbox list wrappers") from error


def is_batch(spec: EnvSpec) -> bool:
    """Whether `spec` has a vector environment of ours: one program for any number of episodes.

    Its module is imported for that, as it is to make the environment.
    """
    entry = spec.vector_entry_point
    if isinstance(entry, str):
        try:
            entry = load_env_creator(entry)
        except (ImportError, AttributeError):
            return False  # `make` says what is missing, where it matters
    return isinstance(entry, type) and issubclass(entry, BatchedEnv | atari.AtariBatch)


def most_at_once(spec: EnvSpec) -> int:
    """How many environments of `spec` to evaluate in, at most: as many as cost little."""
    if doom.is_scenario(spec):
        return 10  # each is a process of 100 MB
    if atari.is_game(spec):
        return 20  # each takes a tenth of a second to load
    return 4096 if is_batch(spec) else 100


def _check_limit(steps: object) -> None:
    """Raise UsageError for a limit that none can have: gymnasium does not name the value."""
    if steps is None or steps == NO_LIMIT:
        return
    if isinstance(steps, bool) or not isinstance(steps, int | np.integer) or not 1 <= steps <= LONGEST_LIMIT:
        rule = f"a whole number from 1 to {LONGEST_LIMIT}, or -1 for no limit"
        raise UsageError(f"max_episode_steps must be {rule}, not {steps!r}")


def _import(module: str, name: str) -> None:
    try:
        import_named(module)
    except ImportError as error:
        raise EnvironmentNotFound(
            f"module {module!r}, which should register {name!r}, cannot be imported: {error}",
            hint="install it, or run the command in the folder that holds it",
        ) from error
