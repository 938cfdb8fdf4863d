"""Memory: an LSTM or a GRU, step by step while acting, whole segments of episodes at once while learning."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from .segments import Segments, to_index

Cell = Literal["lstm", "gru"]


class Memory(nn.Module):
    """A recurrent network whose state is one flat tensor, environments first.

    Args:
        cell: "lstm" (Hochreiter and Schmidhuber 1997) or "gru" (Cho et al. 2014, arXiv:1406.1078).
        width: of what comes in.
        size: of what comes out, and of each layer.
        layers: one upon another.

    Attributes:
        numbers: in the state of one environment: the hidden activations of each layer, then an LSTM's cells.
    """

    def __init__(self, cell: Cell, width: int, size: int, layers: int = 1) -> None:
        super().__init__()
        self.cell, self.width, self.size, self.layers = cell, width, size, layers
        self.parts = 2 if cell == "lstm" else 1
        self.numbers = self.parts * layers * size

    def forward(self, features: Tensor, state: Tensor, episode_start: Tensor | None) -> tuple[Tensor, Tensor]:
        """One step.

        Args:
            features: (envs, width).
            state: (envs, numbers), from the step before.
            episode_start: (envs,) bool, where it is to be forgotten; None: nowhere.

        Returns:
            (envs, size), and the next state.
        """
        if episode_start is not None:
            state = state.masked_fill(episode_start.unsqueeze(-1), 0.0)
        output, state = self.unroll(features.unsqueeze(0), state)
        return output.squeeze(0), state

    def unroll(self, features: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """All steps of sequences of equal length: (steps, sequences, width) -> (steps, sequences, size).

        The state, (sequences, numbers), is that before the first step, and comes back as after the last.
        """
        output, after = self.network(features, self._split(state))
        return output, self._joined(after)

    def along(self, features: Tensor, segments: Segments, states: Tensor) -> Tensor:
        """All rows of a batch, in one call or a few: segments that end early are filled up.

        Args:
            features: (rows, width), segment after segment.
            segments: which rows belong together.
            states: (segments, numbers), before each one's first row.

        Returns:
            (rows, size), in the same order.
        """
        outputs = []
        for padding in segments.paddings:
            side_by_side = features.index_select(0, to_index(padding.rows, features.device))
            begun = states.index_select(0, to_index(padding.which, states.device))
            output, _ = self.network(side_by_side.view(*padding.rows.shape, -1), self._split(begun))
            outputs.append(output.flatten(0, 1))
        found = outputs[0] if len(outputs) == 1 else torch.cat(outputs)
        return found.index_select(0, to_index(segments.places, found.device))

    def _split(self, state: Tensor) -> Tensor | tuple[Tensor, ...]:
        """(sequences, numbers) -> torch's (layers, sequences, size), of an LSTM twice."""
        apart = state.view(len(state), self.parts, self.layers, self.size).permute(1, 2, 0, 3).contiguous()
        return (apart[0], apart[1]) if self.parts == 2 else apart[0]

    def _joined(self, state: Tensor | tuple[Tensor, ...]) -> Tensor:
        """The inverse of `_split`."""
        parts = torch.stack(state) if isinstance(state, tuple) else state.unsqueeze(0)
        return parts.permute(2, 0, 1, 3).reshape(-1, self.numbers)
