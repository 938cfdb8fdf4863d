"""What `learn(…, run=…)` means; `run=True` is a run folder for an agent that was made in Python."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import fields
from types import TracebackType
from typing import Self

import torch

from sandbox.core.config import from_mapping
from sandbox.core.errors import UsageError
from sandbox.core.run import Run
from sandbox.ui.console import Console

from .algorithm import Agent
from .algorithms import find_algorithm, name_of
from .config import AgentConfig
from .encoding import encode_arguments
from .names import portable_id, threshold_of
from .protocols import AnySession
from .session import AgentSession, NoSession
from .training import begin_run, draw_curve, finish


class PythonRun(AgentSession):
    """The run of `agent.learn(…, run=True)`: locked, trained and finished within that one call."""

    def __init__(self, run: Run, config: AgentConfig, agent: Agent) -> None:
        super().__init__(run, config, Console())
        self._agent = agent
        self.begin(agent)

    def __enter__(self) -> Self:
        self._locked = ExitStack()
        self._locked.enter_context(self.run.lock())
        # The agent may have learned before: a kill before the first checkpoint must not lose that.
        self.save(self._agent)
        self.run.update(updates_before=self._agent._n_updates)
        return super().__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._locked:
            super().__exit__(kind, error, trace)
            if error is None:
                # The best weights are evaluated, but `learn` leaves the agent with the last ones.
                learned = deepcopy(self._agent.policy.state_dict())
                finish(self, self._agent)
                draw_curve(self.run, self.config)
                self._agent.policy.load_state_dict(learned)


def session_of(agent: Agent, run: bool | AnySession) -> AnySession:
    """What `learn` reports to: nobody, a given session, or one with a new run folder.

    Raises:
        UsageError: `run` is nothing of that kind, or config.toml could not say how to make the agent again.
    """
    if isinstance(run, AnySession):
        return run
    if run is not True and run is not False:
        raise UsageError(f"run is True, False or an AgentSession, not {run!r}")
    return python_run(agent, agent._total_timesteps) if run else NoSession()


def python_run(agent: Agent, total_timesteps: int) -> PythonRun:
    """A new run folder for an agent that was made in Python.

    Raises:
        UsageError: config.toml could not say how to make the agent again.
    """
    config = config_of(agent, total_timesteps)
    run = begin_run(config, agent, None, None, sys.argv)
    agent.run = run.path
    return PythonRun(run, config, agent)


_EYES = {"backbone": "backbone", "freeze": "freeze", "autocast": "autocast", "compile_mode": "compile"}
"""what a policy is told of its eyes, and how a config calls it"""


def config_of(agent: Agent, total_timesteps: int) -> AgentConfig:
    """The config that makes this agent again. Raises UsageError where a file cannot hold it."""
    if agent.source is None:
        raise UsageError(
            "a run can be resumed only if its environment can be made again",
            hint="pass the environment's id, as in PPO(policy, 'CartPole-v1', n_envs=8)",
        )
    env = portable_id(agent.source.env)
    if env is None:
        raise UsageError(
            f"no other process would find {agent.source.env!r}: a script registered it",
            hint="move it to a module and register it there, or learn without run=True",
        )
    algo = name_of(type(agent))
    if algo is None:
        raise UsageError(
            f"no other process would find the class {type(agent).__name__}: a script defined it",
            hint="move it to a module and import it from there, or learn without run=True",
        )
    settings = find_algorithm(algo).settings
    names = {field.name for field in fields(settings)}
    plain = {name: agent.setting(name) for name in agent.saved_settings if name in names}
    policy = dict(agent.policy_kwargs)
    if "activation_fn" in policy:
        policy["activation"] = policy.pop("activation_fn").__name__
    plain_eyes = [key for key in _EYES if key in policy and isinstance(policy[key], str | bool | None)]
    eyes = {_EYES[key]: policy.pop(key) for key in plain_eyes}
    values, left_out = encode_arguments({**plain, **policy})
    unknown = left_out + [name for name in values if name not in names]
    if unknown or agent.policy_name not in type(agent).policy_aliases:
        what = ", ".join(unknown) or f"the policy {agent.policy_name}"
        raise UsageError(
            f"a run's config cannot hold {what}", hint="learn without run=True, and save() the agent"
        )
    known = {name: value for name, value in values.items() if value is not None}
    every = max(total_timesteps // 10, 1)
    return AgentConfig(
        env=env,
        train_env=env,
        algo=algo,
        policy=agent.policy_name,
        **eyes,
        steps=total_timesteps,
        envs=agent.n_envs,
        seed=0 if agent.seed is None else agent.seed,
        device=str(agent.device),
        threads=torch.get_num_threads(),
        vec="async" if agent.source.vec == "async" else "sync",
        eval_every=every,
        checkpoint_every=every,
        early_stop=False,
        threshold=threshold_of(agent.source.env),
        env_args=agent.source.env_kwargs,
        wrap=agent.source.wrap,
        settings=from_mapping(settings, known),
    )
