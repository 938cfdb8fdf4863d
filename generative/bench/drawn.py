"""Pictures that a diffusion model draws for the bench, and how long it takes."""

from __future__ import annotations

import time
from statistics import median
from typing import NamedTuple

import torch
from torch import Tensor

from generative.ddpm import DDPM
from generative.generate.pictures import drawn
from generative.generate.sampling import Sampling
from generative.generate.source import Diffused

TIMES = 5
"""that something is timed; the median counts"""


class Drawn(NamedTuple):
    """What a model drew."""

    images: Tensor
    """(n, channels, height, width) uint8"""
    asked: Tensor | None
    """(n,) int64: the class of each, evenly dealt; None of a model that is told none"""
    seconds: float


def draw(model: DDPM, count: int, sampling: Sampling, seed: int) -> Drawn:
    """The pictures 0 to `count` − 1 of a seed: whatever the sampler, they come out of the same noise."""
    source = Diffused(model, seed, sampling)
    asked = torch.arange(count) % len(model.classes) if model.classes else None
    begun = time.perf_counter()
    parts = [some for _, some in drawn(source, count, range(len(model.classes)))]
    return Drawn(torch.cat(parts), asked, time.perf_counter() - begun)


def seconds_for(model: DDPM, count: int, sampling: Sampling) -> float:
    """Of so many pictures: the median of some times, after one that nobody counts."""
    draw(model, count, Sampling(sampling.sampler, 1, sampling.guidance), 0)
    return median(draw(model, count, sampling, 0).seconds for _ in range(TIMES))
