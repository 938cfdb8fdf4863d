"""A noisy layer against the formulas of its paper, written out for each row."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.noisy import NoisyLinear


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def seen(rows: int) -> torch.Tensor:
    return torch.randn(rows, 3, generator=generator())


def test_without_noise_it_is_the_layer_of_the_means() -> None:
    layer = NoisyLinear(3, 4)
    mean = torch.nn.functional.linear(seen(6), layer.weight, layer.bias)
    assert torch.equal(layer(seen(6)), mean)
    layer.draw(6, generator())
    assert not torch.allclose(layer(seen(6)), mean)
    layer.forget()
    assert torch.equal(layer(seen(6)), mean)


@settings(max_examples=10)
@given(inward=st.integers(1, 300), outward=st.integers(1, 20), std=st.sampled_from([0.1, 0.5]))
def test_a_noisy_layer_begins_as_in_the_paper(inward: int, outward: int, std: float) -> None:
    layer, bound = NoisyLinear(inward, outward, std), 1 / math.sqrt(inward)
    for mean, deviation in ((layer.weight, layer.weight_std), (layer.bias, layer.bias_std)):
        assert mean.abs().max() <= bound
        assert deviation.unique().tolist() == pytest.approx([std * bound])


def test_noise_is_that_of_weights_drawn_for_each_row() -> None:
    """With noise e_in, e_out it is (mean + std * f(e_out) f(e_in)^T) x + bias, f(e) = sign(e) sqrt|e|."""
    layer, batch = NoisyLinear(3, 4), seen(5)
    with torch.no_grad():  # all different
        layer.weight_std.copy_(torch.rand(4, 3, generator=generator(1)))
        layer.bias_std.copy_(torch.rand(4, generator=generator(2)))
    layer.draw(5, generator(3))
    found = layer(batch)
    source = generator(3)
    noises = [torch.randn(5, size, generator=source) for size in (3, 4)]
    inward, outward = (noise.sign() * noise.abs().sqrt() for noise in noises)
    for row in range(5):
        weight = layer.weight + layer.weight_std * torch.outer(outward[row], inward[row])
        bias = layer.bias + layer.bias_std * outward[row]
        torch.testing.assert_close(found[row], weight @ batch[row] + bias)


def test_mean_and_deviation_over_many_draws_are_the_formulas() -> None:
    """E f(e)^2 = E |e| = sqrt(2 / pi); rows are independent of each other, and outputs do not correlate."""
    rows, layer = 200_000, NoisyLinear(3, 2)
    x = torch.tensor([0.5, -1.0, 2.0])
    layer.draw(rows, generator())
    with torch.no_grad():
        out = layer(x.expand(rows, 3))
    square = math.sqrt(2 / math.pi)
    variance = layer.weight_std**2 @ x**2 * square**2 + layer.bias_std**2 * square
    torch.testing.assert_close(out.mean(0), layer.weight @ x + layer.bias, atol=0.01, rtol=0)
    torch.testing.assert_close(out.std(0), variance.sqrt(), atol=0, rtol=0.02)
    pairs = torch.stack([out[:-1, 0], out[1:, 0], out[:-1, 1]])
    assert (torch.corrcoef(pairs) - torch.eye(3)).abs().max() < 0.02
