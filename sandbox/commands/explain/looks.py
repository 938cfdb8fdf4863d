"""Where answers come from: by blurring, and of classifiers by gradients, too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from sandbox.nn.explain import Judge, Subject, perturbation_saliency
from sandbox.nn.gradients import class_activation, smooth_gradients
from sandbox.ui.explain_plots import Look, draw_looks, newest

STRIP = 8
"""frames in the picture"""
TOP = 0.98
"""of the gradients of pixels: few are far higher than all others (Smilkov et al. 2017 cut them, too)"""


def draw_where(subject: Subject, path: Path) -> Path:
    """A strip of pictures, and below each of them where its answer comes from."""
    count = min(STRIP, len(subject.pictures))
    numbers = np.linspace(0, len(subject.pictures) - 1, count).round().astype(int).tolist()
    heats = [_blurred(subject, number) for number in numbers]
    frames = newest(subject.pictures[numbers].numpy(), subject.colours)
    title = f"Where {subject.title} looks"
    if subject.judge is None:
        means = f"blurring what glows most changes {subject.answered} most (Greydanus et al. 2018)"
        labels = [subject.labels[number] for number in numbers]
        looks = [Look("looks at", "", heats)]
        return draw_looks(path, frames, labels, looks, title, f"of {subject.source}  ·  {means}")
    chances = _chances(subject, numbers)  # (frames, classes)
    shares, classes = chances.topk(2)  # (frames, 2) each
    answers, others = (_worded(subject, classes[:, rank], shares[:, rank]) for rank in (0, 1))
    slopes = _by_gradients(subject, subject.judge, numbers, classes, others)
    looks = [Look("answer", "by blurring", heats), *slopes]
    means = "what glows matters most to the class's score, each picture on a scale of its own"
    return draw_looks(path, frames, answers, looks, title, f"of {subject.source}  ·  {means}")


def _by_gradients(
    subject: Subject, judge: Judge, numbers: list[int], classes: torch.Tensor, others: list[str]
) -> list[Look]:
    """SmoothGrad and class activation for the answer, and of the runner-up what fits."""
    pictures = subject.scaled(subject.pictures[numbers])
    looks = [Look("", "by gradients", _each(smooth_gradients(judge, pictures, classes[:, 0]), TOP))]
    answered, second = (class_activation(judge, pictures, classes[:, rank]) for rank in (0, 1))
    if answered is None or second is None:
        heats = smooth_gradients(judge, pictures, classes[:, 1])
        return [*looks, Look("runner-up", "by gradients", _each(heats, TOP), others)]
    return [
        *looks,
        Look("", "by activation", _each(answered)),
        Look("runner-up", "by activation", _each(second), others),
    ]


def _chances(subject: Subject, numbers: list[int]) -> torch.Tensor:
    """Probabilities (pictures, classes) of some of the pictures."""
    answers = [subject.answer(number, subject.pictures[number, None].float()) for number in numbers]
    return torch.cat(answers).softmax(1)


def _worded(subject: Subject, classes: torch.Tensor, shares: torch.Tensor) -> list[str]:
    """Names of classes, with probabilities."""
    pairs = zip(classes.tolist(), shares.tolist(), strict=True)
    return [f"{subject.classes[number]}, {percent(share)}" for number, share in pairs]


def percent(share: float) -> str:
    """A probability as a whole percentage: what is not quite certain does not look so."""
    return "<1 %" if share < 0.01 else ">99 %" if share > 0.99 else f"{share:.0%}".replace("%", " %")


def _blurred(subject: Subject, number: int) -> np.ndarray:
    """Where the answer to a picture comes from: (height, width), from 0 to 1."""
    heat = perturbation_saliency(lambda changed: subject.answer(number, changed), subject.pictures[number])
    return _each(heat[None])[0]


def _each(heats: torch.Tensor, top: float = 1.0) -> list[np.ndarray]:
    """Heats (frames, rows, columns), each from 0 to 1, which all beyond the quantile `top` has."""
    highest = heats.flatten(1).quantile(top, 1)[:, None, None]
    return list((heats / highest.clamp_min(1e-12)).clamp_max(1).numpy())
