"""What an agent with a replay buffer adds to the state of training, and the buffer as files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.core.errors import Broken, CheckpointBroken

from .saving import Target, read_agent, write_agent
from .state import in_a_line

if TYPE_CHECKING:
    from .dqn_interface import DQNInterface

BUFFER = "replay buffer"
"""what a file says it holds, where an agent's says its algorithm"""
_UNFIT = (KeyError, TypeError, ValueError, RuntimeError)


def capture_learning(agent: DQNInterface) -> dict[str, Any]:
    """How far learning is, under "learning", and under "replay" what it learns from."""
    learning = {
        "rounds": agent._rounds,
        "learns_from": agent._learns_from,
        "logged": list(agent._logged),
        "loss": agent._loss,
        "exploration_rate": agent.exploration_rate,
    }
    return {"learning": learning, "replay": agent.replay.state_dict()}


def restore_learning(agent: DQNInterface, state: dict[str, Any], troubles: list[str]) -> list[str]:
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
        agent.exploration_rate = learning["exploration_rate"]
    except _UNFIT as error:
        raise CheckpointBroken(f"the checkpoint does not fit this agent: {in_a_line(error)}") from error
    if lost := _lost(agent, state):
        agent._learns_from = agent.num_timesteps + agent.learning_starts
        anew = f"it starts anew, and learning goes on in {agent.learning_starts:,} steps"
        troubles = [*troubles, f"the replay buffer {lost}: {anew}"]
    if troubles:
        agent.replay.begin(agent._last_obs)  # type: ignore[arg-type]
    return troubles


def _lost(agent: DQNInterface, state: dict[str, Any]) -> str:
    """Put the buffer back; why not, where that cannot be done."""
    if "replay" not in state:
        return "was not kept"
    if state["replay"] is None:
        return "is damaged"
    try:
        agent.replay.load_state_dict(state["replay"])
    except _UNFIT as error:
        return f"does not fit this agent ({error})"
    return ""


def exploration_rate(state: dict[str, Any]) -> float:
    """How often an agent explored when `capture_learning` was called. Raises CheckpointBroken."""
    try:
        return float(state["learning"]["exploration_rate"])
    except _UNFIT as error:
        raise CheckpointBroken(f"the checkpoint is not one of DQN's: it lacks {error}") from error


def save_replay(agent: DQNInterface, path: Target) -> None:
    """Write the buffer alone. Raises UsageError while the agent has no environment, and so no buffer."""
    _ = agent.simulator
    write_agent(path, {"algorithm": BUFFER}, agent.replay.state_dict())


def load_replay(agent: DQNInterface, path: Target) -> None:
    """Take over such a buffer.

    Raises:
        NotFound, Broken: there is no such file, or it is damaged, or no such buffer.
        UsageError: the agent has no environment.
    """
    _ = agent.simulator
    found = read_agent(path)
    if found is None or found[0].get("algorithm") != BUFFER:
        raise Broken(f"{path} holds no replay buffer", hint="save_replay_buffer writes one")
    try:
        agent.replay.load_state_dict(found[1])
    except _UNFIT as error:
        raise CheckpointBroken(f"{path} does not fit this agent: {error}") from error
    if agent._last_obs is not None:
        agent.replay.begin(agent._last_obs)  # type: ignore[arg-type]
