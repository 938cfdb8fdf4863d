"""Policies of DQN with memory (DRQN, Hausknecht and Stone 2015, arXiv:1507.06527; R2D2, Kapturowski 2019)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from .memory import MEMORIES, Cell, Memory
from .networks import PolicyState
from .observations import Tensors, map_parts
from .q_networks import QNetwork
from .q_policies import CnnQPolicy, MultiInputQPolicy, QPolicy
from .recurrent import Remembers, check_sizes
from .segments import Segments, to_index
from .sequences import Sequences
from .transitions import Transitions


class RecurrentQNetwork(QNetwork):
    """Features, a memory, then the layers of a `QNetwork`.

    Args:
        cell: "lstm" or "gru".
        memory_size: units of each layer.
        memory_layers: one upon another.
        features_dim: numbers that the features extractor gives.
        **kwargs: as of `QNetwork`.
    """

    def __init__(
        self, *, cell: Cell, memory_size: int, memory_layers: int, features_dim: int, **kwargs: Any
    ) -> None:
        super().__init__(features_dim=memory_size, **kwargs)
        self.memory = MEMORIES[cell](features_dim, memory_size, memory_layers)

    def quantiles(self, observation: Tensors, generator: torch.Generator | None = None) -> Tensor:
        """As `QNetwork.quantiles`, where nothing is remembered yet."""
        features = self.features(observation)
        state = features.new_zeros(len(features), self.memory.numbers)
        return self.head(self.memory.step(features, state, None)[0], generator)

    def step(
        self,
        observation: Tensors,
        state: Tensor,
        episode_start: Tensor | None,
        generator: torch.Generator | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Quantiles (envs, quantiles, actions) and the next memory; arguments as of `QPolicy.explore`."""
        output, state = self.memory.step(self.features(observation), state, episode_start)
        return self.head(output, generator), state

    def along(
        self, observations: Tensors, sequences: Sequences, generator: torch.Generator | None = None
    ) -> Tensor:
        """Quantiles for all rows of `sequences`, (rows, quantiles, actions); zeros where a memory warms up.

        Args:
            observations: (rows, …), those of the sequences, normalised or not.
            sequences: which rows belong together, and what was remembered before.
            generator: draws the noise of noisy layers.
        """
        segments, states = sequences.segments, sequences.states
        if not sequences.burned.any():
            return self.head(self.memory.along(self.features(observations), segments, states), generator)
        states = self._warmed_up(observations, sequences)
        lengths = segments.lengths - sequences.burned
        ends = lengths.cumsum()
        kept = np.arange(ends[-1]) + np.repeat(segments.ends - ends, lengths)
        where = to_index(kept, states.device)
        features = self.features(map_parts(lambda part: part.index_select(0, where), observations))
        said = self.head(self.memory.along(features, Segments(lengths), states), generator)
        return said.new_zeros(segments.ends[-1], *said.shape[1:]).index_copy(0, where, said)

    @torch.no_grad()
    def _warmed_up(self, observations: Tensors, sequences: Sequences) -> Tensor:
        """(sequences, numbers): the memory behind the transitions that are not learned from."""
        which = np.flatnonzero(sequences.burned)
        count = int(sequences.burned[which[0]])  # the same for all that burn in at all
        rows = sequences.segments.begins[which] + np.arange(count)[:, None]  # (steps, sequences)
        states = sequences.states
        where, among = to_index(rows, states.device), to_index(which, states.device)
        features = self.features(map_parts(lambda part: part.index_select(0, where), observations))
        begun = states.index_select(0, among)
        _, warm = self.memory.unroll(features.view(*rows.shape, -1), begun)
        return states.index_copy(0, among, warm)


class RecurrentQPolicy(Remembers, QPolicy):
    """Q-network that remembers, and its target (MlpLstmPolicy, MlpGruPolicy).

    Args:
        memory_size: units of each layer.
        memory_layers: one upon another.
        **kwargs: as of `QPolicy`.

    Raises:
        UsageError: a size below 1.
    """

    def __init__(self, *args: Any, memory_size: int = 64, memory_layers: int = 1, **kwargs: Any) -> None:
        check_sizes(memory_size, memory_layers)
        self._sizes = {"memory_size": memory_size, "memory_layers": memory_layers}
        super().__init__(*args, **kwargs)

    def make_q_net(self) -> RecurrentQNetwork:
        arguments = self._update_features_extractor(self.net_args, features_extractor=None)
        return RecurrentQNetwork(cell=self.cell, **self._sizes, **self._head, **arguments).to(self.device)

    @property
    def memory(self) -> Memory:
        return _recurrent(self.q_net).memory

    def _step(
        self,
        observation: Tensors,
        state: PolicyState,
        episode_start: Tensor | None,
        generator: torch.Generator | None = None,
    ) -> tuple[Tensor, PolicyState]:
        seen = self._normalized(observation)
        if state is None:
            state = self.initial_state(len(next(iter(seen.values())) if isinstance(seen, dict) else seen))
        return _recurrent(self.q_net).step(seen, state, episode_start, generator)

    def said(
        self, batch: Transitions | Sequences, generator: torch.Generator, afterwards: bool
    ) -> tuple[Tensor, Tensor | None]:
        assert isinstance(batch, Sequences)
        rows = _recurrent(self.q_net).along(self._normalized(batch.observations), batch, generator)
        # One pass says both, so that behind a transition the memory is that of the very same weights.
        later = rows.detach().index_select(0, batch.next_rows) if afterwards else None
        return rows.index_select(0, batch.rows), later

    @torch.no_grad()
    def said_by_target(self, batch: Transitions | Sequences, generator: torch.Generator) -> Tensor:
        assert isinstance(batch, Sequences)
        rows = _recurrent(self.q_net_target).along(self._normalized(batch.observations), batch, generator)
        return rows.index_select(0, batch.next_rows)


def _recurrent(network: QNetwork) -> RecurrentQNetwork:
    assert isinstance(network, RecurrentQNetwork)
    return network


class MlpLstmQPolicy(RecurrentQPolicy):
    """An LSTM behind a vector."""

    cell = "lstm"


class MlpGruQPolicy(RecurrentQPolicy):
    """A GRU behind a vector."""

    cell = "gru"


class CnnLstmQPolicy(RecurrentQPolicy, CnnQPolicy):
    """An LSTM behind a backbone that sees pictures."""

    cell = "lstm"


class CnnGruQPolicy(RecurrentQPolicy, CnnQPolicy):
    """A GRU behind a backbone that sees pictures."""

    cell = "gru"


class MultiInputLstmQPolicy(RecurrentQPolicy, MultiInputQPolicy):
    """An LSTM behind flat dicts of observations."""

    cell = "lstm"


class MultiInputGruQPolicy(RecurrentQPolicy, MultiInputQPolicy):
    """A GRU behind flat dicts of observations."""

    cell = "gru"


RECURRENT: dict[str, type[RecurrentQPolicy]] = {
    "MlpLstmPolicy": MlpLstmQPolicy,
    "MlpGruPolicy": MlpGruQPolicy,
    "CnnLstmPolicy": CnnLstmQPolicy,
    "CnnGruPolicy": CnnGruQPolicy,
    "MultiInputLstmPolicy": MultiInputLstmQPolicy,
    "MultiInputGruPolicy": MultiInputGruQPolicy,
}
"""by the names that `DQN` knows"""
