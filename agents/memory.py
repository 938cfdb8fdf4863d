"""Memory: an LSTM or a GRU, step by step while acting, whole segments of episodes at once while learning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from .segments import Segments, to_index

Cell = Literal["lstm", "gru"]


class Memory(nn.RNNBase):
    """One of torch's recurrent networks, whose state is one flat tensor, environments first.

    The state has the hidden activations of each layer, then an LSTM's cells.
    """

    parts = 1
    """tensors that torch's own state consists of"""

    @property
    def numbers(self) -> int:
        """In the state of one environment."""
        return self.parts * self.num_layers * self.hidden_size

    def step(self, features: Tensor, state: Tensor, episode_start: Tensor | None) -> tuple[Tensor, Tensor]:
        """One moment.

        Args:
            features: (envs, features).
            state: (envs, numbers), from the step before.
            episode_start: (envs,) bool, where it is to be forgotten; None: nowhere.

        Returns:
            (envs, hidden), and the next state.
        """
        if episode_start is not None:
            state = state.masked_fill(episode_start.unsqueeze(-1), 0.0)
        output, state = self.unroll(features.unsqueeze(0), state)
        return output.squeeze(0), state

    def unroll(self, features: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Sequences of equal length: (steps, sequences, features) -> (steps, sequences, hidden).

        The state, (sequences, numbers), is that before the first step, and comes back as after the last.
        """
        output, *after = self._run(features, self._split(state))
        return output, self._joined(after)

    def along(self, features: Tensor, segments: Segments, states: Tensor) -> Tensor:
        """All rows of a batch, in one call or a few: segments that end early are filled up.

        Args:
            features: (rows, features), segment after segment.
            segments: which rows belong together.
            states: (segments, numbers), before each one's first row.

        Returns:
            (rows, hidden), in the same order.
        """
        outputs = []
        for padding in segments.paddings:
            side_by_side = features.index_select(0, to_index(padding.rows, features.device))
            begun = states.index_select(0, to_index(padding.which, states.device))
            output, *_ = self._run(side_by_side.view(*padding.rows.shape, -1), self._split(begun))
            outputs.append(output.flatten(0, 1))
        found = outputs[0] if len(outputs) == 1 else torch.cat(outputs)
        return found.index_select(0, to_index(segments.places, found.device))

    def activations(self, state: Tensor) -> Tensor:
        """What came out of each layer last, of a state (envs, numbers): (envs, layers * hidden)."""
        return state[:, : self.num_layers * self.hidden_size]

    def _run(self, features: Tensor, state: list[Tensor]) -> tuple[Tensor, ...]:
        """torch's kernel: what came out of the last layer, and the parts of its own state."""
        # Not `self(…)`: its checks take as long as the step of a small memory.
        options = (self.bias, self.num_layers, self.dropout, self.training, self.bidirectional, False)
        return self._kernel(features, state, self._flat_weights, *options)

    def _kernel(self, features: Tensor, state: list[Tensor], *rest: Any) -> tuple[Tensor, ...]:
        raise NotImplementedError(f"{type(self).__name__} does not implement _kernel")

    def _split(self, state: Tensor) -> list[Tensor]:
        """(sequences, numbers) -> torch's (layers, sequences, hidden), of an LSTM twice."""
        apart = state.view(len(state), -1, self.num_layers, self.hidden_size).permute(1, 2, 0, 3)
        return list(apart.contiguous())

    def _joined(self, state: Sequence[Tensor]) -> Tensor:
        """The inverse of `_split`."""
        return torch.stack([*state]).permute(2, 0, 1, 3).reshape(-1, self.numbers)


class LSTM(Memory, nn.LSTM):
    """Long short-term memory (Hochreiter and Schmidhuber 1997)."""

    parts = 2

    def _kernel(self, features: Tensor, state: list[Tensor], *rest: Any) -> tuple[Tensor, ...]:
        return torch.lstm(features, state, *rest)


class GRU(Memory, nn.GRU):
    """Gated recurrent units (Cho et al. 2014, arXiv:1406.1078): no cells besides what comes out."""

    def _kernel(self, features: Tensor, state: list[Tensor], *rest: Any) -> tuple[Tensor, ...]:
        return torch.gru(features, state[0], *rest)


MEMORIES: dict[Cell, type[LSTM | GRU]] = {"lstm": LSTM, "gru": GRU}
