"""`save` and `load` of an agent: what of it goes into the file, and how it is made again from that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import torch
from gymnasium import spaces

from sandbox.core.errors import Broken, UsageError
from sandbox.nn.backbone import Backbone, preset_name

from .encoding import decode_arguments, decode_space, encode_arguments, encode_space
from .recurrent import CONTRIBS_MEMORY
from .saving import Target, read_agent, read_sb3_parameters, write_agent
from .state import in_a_line, load_optimizer, optimizer_state

if TYPE_CHECKING:
    from .algorithm import Agent, Env

AnAgent = TypeVar("AnAgent", bound="Agent")


def save_agent(agent: Agent, target: Target, leave_out: set[str]) -> None:
    """Write `agent` without its environment; see `Agent.save`."""
    settings = {name: agent.setting(name) for name in agent.saved_settings if name not in leave_out}
    settings["policy_kwargs"] = _without_weights(agent.policy_kwargs)
    encoded, pass_again = encode_arguments(settings)
    description = {
        "algorithm": type(agent).__name__,
        "policy": agent.policy_name,
        "settings": encoded,
        "pass_again": pass_again,
        "observation_space": encode_space(agent.observation_space),
        "action_space": encode_space(agent.action_space),
        "counters": agent.counters(),
    }
    optimizer = optimizer_state(agent.policy.optimizer)  # type: ignore[arg-type]
    write_agent(target, description, {"policy": dict(agent.policy.state_dict()), "optimizer": optimizer})


def _without_weights(policy_kwargs: dict[str, Any]) -> dict[str, Any]:
    """Arguments of a policy, with the name of its backbone's preset: the weights lie among the policy's."""
    eyes = policy_kwargs.get("backbone")
    name = preset_name(eyes) if isinstance(eyes, Backbone) else None
    return policy_kwargs if name is None else {**policy_kwargs, "backbone": name}


def load_agent(
    cls: type[AnAgent],
    path: Target,
    env: Env | None,
    device: torch.device | str,
    overrides: dict[str, Any],
    trust: bool,
) -> AnAgent:
    """Make an agent of class `cls` from a file; see `Agent.load`."""
    found = read_agent(path)
    if found is None:
        return _from_sb3(cls, read_sb3_parameters(path, trust), env, device, overrides)
    description, state = found
    if description.get("algorithm") != cls.__name__:
        raise UsageError(f"{path} holds a {description.get('algorithm')}, not a {cls.__name__}")
    try:
        settings = decode_arguments(description["settings"])
        if unknown := settings.keys() - {*cls.saved_settings, "policy_kwargs"}:
            raise ValueError(f"it has settings that a {cls.__name__} does not: {', '.join(sorted(unknown))}")
        settings["policy_kwargs"] = {**settings["policy_kwargs"], **overrides.pop("policy_kwargs", {})}
        settings.update(overrides)
        policy = settings.pop("policy", description["policy"])
        seen, acts = decode_space(description["observation_space"]), decode_space(description["action_space"])
        missing = [name for name in description["pass_again"] if not _given(settings, name)]
        if isinstance(policy, str) and policy not in cls.policy_aliases:
            missing.append("policy")
        counters, weights, optimizer = description["counters"], state["policy"], state["optimizer"]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Broken(f"{path} is no saved {cls.__name__}: {error!r}") from error
    if missing:
        raise UsageError(f"{path} was saved without {', '.join(missing)}", hint="pass it to load(…) again")
    agent = _make(cls, policy, env, device, (seen, acts), settings)
    try:
        agent.policy.load_state_dict(weights)
        load_optimizer(agent.policy.optimizer, optimizer)  # type: ignore[arg-type]
        agent.take_counters(counters)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise Broken(f"what is in {path} does not fit its settings: {error}") from error
    return agent


def _make(
    cls: type[AnAgent],
    policy: str | type,
    env: Env | None,
    device: torch.device | str,
    seen_and_acts: tuple[spaces.Space, spaces.Space],
    settings: dict[str, Any],
) -> AnAgent:
    """An agent with the given settings and spaces, new weights, and the environment if there is one."""
    agent = cls(policy, None, device=device, _init_setup_model=False, **settings)  # type: ignore[call-arg]
    agent.observation_space, agent.action_space = seen_and_acts
    agent.n_envs = 1
    agent._setup_model()
    if env is not None:
        agent.set_env(env)
        agent.set_random_seed(agent.seed)
    return agent


def _from_sb3(
    cls: type[AnAgent],
    saved: tuple[dict[str, Any], dict[str, Any]],
    env: Env | None,
    device: torch.device | str,
    overrides: dict[str, Any],
) -> AnAgent:
    """An agent with the weights, optimiser and settings of one of stock SB3's."""
    data, parameters = saved
    theirs = data.get("policy_class")
    remembers = getattr(theirs, "__name__", "") in cls.contrib_policies
    policy = cls.contrib_policies[theirs.__name__] if remembers else cls.sb3_policies.get(theirs)  # type: ignore[arg-type, union-attr]
    if policy is None:
        raise UsageError(
            f"an SB3 agent with policy {theirs} cannot be taken over",
            hint="possible: "
            + ", ".join([kind.__name__ for kind in cls.sb3_policies] + [*cls.contrib_policies]),
        )
    settings = cls.settings_from_sb3(data)
    settings["policy_kwargs"] = {k: v for k, v in data.get("policy_kwargs", {}).items() if k != "use_sde"}
    if remembers:
        settings["policy_kwargs"] = {**CONTRIBS_MEMORY, **settings["policy_kwargs"]}
    settings.update(overrides)
    agent = _make(cls, policy, env, device, (data["observation_space"], data["action_space"]), settings)
    try:
        agent.set_parameters(parameters)
    except (KeyError, ValueError, RuntimeError) as error:
        raise UsageError(
            f"an SB3 agent with other networks than ours cannot be taken over: {in_a_line(error)}",
            hint='for pictures, pass the extractor it has: policy_kwargs={"features_extractor_class": …}',
        ) from error
    agent.take_counters({**data, "updates": data["_n_updates"]})
    return agent


def _given(settings: dict[str, Any], name: str) -> bool:
    head, _, rest = name.partition(".")
    return head in settings and (not rest or _given(settings[head], rest))
