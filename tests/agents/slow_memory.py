"""Memory by the papers' equations, one row at a time, with torch's weights."""

from __future__ import annotations

import torch
from torch import Tensor

from agents.memory import LSTM, Memory


def slow_step(memory: Memory, features: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """One moment of one environment, layer upon layer.

    Args:
        memory: whose weights.
        features: (features,).
        state: (numbers,), from the step before.

    Returns:
        (hidden,), and the next state.
    """
    parts = list(state.view(-1, memory.num_layers, memory.hidden_size))
    seen, hiddens, cells = features, [], []
    for layer in range(memory.num_layers):
        inward, back, inward_bias, back_bias = memory.all_weights[layer]
        before = parts[0][layer]
        from_below, from_before = inward @ seen + inward_bias, back @ before + back_bias
        if isinstance(memory, LSTM):
            lets_in, keeps, writes, shows = (from_below + from_before).chunk(4)
            cell = keeps.sigmoid() * parts[1][layer] + lets_in.sigmoid() * writes.tanh()
            seen = shows.sigmoid() * cell.tanh()
            cells.append(cell)
        else:
            (reset, keeps, new), (reset_, keeps_, new_) = from_below.chunk(3), from_before.chunk(3)
            kept = (keeps + keeps_).sigmoid()
            candidate = (new + (reset + reset_).sigmoid() * new_).tanh()
            seen = (1 - kept) * candidate + kept * before
        hiddens.append(seen)
    return seen, torch.cat([*hiddens, *cells])


def made_attentive(network: torch.nn.Module) -> None:
    """Weights so large that what was before matters: with the usual ones much is forgotten at once."""
    source = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for part in network.modules():
            for weight in part.parameters() if isinstance(part, Memory) else ():
                weight.copy_(torch.randn(weight.shape, generator=source))
