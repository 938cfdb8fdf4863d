"""An agent with a replay buffer: what that adds to the state of training, and the buffer as files."""

from __future__ import annotations

from typing import Any

import torch

from sandbox.core.errors import Broken, CheckpointBroken

from .algorithm import Agent
from .replay import Replay
from .saving import Target, read_agent, write_agent
from .sequence_replay import SequenceReplay
from .state import in_a_line

BUFFER = "replay buffer"
"""what a file says it holds, where an agent's says its algorithm"""
_UNFIT = (KeyError, TypeError, ValueError, RuntimeError)


class ReplayAgent(Agent):
    """Learns from what it met before. Subclasses make `replay`, and keep the counters."""

    replay: Replay | SequenceReplay
    learning_starts: int

    # How far learning is.
    exploration_rate: float
    _rounds: int
    _learns_from: int
    _logged: tuple[int, int, int]
    _loss: torch.Tensor

    @property
    def replay_buffer(self) -> Replay | SequenceReplay | None:
        """What it learns from; None before there is an environment."""
        return getattr(self, "replay", None)

    def counters(self) -> dict[str, float]:
        return {**super().counters(), "exploration_rate": self.exploration_rate}

    def take_counters(self, counters: dict[str, Any]) -> None:
        super().take_counters(counters)
        self.exploration_rate = float(counters["exploration_rate"])

    # The state of training

    def training_state(self) -> dict[str, Any]:
        """As `Agent.training_state`, with how far learning is and, under "replay", what it learns from."""
        learning = {
            "rounds": self._rounds,
            "learns_from": self._learns_from,
            "logged": list(self._logged),
            "loss": self._loss,
            "exploration_rate": self.exploration_rate,
        }
        return super().training_state() | {"learning": learning, "replay": self.replay.state_dict()}

    def load_training_state(self, state: dict[str, Any]) -> list[str]:
        """As `Agent.load_training_state`; without "replay" the buffer starts anew, with random actions."""
        troubles = super().load_training_state(state)
        try:
            learning = state["learning"]
            self._rounds, self._learns_from = learning["rounds"], learning["learns_from"]
            episodes, steps, updates = learning["logged"]
            self._logged = episodes, steps, updates
            self._loss.copy_(learning["loss"])
            self.exploration_rate = learning["exploration_rate"]
        except _UNFIT as error:
            raise CheckpointBroken(f"the checkpoint does not fit this agent: {in_a_line(error)}") from error
        if lost := self._lost(state):
            self._learns_from = self.num_timesteps + self.learning_starts
            anew = f"it starts anew, and learning goes on in {self.learning_starts:,} steps"
            troubles = [*troubles, f"the replay buffer {lost}: {anew}"]
        if troubles:
            self.replay.begin(self._last_obs)  # type: ignore[arg-type]
        return troubles

    def _lost(self, state: dict[str, Any]) -> str:
        """Put the buffer back; why not, where that cannot be done."""
        if "replay" not in state:
            return "was not kept"
        if state["replay"] is None:
            return "is damaged"
        try:
            self.replay.load_state_dict(state["replay"])
        except _UNFIT as error:
            return f"does not fit this agent ({error})"
        return ""

    def load_policy(self, state: dict[str, Any], step: int) -> None:
        super().load_policy(state, step)
        try:
            self.exploration_rate = float(state["learning"]["exploration_rate"])
        except _UNFIT as error:
            raise CheckpointBroken(f"the checkpoint is not one of DQN's: it lacks {error}") from error

    # The buffer alone

    def save_replay_buffer(self, path: Target) -> None:
        """Write the replay buffer as a zip of safetensors and JSON; a path without a suffix gets `.zip`.

        Raises:
            UsageError: the agent has no environment, and so no buffer.
        """
        _ = self.simulator
        write_agent(path, {"algorithm": BUFFER}, self.replay.state_dict())

    def load_replay_buffer(self, path: Target, truncate_last_traj: bool = True) -> None:
        """Take over what `save_replay_buffer` wrote, for the same number of environments.

        Raises:
            NotFound, Broken: there is no such file, or it is damaged, or no such buffer (as SB3's pickles).
            CheckpointBroken: it does not fit.
            UsageError: the agent has no environment.
        """
        del truncate_last_traj  # an episode that was running when it was written is cut in any case
        _ = self.simulator
        found = read_agent(path)
        if found is None or found[0].get("algorithm") != BUFFER:
            raise Broken(f"{path} holds no replay buffer", hint="save_replay_buffer writes one")
        try:
            self.replay.load_state_dict(found[1])
        except _UNFIT as error:
            raise CheckpointBroken(f"{path} does not fit this agent: {error}") from error
        if self._last_obs is not None:
            self.replay.begin(self._last_obs)  # type: ignore[arg-type]
