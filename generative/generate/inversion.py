"""From a picture to the noise that it comes from, and back, without chance (DDIM, Song, Meng and Ermon 2021).

A clean picture does not tell its noise where it is flat: the smallest noise is therefore drawn, and followed
from there up to the last timestep.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from generative.diffusion import noised
from generative.generate.denoiser import Denoise

ROUNDS = 3
"""of solving for what a step backwards came from"""
EVALUATIONS = 1 + ROUNDS
"""of the network, for each step to noise"""


@torch.inference_mode()
def from_noise(denoise: Denoise, alpha_bars: Tensor, timesteps: Sequence[int], noise: Tensor) -> Tensor:
    """Pictures (n, channels, height, width) out of noise of that shape.

    Args:
        denoise: of a model.
        alpha_bars: (timesteps,) of its chain.
        timesteps: from the noisiest down.
        noise: standard normal.
    """
    noisy = noise
    for timestep, after in pairwise(timesteps):
        noisy = _moved(noisy, denoise(noisy, timestep), alpha_bars[timestep], alpha_bars[after])
    return denoise(noisy, timesteps[-1])


@torch.inference_mode()
def to_noise(
    denoise: Denoise, alpha_bars: Tensor, timesteps: Sequence[int], pictures: Tensor, first: Tensor
) -> Tensor:
    """The noise of which `from_noise` makes these pictures, both (n, channels, height, width).

    Each step backwards is solved for what it came from, by fixed-point iteration (Pan et al. 2023).

    Args:
        first: standard normal noise, of that shape or of one picture, for the least noisy timestep.
    """
    least = timesteps[-1]
    noisy = noised(pictures, first.expand_as(pictures), alpha_bars[least])
    for timestep, before in pairwise(timesteps[::-1]):
        here, there = alpha_bars[timestep], alpha_bars[before]
        guess = _moved(noisy, denoise(noisy, timestep), here, there)
        for _ in range(ROUNDS):
            guess = _moved(noisy, denoise(guess, before), here, there)
        noisy = guess
    return noisy


def _moved(noisy: Tensor, clean: Tensor, here: Tensor, there: Tensor) -> Tensor:
    """Pictures at ᾱ = `here`, taken to be `clean` ones and noise, with as much noise as at ᾱ = `there`."""
    noise = (noisy - here.sqrt() * clean) / (1 - here).sqrt()
    return noised(clean, noise, there)
