"""Pictures moved by a few pixels while an agent learns (Kostrikov et al. 2021, DrQ, arXiv:2004.13649)."""

from __future__ import annotations

import torch
from gymnasium import spaces
from stable_baselines3.common.preprocessing import is_image_space_channels_first
from torch import Tensor

from .observations import Tensors, is_image
from .segments import Segments


def shifted(
    observation: Tensors,
    space: spaces.Space,
    pixels: int,
    generator: torch.Generator | None,
    segments: Segments | None = None,
) -> Tensors:
    """Every picture of a batch moved by up to `pixels` up or down and left or right, its edge repeated.

    All frames of a stack move together; what is no picture stays as it is.

    Args:
        observation: (batch, *shape), or a flat dict of such.
        space: of one observation.
        pixels: 0 leaves everything as it is.
        generator: decides how far, on the observation's device.
        segments: rows that move together, so that what is remembered of one fits the next; None: none do.
    """
    if pixels == 0:
        return observation
    if isinstance(observation, dict):
        assert isinstance(space, spaces.Dict)
        return {
            name: _moved(part, space[name], pixels, generator, segments) for name, part in observation.items()
        }
    return _moved(observation, space, pixels, generator, segments)


def _moved(
    part: Tensor,
    space: spaces.Space,
    pixels: int,
    generator: torch.Generator | None,
    segments: Segments | None,
) -> Tensor:
    if not is_image(space):
        return part
    assert isinstance(space, spaces.Box)
    first = is_image_space_channels_first(space)
    height, width = part.shape[2:] if first else part.shape[1:3]
    batch, device = len(part), part.device
    apart = batch if segments is None else len(segments)
    moves = torch.randint(-pixels, pixels + 1, (2, apart, 1), generator=generator, device=device)
    if segments is not None:
        moves = moves.repeat_interleave(torch.from_numpy(segments.lengths).to(device), 1, output_size=batch)
    rows = (torch.arange(height, device=device) + moves[0]).clamp_(0, height - 1)  # (batch, height)
    columns = (torch.arange(width, device=device) + moves[1]).clamp_(0, width - 1)  # (batch, width)
    one = torch.arange(batch, device=device)[:, None, None]
    if first:
        return part.movedim(1, 3)[one, rows[:, :, None], columns[:, None, :]].movedim(3, 1)
    return part[one, rows[:, :, None], columns[:, None, :]]
