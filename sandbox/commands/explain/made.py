"""Pictures that a classifier makes up: what a class or a channel would like to see most."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from sandbox.commands.explain.looks import percent
from sandbox.core.errors import UnknownName, UsageError
from sandbox.nn.explain import Judge, Subject
from sandbox.nn.maximisation import Goal, liked_channel, liked_class, maximised
from sandbox.ui.explain_plots import HEADED_PX, Found, draw_channel, draw_named

MOST_CLASSES = 30
"""in one picture"""
MADE = 4
"""pictures for a channel, from different noise"""


def channel_of(text: str, maps: dict[str, Tensor]) -> tuple[str, int]:
    """The name of a scale, and the number of a channel from 0, that STAGE:NUMBER means.

    Raises:
        UnknownName: there is no such stage.
        UsageError: the text is of another form, or the stage has fewer channels.
    """
    stage, _, number = text.partition(":")
    names = {name.split()[-1]: name for name in maps}
    if not number.isdecimal() or not stage:
        raise UsageError(f"--channel is STAGE:NUMBER, such as 2:17, not {text!r}")
    if not maps:
        raise UsageError("--channel is for classifiers with convolutions: this one has none")
    if stage not in names:
        raise UnknownName("stage", stage, list(names))
    count = maps[names[stage]].shape[1]
    if not 1 <= int(number) <= count:
        raise UsageError(f"{names[stage]} has channels 1 to {count}, and no {int(number)}")
    return names[stage], int(number) - 1


def draw_made_classes(subject: Subject, path: Path, names: Sequence[str], seed: int) -> Path:
    """What classes look like to a classifier, those that are named or all, as far as there is room."""
    assert subject.judge is not None
    names = names or subject.classes
    shown = names[:MOST_CLASSES]
    classes = torch.tensor([subject.classes.index(name) for name in shown])
    made = _made(subject, liked_class(subject.judge, classes), len(shown), seed)
    shares = _chances(subject, subject.judge, made).gather(1, classes[:, None])[:, 0].tolist()
    above = [f"{name}, {percent(share)}" for name, share in zip(shown, shares, strict=True)]
    few = "" if len(shown) == len(names) else f"the first {len(shown)} of {len(names)} classes  ·  "
    means = "noise, changed until it is taken for the class; above, how surely"
    title = f"What {subject.title} would like to see"
    return draw_named(path, made.numpy(), above, HEADED_PX, title, few + means)


def draw_made_channel(
    subject: Subject, path: Path, scale: str, number: int, found: Found | None, seed: int
) -> Path:
    """What excites channel `number` of a scale: pictures that are made, and those found."""
    one, all_places = (
        _made(subject, liked_channel(subject.eyes, scale, number, everywhere=everywhere), MADE, seed)
        for everywhere in (False, True)
    )
    title = f"What excites {scale}, channel {number + 1} of {subject.title}"
    return draw_channel(path, one.numpy(), all_places.numpy(), found, title, subject.source)


def _made(subject: Subject, goal: Goal, count: int, seed: int) -> Tensor:
    """Pictures (count, channels, height, width) uint8, from noise in the usual brightness of pictures."""
    shape = subject.pictures.shape[1:]
    usual = subject.scaled(subject.pictures).mean((0, 2, 3))  # (channels,)
    made = maximised(goal, usual[:, None, None].expand(shape), count, seed)
    return made.add(1).mul(127.5).round().to(torch.uint8).cpu()


@torch.inference_mode()
def _chances(subject: Subject, judge: Judge, pictures: Tensor) -> Tensor:
    """Probabilities (pictures, classes) of the bytes, not of what they are rounded from."""
    return judge.evidence(subject.scaled(pictures))[1].float().softmax(1).cpu()
