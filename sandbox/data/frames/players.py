"""Who plays the environments that pictures are made of: chance, an expert, or the policy of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from gymnasium.vector import VectorEnv

from sandbox.core.errors import UsageError

EXPERT = "expert"
"""the scripted player of an environment of ours, after the @"""
Act = Callable[[Any, np.ndarray], np.ndarray]
"""observations of all environments and which of them begin an episode, (envs,) bool -> actions (envs, …)"""


class Policy(Protocol):
    """What stable-baselines3's algorithms offer, and ours."""

    observation_space: Any
    action_space: Any

    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> tuple[np.ndarray, Any]:
        """Actions for a batch of observations, and what is remembered of them."""
        ...


@dataclass(frozen=True)
class Player:
    """A policy, and how the environment has to look for it."""

    policy: Policy
    env_args: Mapping[str, Any] = field(default_factory=dict)
    """arguments of the environment"""
    wrap: Sequence[str] = ()
    """names of wrappers around it, the innermost first; see `envs.wrappers`"""


MakesPlayer = Callable[[str], Player]
"""makes the player that is named after the @ of ``frames:ENV@PLAYER``"""


def run_player(text: str) -> Player:
    """The best policy of the run that ``text`` means, as `find_run` understands it.

    The table of plugins says who opens runs of its kind: data sets import no agents.

    Raises:
        RunNotFound, RunBroken: There is no such run, or it is damaged.
        UsageError: It is no run of an agent.
    """
    from sandbox.core.config import read_toml
    from sandbox.core.machine import threads_kept
    from sandbox.core.plugins import kind_of
    from sandbox.core.runs import find_run

    run = find_run(text)
    settings, _ = read_toml(run.config_path)
    if "train_env" not in settings:
        raise UsageError(f"{run.name} is no run of an agent: it cannot play", hint="train-agent makes such")
    with threads_kept():
        policy = kind_of(run.info["kind"]).load(run)
    return Player(policy, settings.get("env_args", {}), settings.get("wrap", ()))


def by_chance(env: VectorEnv[Any, Any, Any], seed: int) -> Act:
    """Any action, each as likely."""
    env.action_space.seed(seed)
    return lambda observations, first: env.action_space.sample()


def by_expert(env: Any) -> Act:
    """The scripted player of one of our environments."""
    memory: dict[str, Any] = {}

    def act(observations: Any, first: np.ndarray) -> np.ndarray:
        memory["first"] = first
        return env.expert(observations, memory)

    return act


def by_policy(policy: Policy, env: VectorEnv[Any, Any, Any], name: str) -> Act:
    """The most likely action of a policy.

    Raises:
        UsageError: It was trained on other observations or actions.
    """
    spaces = {
        "observations": (policy.observation_space, env.single_observation_space),
        "actions": (policy.action_space, env.single_action_space),
    }
    for what, (known, shown) in spaces.items():
        if (known.shape, getattr(known, "n", None)) != (shown.shape, getattr(shown, "n", None)):
            raise UsageError(
                f"{name} cannot play here: it knows the {what} {known}, and the environment has {shown}"
            )
    state: Any = None

    def act(observations: Any, first: np.ndarray) -> np.ndarray:
        nonlocal state
        actions, state = policy.predict(observations, state, first, deterministic=True)
        return actions

    return act
