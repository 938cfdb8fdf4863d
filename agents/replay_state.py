"""What an agent with a replay buffer adds to the state of training, and the buffer as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.core.errors import CheckpointBroken
from sandbox.nn.state_files import load_state, save_state

if TYPE_CHECKING:
    from .dqn import DQN

_UNFIT = (KeyError, TypeError, ValueError, RuntimeError)


def capture_learning(agent: DQN) -> dict[str, Any]:
    """How far learning is, under "learning", and under "replay" what it learns from."""
    learning = {
        "rounds": agent._rounds,
        "learns_from": agent._learns_from,
        "logged": list(agent._logged),
        "loss": agent._loss,
    }
    return {"learning": learning, "replay": agent.replay.state_dict()}


def restore_learning(agent: DQN, state: dict[str, Any], troubles: list[str]) -> list[str]:
    """Put an agent where `capture_learning` found the other one; without "replay" the buffer starts anew.

    Args:
        agent: with its environments restored.
        state: see `agents.state`.
        troubles: one sentence for each thing that could not be restored so far.

    Returns:
        those sentences, and what there is to say about the buffer.

    Raises:
        CheckpointBroken: the state is not one of such an agent.
    """
    try:
        learning = state["learning"]
        agent._rounds, agent._learns_from = learning["rounds"], learning["learns_from"]
        episodes, steps, updates = learning["logged"]
        agent._logged = episodes, steps, updates
        agent._loss.copy_(learning["loss"])
        if "replay" in state:
            agent.replay.load_state_dict(state["replay"])
    except _UNFIT as error:
        raise CheckpointBroken(f"the checkpoint does not fit this agent: {error}") from error
    if "replay" not in state:
        agent._learns_from = agent.num_timesteps + agent.learning_starts
        anew = f"it starts anew, with {agent.learning_starts:,} random steps"
        troubles = [*troubles, f"the replay buffer was not kept: {anew}"]
    if troubles:
        agent.replay.begin(agent._last_obs)  # type: ignore[arg-type]
    return troubles


def save_replay(agent: DQN, folder: Path) -> None:
    """Write the buffer alone."""
    save_state(folder, agent.replay.state_dict())


def load_replay(agent: DQN, folder: Path) -> None:
    """Take over such a buffer. Raises CheckpointBroken where it is damaged, or does not fit."""
    try:
        agent.replay.load_state_dict(load_state(folder))
    except _UNFIT as error:
        raise CheckpointBroken(f"{folder} does not fit this agent: {error}") from error
    if agent._last_obs is not None:
        agent.replay.begin(agent._last_obs)  # type: ignore[arg-type]
