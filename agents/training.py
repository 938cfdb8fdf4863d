"""From a config to a trained run, and from a stopped run to its end."""

from __future__ import annotations

import sys
from collections.abc import Container
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from sandbox.core.errors import CheckpointBroken, UsageError
from sandbox.core.manifest import write_manifest
from sandbox.core.metrics import read_metrics
from sandbox.core.run import Run
from sandbox.core.runs import start_run
from sandbox.core.spelling import suggest
from sandbox.nn.device import pick_device
from sandbox.nn.transfer import load_backbone, parent_of
from sandbox.ui.console import Console

from .algorithms import family, find_algorithm, imported_by, label, remembers
from .config import AgentConfig
from .evaluate import Evaluation
from .session import CONFIRM_EPISODES, AgentSession, final_evaluation, note_unfinished
from .settings.rules import MEMORY

if TYPE_CHECKING:
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
        root, "train-agent", config.env, family(config.algo), config, command, about, name, parent, **info
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
    """What a printed command needs at its end, where a module of the user's belongs to the run."""
    return " --trust" if imported_by(vars(config)) else ""


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
        title=f"{label(config.algo)} on {config.env}, seed {config.seed}",
        threshold=config.threshold,
    )
    return path
