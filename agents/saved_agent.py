"""`save` and `load` of an agent: what of it goes into the file, and how it is made again from that."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any, ClassVar, Self, TypeVar

import torch
from gymnasium import spaces
from stable_baselines3.common.utils import get_system_info

from sandbox.core.errors import Broken, UsageError
from sandbox.nn.backbone import Backbone, preset_name

from .array_algorithm import ArrayAlgorithm, Env
from .encoding import decode_arguments, decode_space, encode_arguments, encode_space
from .recurrent import CONTRIBS_MEMORY
from .saving import Target, read_agent, read_sb3_parameters, write_agent
from .schedules import plain_schedule
from .state import in_a_line, load_optimizer, optimizer_state

AnAgent = TypeVar("AnAgent", bound="Filed")


class Filed(ArrayAlgorithm):
    """An algorithm that goes into a file, and comes out of it."""

    saved_settings: ClassVar[tuple[str, ...]] = ("learning_rate", "stats_window_size", "seed", "verbose")
    """attributes that `save` writes and `load` restores; each is an argument of the constructor too"""

    def save(self, path: Target, exclude: Iterable[str] | None = None, include: Any = None) -> None:
        """Save hyperparameters, weights and optimiser as a zip of JSON and safetensors, without the
        environment.

        Callables and classes that are not registered cannot be written: pass them to `load` again.

        Args:
            path: a path (`.zip` is added where there is no suffix) or an open binary file.
            exclude: names of hyperparameters to leave out.
            include: not used; there for SB3's signature.
        """
        save_agent(self, path, set(exclude or ()))

    def setting(self, name: str) -> Any:
        """A hyperparameter as the constructor takes it: a number, text or callable."""
        return plain_schedule(self._stats_window_size if name == "stats_window_size" else getattr(self, name))

    def counters(self) -> dict[str, float]:
        """Numbers that a file keeps beside the hyperparameters."""
        return {"num_timesteps": self.num_timesteps, "updates": self._n_updates}

    def take_counters(self, counters: dict[str, Any]) -> None:
        """The inverse of `counters`. Raises KeyError, TypeError or ValueError for others."""
        self.num_timesteps, self._n_updates = int(counters["num_timesteps"]), int(counters["updates"])

    @classmethod
    def settings_from_sb3(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Hyperparameters for the constructor, from the attributes of a saved agent of stock SB3's."""
        known = {name: data[name] for name in cls.saved_settings if data.get(name) is not None}
        return {name: plain_schedule(value) for name, value in known.items()}

    @classmethod
    def load(
        cls,
        path: Target,
        env: Env | None = None,
        device: torch.device | str = "auto",
        custom_objects: dict[str, Any] | None = None,
        print_system_info: bool = False,
        force_reset: bool = True,
        *,
        trust: bool = False,
        **kwargs: Any,
    ) -> Self:
        """Load what `save` wrote, or (with `trust`) the weights of an agent of stock SB3.

        Args:
            path: a path or an open binary file.
            env: to go on learning; not needed to predict.
            device: where to.
            custom_objects, kwargs: settings that replace saved ones; what `save` could not write must be
                here, classes inside `policy_kwargs` in a dict of that name.
            print_system_info: print versions first. force_reset: not used, as in SB3's signature.
            trust: unpickle a stock SB3 file. A pickle can execute code.

        Raises:
            NotFound, Broken: there is no such file, or it is damaged.
            UsageError: stock SB3's without `trust`, of another algorithm, or something must be passed again.
            ValueError: the environment's spaces are not the agent's (as SB3).
        """
        if print_system_info:
            get_system_info()
        # As in SB3, what nobody asks for among the custom objects is passed over.
        known = {name for kind in cls.__mro__ for name in inspect.signature(kind.__init__).parameters}
        replaced = {name: value for name, value in (custom_objects or {}).items() if name in known}
        return load_agent(cls, path, env, device, {**replaced, **kwargs}, trust)  # type: ignore[type-var]


def save_agent(agent: Filed, target: Target, leave_out: set[str]) -> None:
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
