"""Drawing a part anew: what fits the rest, where that is known exactly."""

from __future__ import annotations

import torch

from generative.generate.denoiser import dense_timesteps
from generative.generate.inpainting import inpaint
from tests.generative.generate.gaussian import ALPHA_BARS, Gaussian

DATA = Gaussian(torch.tensor([0.2, -0.1]), torch.tensor([[0.25, 0.2], [0.2, 0.25]]))
ANEW = torch.tensor([[False, True]])
KNOWN = torch.tensor([0.7, 5.0]).view(1, 1, 1, 2)  # the second pixel is to be forgotten


def completions(repeats: int, count: int = 4_000) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    steps = dense_timesteps(1000, 50)

    def draw() -> torch.Tensor:
        return torch.randn(count, 1, 1, 2, generator=generator)

    return inpaint(DATA, ALPHA_BARS, steps, KNOWN, ANEW, draw, repeats)


def test_what_is_drawn_anew_follows_from_the_rest() -> None:
    made = completions(repeats=10)
    assert (made[..., 0] == KNOWN[..., 0]).all()
    wanted = -0.1 + 0.2 / 0.25 * (0.7 - 0.2)  # mean and variance of the second pixel, given the first
    assert abs(float(made[..., 1].mean()) - wanted) < 0.03
    assert abs(float(made[..., 1].var()) - (0.25 - 0.2**2 / 0.25)) < 0.02


def test_without_repeats_the_parts_know_less_of_each_other() -> None:
    wanted = -0.1 + 0.2 / 0.25 * (0.7 - 0.2)
    once, often = (abs(float(completions(repeats)[..., 1].mean()) - wanted) for repeats in (1, 10))
    assert once > 3 * often
