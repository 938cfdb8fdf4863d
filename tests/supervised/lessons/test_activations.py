"""The lesson about activations: without bends a hidden layer is a line; with them it follows a curve."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from sandbox.supervised.lessons.activations import corners, error, fit, points


def test_with_the_identity_it_finds_the_best_line_and_no_more() -> None:
    x, y = points(seed=0)
    found = fit(nn.Identity(), x, y, seed=0, steps=600)
    line = np.polyval(np.polyfit(x.numpy(), y.numpy(), 1), x.numpy())
    assert found.loss == pytest.approx(float(error(torch.from_numpy(line), y)), rel=0.01)
    assert corners(found.curve) == 0


@pytest.mark.parametrize("activation", [nn.Sigmoid(), nn.Tanh(), nn.ReLU()])
@pytest.mark.parametrize("seed", [0, 1])
def test_with_bends_it_follows_the_curve(activation: nn.Module, seed: int) -> None:
    x, y = points(seed)
    assert fit(activation, x, y, seed, steps=1000).loss < 0.1 * fit(nn.Identity(), x, y, seed, steps=600).loss


def test_the_pieces_sum_to_the_curve() -> None:
    x, y = points(seed=0)
    found = fit(nn.ReLU(), x, y, seed=0, steps=50)
    rest = found.curve - found.pieces.sum(1)
    assert torch.allclose(rest, rest[0], atol=1e-5)


def test_corners_are_counted() -> None:
    fine = torch.linspace(-3, 3, 400)
    assert corners(2 * fine) == 0
    assert corners(fine.abs()) == 1
    assert corners(fine.abs() + (fine - 1.234).relu() - (fine + 2).relu()) == 3
