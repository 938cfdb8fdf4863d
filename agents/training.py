"""From a config to a trained run, and from a stopped run to its end."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from sandbox.core.errors import CheckpointBroken
from sandbox.core.manifest import write_manifest
from sandbox.core.metrics import read_metrics
from sandbox.core.run import Run
from sandbox.core.runs import start_run
from sandbox.nn.transfer import parent_of
from sandbox.ui.console import Console

from .algorithms import family, imported_by, label
from .config import AgentConfig
from .evaluate import Evaluation
from .protocols import AnyAgent
from .session import CONFIRM_EPISODES, AgentSession, final_evaluation, note_unfinished

SCHEMA = "sandbox.agent/1"


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
