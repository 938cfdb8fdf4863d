"""From a config to a trained run, and from a stopped run to its end."""

from __future__ import annotations

import sys
from collections.abc import Container
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import fields
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import torch

from sandbox.core.config import from_mapping
from sandbox.core.errors import CheckpointBroken, UsageError
from sandbox.core.manifest import write_manifest
from sandbox.core.metrics import read_metrics
from sandbox.core.names import suggest
from sandbox.core.run import Run
from sandbox.core.runs import start_run
from sandbox.nn.device import pick_device
from sandbox.nn.transfer import load_backbone, parent_of
from sandbox.ui.console import Console

from .algorithms import find_algorithm, remembers
from .config import AgentConfig
from .encoding import encode_arguments
from .evaluate import Evaluation
from .names import portable_id, threshold_of
from .session import CONFIRM_EPISODES, AgentSession, final_evaluation, note_unfinished
from .settings.rules import MEMORY

if TYPE_CHECKING:
    from .algorithm import Agent
    from .algorithms import AnyAgent

SCHEMA = "sandbox.agent/1"


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


def begin_run(
    config: AgentConfig, agent: AnyAgent, root: Path | None, name: str | None, command: list[str]
) -> Run:
    """A new run folder with config and manifest."""
    about = {"device": str(agent.device), "threads": config.threads}
    info = {"env": config.env, "algo": config.algo}
    parent = parent_of(config.init_from)
    return start_run(
        root, "train-agent", config.env, config.algo, config, command, about, name, parent, **info
    )


def train(config: AgentConfig, agent: AnyAgent, run: Run, console: Console) -> dict[str, Any]:
    """Train a new run to its end and evaluate it; returns what `--json` prints.

    Raises:
        Interrupted: a signal came; the run is saved.
        Diverged: the loss became NaN; the run is marked so.
    """
    with run.lock():
        session = AgentSession(run, config, console)
        session.begin(agent)
        agent.learn(config.steps, run=session)
        return finish(session, agent)


def resume(config: AgentConfig, agent: AnyAgent, run: Run, console: Console) -> dict[str, Any]:
    """Continue a stopped run from its newest good checkpoint; otherwise as `train`.

    Raises:
        RunLocked: another process works on it.
        CheckpointBroken: there are checkpoints, and none can be loaded.
    """
    with run.lock():
        session = AgentSession(run, config, console)
        step = session.resume_from(lambda state: session.load(agent, state), "train-agent")
        write_manifest(run, sys.argv, {"device": str(agent.device), "threads": config.threads})
        session.begin(agent)
        if not session.solved:
            agent.learn(max(config.steps - step, 0), reset_num_timesteps=step == 0, run=session)
        return finish(session, agent)


def trust_option(config: AgentConfig) -> str:
    """What a printed command needs at its end, where the environment lives in a module of the user's."""
    return " --trust" if ":" in config.env + config.train_env else ""


def finish(session: AgentSession, agent: AnyAgent) -> dict[str, Any]:
    """Save the end and evaluate the best on the task itself."""
    run, config = session.run, session.config
    if session.reason == "interrupted":
        draw_curve(run, config)
        session.interrupted(agent.num_timesteps, trust_option(config))
    if not session.checkpoints.has(agent.num_timesteps):
        session.save(agent)
    if session.best is None:
        session.keep_eyes(agent)
    final = session.final if session.solved and session.final is not None else _evaluate_best(session, agent)
    note_unfinished(final, config, session.console)
    solved = None if config.threshold is None else final.mean >= config.threshold
    seconds = session.seconds
    result = outcome(run, config, agent.num_timesteps, final) | {
        "train_seconds": round(seconds, 4),
        "steps_per_second": round(agent.num_timesteps / seconds, 1) if seconds > 0 else None,
        "solved": solved,
    }
    kept = {key: result[key] for key in ("steps", "train_seconds", "solved", "evaluation")}
    run.update(status="finished", best=session.best if session.best is not None else final.mean, **kept)
    return result


def outcome(run: Run, config: AgentConfig, steps: int, evaluation: Evaluation) -> dict[str, Any]:
    """What `train-agent` and `evaluate` both tell scripts."""
    return {
        "schema": SCHEMA,
        "run": str(run.path),
        "env": config.env,
        "algo": config.algo,
        "seed": config.seed,
        "steps": steps,
        "evaluation": evaluation.summary(),
    }


def _evaluate_best(session: AgentSession, agent: AnyAgent) -> Evaluation:
    try:
        if session.checkpoints.best() is not None:
            _, state = session.checkpoints.load("best")
            agent.policy.load_state_dict(state["policy"])
    except CheckpointBroken as error:
        session.console.note(f"warning: {error.message}; evaluating the last weights instead of the best")
    return final_evaluation(agent, session.config, CONFIRM_EPISODES)


def draw_curve(run: Run, config: AgentConfig) -> Path | None:
    """Draw `plots/learning_curve.png`; None where nothing is logged yet."""
    from sandbox.ui.plots import learning_curve

    metrics = read_metrics(run.metrics_path) if run.metrics_path.exists() else []
    if not metrics:
        return None
    path = run.plots_dir / "learning_curve.png"
    path.parent.mkdir(exist_ok=True)
    learning_curve(
        path,
        metrics,
        title=f"{config.algo.upper()} on {config.env}, seed {config.seed}",
        threshold=config.threshold,
    )
    return path


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


def python_run(agent: Agent, total_timesteps: int) -> PythonRun:
    """A new run folder for an agent that was made in Python.

    Raises:
        UsageError: config.toml could not say how to make the agent again.
    """
    config = config_of(agent, total_timesteps)
    return PythonRun(begin_run(config, agent, None, None, sys.argv), config, agent)


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
    settings = find_algorithm(type(agent).__name__.lower()).settings
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
        algo=type(agent).__name__.lower(),
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
