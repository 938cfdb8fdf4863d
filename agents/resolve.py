"""From what a person typed to a config with nothing left open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec

import envs
from sandbox.core.config import from_mapping, parse_assignments, read_toml
from sandbox.core.errors import UsageError

from .algorithms import family, find_algorithm, imported_by
from .config import AgentConfig
from .names import task_of
from .policy_names import memory_of
from .presets import preset, untuned
from .settings.dqn import RAINBOW
from .simulators import OURS
from .simulators.from_id import find_spec, make_single, refuse_reserved
from .suitable import policy_for


def resolve_config(
    env: str,
    changes: Mapping[str, Any],
    *,
    settings: Sequence[str] = (),
    env_args: Mapping[str, Any] | None = None,
    config: Path | None = None,
    quick: bool = False,
    root: Path | None = None,
) -> AgentConfig:
    """Preset of the task, then the config file, then the options: each changes what came before.

    Args:
        env: short name or id; empty to take the config file's.
        changes: fields of `AgentConfig` that were given as options.
        settings: `KEY=VALUE` texts for the hyperparameters.
        env_args: arguments for the environment.
        config: a TOML file of `AgentConfig`'s form; what it leaves out comes from the preset.
        quick: a tenth of the steps.
        root: folder with the runs, among them one to start from.

    Raises:
        UsageError, NotFound, MissingExtra: one line that says what is wrong with which option, key or name.
    """
    values, lines = _read(env, config, "algo" in changes)
    algo = str(changes.get("algo", values.get("algo", "ppo")))
    algorithm = find_algorithm(algo)
    if algorithm.stock and env:
        values["train_env"] = values["env"]
    arguments = {**_table(values, "env_args"), **(env_args or {})}
    refuse_reserved(arguments)
    if "obs" in arguments and values["train_env"].startswith(OURS):
        values["env"] = values["train_env"]  # gymnasium's own twin shows one thing only
    asked = {**values, **changes}
    tuned = preset(
        family(algo),
        find_spec(values["env"]).id,
        {**_shown(values["env"]), **arguments},
        wrap=_texts(asked.get("wrap")),
        policy=asked["policy"] if isinstance(asked.get("policy"), str) else None,
    )
    arguments = {**tuned.get("env_args", {}), **arguments}
    wrap = _texts(asked.get("wrap", tuned.get("wrap")))
    task, single = _look_at(values["env"], values["train_env"], arguments, wrap)
    policy = _meant(asked.get("policy", tuned.get("policy")), algorithm.policies, single[0])
    tuned = tuned or untuned(family(algo), continuous=isinstance(single[1], spaces.Box))
    merged = {"threshold": task.reward_threshold, **tuned, **asked, "policy": policy, "env_args": arguments}
    typed = parse_assignments(settings, algorithm.settings)
    merged["settings"] = {**_tuned(tuned, typed), **_table(values, "settings"), **typed}
    merged |= _of_parent(merged.get("init_from"), changes.get("backbone"), root)
    if quick:
        merged["steps"] = max(int(merged.get("steps", AgentConfig.steps)) // 10, 1)
    resolved = from_mapping(AgentConfig, _without_none(merged), source=config, lines=lines)
    if resolved.video_every:
        from .videos import check_pictures  # loads torch

        check_pictures(resolved)
    return resolved


def _read(env: str, config: Path | None, algo_given: bool) -> tuple[dict[str, Any], dict[str, int]]:
    """The values of a config file and the lines of its keys, with the ids that `env` means among them.

    Raises:
        UsageError: no environment is named, or the file would import what was not named by the user.
    """
    values, lines = ({}, {}) if config is None else read_toml(config)
    if not env and not isinstance(values.get("env"), str):
        raise UsageError("which environment?", hint="python -m sandbox train-agent CartPole")
    _refuse_imports({} if env else {"env": values["env"], "train_env": values.get("train_env")}, config)
    _refuse_imports({} if algo_given else {"algo": values.get("algo")}, config)
    if env or "train_env" not in values:
        _take_task(values, env)
    return values, lines


def _of_parent(init_from: object, backbone: Any, root: Path | None) -> dict[str, Any]:
    """What is taken over from the run to start from, if there is one; see `sandbox.nn.transfer.adopted`."""
    if init_from is None:
        return {}
    from sandbox.nn.transfer import adopted  # loads torch

    return adopted(str(init_from), backbone, root)


def _take_task(values: dict[str, Any], env: str) -> None:
    """Put the ids that `env` means (empty: the file's own name) into the values of a config file."""
    before = values.get("env")
    values["env"], values["train_env"] = task_of(env or values["env"])
    if before not in (None, env, values["env"]):
        values.pop("threshold", None)  # the file's is another task's


def _shown(env: str) -> dict[str, str]:
    """What an environment of ours shows unless told otherwise, as its argument."""
    return next(({"obs": entry.observations[0]} for entry in envs.listing() if entry.id == env), {})


def _meant(policy: Any, policies: Sequence[str], observations: spaces.Space) -> Any:
    """The full name of a policy: "lstm" and "gru" mean the one for such observations, None one without."""
    if policy is None:
        return policy_for(policies, observations)
    if str(policy).lower() not in ("lstm", "gru"):
        return policy
    of_kind = [name for name in policies if memory_of(name) == memory_of(policy)]
    return policy_for(of_kind, observations) if of_kind else policy


def _tuned(preset: Mapping[str, Any], typed: Mapping[str, Any]) -> dict[str, Any]:
    """The hyperparameters of a task's preset, as far as those that were typed leave them."""
    ours = dict(preset.get("settings", {}))
    if typed.get("preset"):  # asked for by name: it shall be that, whatever was tuned
        ours = {name: value for name, value in ours.items() if name not in RAINBOW}
    return ours


def _look_at(
    env: str, train_env: str, arguments: dict[str, Any], wrap: Sequence[str]
) -> tuple[EnvSpec, tuple[spaces.Space, spaces.Space]]:
    """The task's specification, and one instance's spaces. Raises where it cannot be made."""
    task = find_spec(env)
    one = make_single(find_spec(train_env), wrap, arguments)
    found = one.observation_space, one.action_space
    one.close()
    return task, found


def _refuse_imports(values: Mapping[str, Any], config: Path | None) -> None:
    """A file may come from a stranger: which module is imported, and so executed, people say themselves."""
    for name in imported_by(values):
        named = f"--algo {name}" if "algo" in values else name
        what = "the algorithm" if "algo" in values else "the environment"
        raise UsageError(
            f"{config} would import (and so execute) {name.partition(':')[0]!r}",
            hint=f"if you trust it, name {what}: train-agent {named} --config {config}",
        )


def _table(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A nested table of a config file; an ill-typed one is left for `from_mapping` to refuse."""
    table = values.get(name, {})
    return dict(table) if isinstance(table, Mapping) else {}


def _texts(value: object) -> list[str]:
    """A list of texts; anything else is left for `from_mapping` to refuse, and is none here."""
    return value if isinstance(value, list) and all(isinstance(part, str) for part in value) else []


def _without_none(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
