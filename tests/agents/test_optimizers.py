"""Clipping is torch's."""

from __future__ import annotations

import pytest
import torch

from agents.optimizers import clip_gradients


def weights(scale: float) -> list[torch.nn.Parameter]:
    generator = torch.Generator().manual_seed(0)
    found = [torch.nn.Parameter(torch.zeros(shape)) for shape in ((3, 2, 2, 2), (5, 7), (4,), (2,))]
    for one in found[:-1]:  # the last one has no gradient
        one.grad = scale * torch.randn(one.shape, generator=generator)
    return found


@pytest.mark.parametrize("scale", [1e-4, 0.05, 1.0, 1e6, float("inf")])
def test_clipping_is_torchs_to_the_last_bit(scale: float) -> None:
    ours, theirs = weights(scale), weights(scale)
    norm = clip_gradients(ours, 0.5)
    expected = torch.nn.utils.clip_grad_norm_(theirs, 0.5)
    assert torch.equal(norm, expected) or norm.isnan() == expected.isnan() == torch.tensor(True)
    for one, other in zip(ours[:-1], theirs[:-1], strict=True):
        assert one.grad is not None
        torch.testing.assert_close(one.grad, other.grad, rtol=0, atol=0, equal_nan=True)
