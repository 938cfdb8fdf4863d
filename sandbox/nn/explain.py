"""What a network sees: kernels, feature maps, the frames that excite it, and where an answer comes from.

Knows pictures and networks, and nothing about who answers: a classifier, an agent, a decoder.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

Answer = Callable[[Tensor], Tensor]
"""Pictures (batch, channels, height, width) float32, 0 to 255, to numbers (batch, numbers)."""

CHUNK = 128
"""Pictures that go through a network at once: what lies in between should stay small."""
SPOTS = 12
"""Spots side by side along the longer side of a picture."""
_SPOT, _BLUR = 1 / 16, 1 / 9  # standard deviations, as parts of the longer side
_LEAST_CHANGE = 4.0  # of 255: a spot that changes no pixel by more than this is not asked about


class Eyes(Protocol):
    """What sees. Pictures are (batch, channels, height, width) in [−1, 1]."""

    def first_kernels(self) -> Tensor:
        """What the first layer multiplies pictures with: (kernels, channels, height, width).

        The size of a whole picture where a layer is dense.
        """
        ...

    def scales(self, pictures: Tensor, /) -> dict[str, Tensor]:
        """Features (batch, channels, rows, columns) of each scale by their names, finest first.

        Empty where nothing is computed place by place. A number in a name comes last: "stage 2".
        """
        ...


class Judge(Eyes, Protocol):
    """What sees, and tells pictures apart."""

    def evidence(self, pictures: Tensor, /) -> tuple[Tensor | None, Tensor]:
        """What the logits are made of, and the logits (batch, classes).

        The former are the last features (batch, channels, rows, columns) that are computed place by place,
        behind their norm and their activation, or None; the latter depend on the pictures through them alone.
        """
        ...


@dataclass(frozen=True)
class Subject:
    """What a run brings to be explained: its eyes, pictures that it sees, and who answers to them."""

    title: str
    """who it is, for people"""
    source: str
    """where the pictures come from, for people"""
    eyes: Eyes
    pictures: Tensor
    """(pictures, channels, height, width) uint8, in their order; stacked frames are channels, newest last"""
    colours: int
    """channels of one frame: 1 or 3"""
    answer: Callable[[int, Tensor], Tensor]
    """answers as an `Answer` does to pictures in the place of picture number i"""
    labels: list[str]
    """what was answered to each picture, in a word; or see `labelled`"""
    judge: Judge | None = None
    """its eyes, where they tell classes apart"""
    classes: tuple[str, ...] = ()
    """the names of those classes"""
    labelled: str = "the answer"
    """what the labels are, for people: of who gives no answers another thing"""
    answered: str = "the answer"
    """what it is that `answer` gives, likewise"""

    def scaled(self, pictures: Tensor) -> Tensor:
        """Bytes as the eyes see them: float32 in [−1, 1]."""
        device = self.eyes.first_kernels().device
        return pictures.to(device, torch.float32).div_(127.5).sub_(1.0)


@dataclass(frozen=True)
class Exciting:
    """The frames that excite one channel of a feature map most."""

    channel: int
    frames: Tensor
    """(count,) int64, row numbers; the most exciting one first"""
    values: Tensor
    """(count,) float32, the highest activation in each"""
    places: Tensor
    """(count, 2) int64, row and column of that activation in the map"""


def kernels(eyes: Eyes) -> Tensor:
    """What the first layer looks for: (kernels, channels, height, width) float32, on the CPU."""
    return eyes.first_kernels().detach().float().cpu().contiguous()


@torch.inference_mode()
def feature_maps(eyes: Eyes, pictures: Tensor) -> dict[str, Tensor]:
    """The features of every scale, each (batch, channels, rows, columns) float32, on the CPU.

    Args:
        pictures: (batch, channels, height, width) in [−1, 1].
    """
    parts = [eyes.scales(part) for part in pictures.split(CHUNK)]
    return {name: torch.cat([part[name] for part in parts]).float().cpu().contiguous() for name in parts[0]}


def most_exciting(maps: Tensor, channels: int, count: int) -> list[Exciting]:
    """The frames in which single channels are highest, of the channels that tell frames apart best.

    Those are the ones whose highest value varies most from frame to frame, measured by their own spread
    within the frames; a channel that is the same everywhere explains nothing.

    Args:
        maps: (frames, channels, rows, columns), of different frames.
        channels: how many to choose.
        count: frames for each, or as many as there are.
    """
    highest, where = maps.flatten(2).max(2)  # (frames, channels) each
    spread = maps.transpose(0, 1).flatten(1).std(1).clamp_min(1e-12)  # (channels,)
    varied = highest.std(0, correction=0) / spread
    chosen = varied.topk(min(channels, len(varied))).indices.sort().values
    values, frames = highest[:, chosen].topk(min(count, len(maps)), dim=0)  # (count, chosen) each
    flat = where[:, chosen].gather(0, frames)
    places = torch.stack([flat // maps.shape[3], flat % maps.shape[3]], 2)  # (count, chosen, 2)
    return [
        Exciting(int(channel), frames[:, place], values[:, place], places[:, place])
        for place, channel in enumerate(chosen.tolist())
    ]


def different(pictures: Tensor) -> Tensor:
    """Row numbers (n,) int64 of pictures (batch, …), each of them once, in their order."""
    seen: dict[bytes, int] = {}
    for row, picture in enumerate(pictures.cpu().numpy()):
        seen.setdefault(picture.tobytes(), row)
    return torch.tensor(list(seen.values()), dtype=torch.int64)


@torch.inference_mode()
def perturbation_saliency(answer: Answer, picture: Tensor) -> Tensor:
    """Where an answer comes from: by how much it changes when the picture is blurred there.

    Greydanus et al. 2018, "Visualizing and Understanding Atari Agents" (arXiv:1711.00138), with the norm of
    the change in place of its half square. Stacked frames are blurred at the same place, all of them; spots
    in which blurring changes nothing are not asked about, so an empty picture costs next to nothing.

    Args:
        answer: is asked about `CHUNK` pictures at once.
        picture: (channels, height, width), 0 to 255.

    Returns:
        (height, width) float32, at least 0, in units of the answer.
    """
    picture = picture.float()
    height, width = picture.shape[1:]
    side = max(height, width)
    blurred = blur(picture, _BLUR * side)
    masks = _spots(height, width, side).to(picture.device)  # (spots, height, width)
    change = (blurred - picture).abs().amax(0)  # (height, width)
    asked = ((masks * change).flatten(1).amax(1) > _LEAST_CHANGE).nonzero().flatten()
    if not len(asked):
        return torch.zeros(height, width)
    before = answer(picture[None]).float()
    strength = torch.zeros(len(masks), device=picture.device)
    for some in asked.split(CHUNK):
        after = answer(torch.lerp(picture, blurred, masks[some, None])).float()
        strength[some] = (after - before).norm(dim=1).to(strength.device)
    return ((strength[:, None, None] * masks).sum(0) / masks.sum(0)).cpu()


def _spots(height: int, width: int, side: int) -> Tensor:
    """Soft round spots all over a picture, (spots, height, width), 1 in their middles."""
    step = side / SPOTS
    rows, columns = (torch.arange(math.ceil(size / step)) * step + step / 2 for size in (height, width))
    down, across = torch.arange(height) + 0.5, torch.arange(width) + 0.5
    two_variances = 2 * (_SPOT * side) ** 2
    vertical = torch.exp(-((down - rows[:, None]) ** 2) / two_variances)  # (spots down, height)
    horizontal = torch.exp(-((across - columns[:, None]) ** 2) / two_variances)
    return (vertical[:, None, :, None] * horizontal[None, :, None, :]).flatten(0, 1)


def blur(picture: Tensor, deviation: float) -> Tensor:
    """A picture (channels, height, width) with a Gaussian blur; beyond the border its edge goes on.

    Args:
        deviation: of the bell, in pixels.
    """
    reach = math.ceil(2.5 * deviation)
    bell = torch.exp(-(torch.arange(-reach, reach + 1.0) ** 2) / (2 * deviation**2)).to(picture.device)
    bell /= bell.sum()
    padded = F.pad(picture[:, None], (reach, reach, reach, reach), mode="replicate")
    return F.conv2d(F.conv2d(padded, bell.reshape(1, 1, 1, -1)), bell.reshape(1, 1, -1, 1))[:, 0]
