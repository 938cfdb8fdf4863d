"""From a config to an agent that has learned nothing yet."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

import torch

from sandbox.core.errors import UsageError
from sandbox.core.spelling import suggest
from sandbox.nn.device import pick_device
from sandbox.nn.transfer import load_backbone

from .algorithms import find_algorithm
from .config import AgentConfig
from .policy_names import remembers
from .protocols import AnyAgent
from .settings.rules import MEMORY


def build_agent(config: AgentConfig) -> AnyAgent:
    """The agent of a config, with its environments, untrained.

    Raises:
        SandboxError: the environment, its arguments, its spaces or the device do not fit.
    """
    torch.set_num_threads(config.threads)
    algorithm = find_algorithm(config.algo)
    if config.policy not in algorithm.policies:
        close = suggest(config.policy, algorithm.policies)
        message = f"{config.algo} has no policy {config.policy!r}" + (
            f": did you mean {close!r}?" if close else ""
        )
        raise UsageError(message, hint=f"known: {', '.join(algorithm.policies)}")
    arguments = config.settings.arguments()
    if not algorithm.stock and not remembers(config.policy):
        arguments["policy_kwargs"] = _without(MEMORY, arguments["policy_kwargs"])
    with_eyes = _with_stock_eyes if algorithm.stock else _with_eyes
    arguments["policy_kwargs"] = with_eyes(config, arguments["policy_kwargs"])
    return algorithm.load()(
        config.policy,
        config.train_env,
        n_envs=config.envs,
        env_kwargs=config.env_args,
        wrap=config.wrap,
        vec=config.vec,
        seed=config.seed,
        device=pick_device(config.device),
        **arguments,
    )


def _with_eyes(config: AgentConfig, policy: dict[str, Any]) -> dict[str, Any]:
    """Arguments of a policy, with the backbone that it is to see through."""
    if config.policy.startswith("Mlp"):
        return _without(("features_dim",), policy)
    return {**policy, **_eyes(config)}


def _without(names: Container[str], policy: dict[str, Any]) -> dict[str, Any]:
    """Arguments of a policy but for some that it does not know."""
    return {name: value for name, value in policy.items() if name not in names}


def _with_stock_eyes(config: AgentConfig, policy: dict[str, Any]) -> dict[str, Any]:
    """The same for a stock policy, which sees through SB3's own CNN unless a backbone was asked for."""
    if config.backbone is None or config.policy.startswith("Mlp"):
        return policy
    from .eyes import BackboneExtractor, CombinedEyes

    extractor = CombinedEyes if config.policy.startswith("MultiInput") else BackboneExtractor
    given = policy.get("features_extractor_kwargs") or {}
    eyes = {"features_extractor_class": extractor, "features_extractor_kwargs": {**given, **_eyes(config)}}
    return {**policy, **eyes}


def _eyes(config: AgentConfig) -> dict[str, Any]:
    """Arguments of `BackboneExtractor`."""
    eyes = config.backbone if config.init_from is None else load_backbone(config.init_from)
    how = {"freeze": config.freeze, "autocast": config.autocast, "compile_mode": config.compile}
    return {"backbone": eyes, **how}
