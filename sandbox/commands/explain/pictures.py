"""All pictures about a subject: which there are, and what its eyes are."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from sandbox.commands.explain.looks import draw_where
from sandbox.commands.explain.made import channel_of, draw_made_channel, draw_made_classes
from sandbox.core.kinds import Question
from sandbox.core.names import resolve
from sandbox.nn.explain import Exciting, Subject, different, feature_maps, kernels, most_exciting
from sandbox.ui.explain_plots import (
    LARGE_PX,
    Found,
    draw_exciting,
    draw_features,
    draw_kernels,
    draw_named,
    newest,
    signed,
)

CHANNELS, FRAMES = 4, 8
"""of each stage, and for each of those: what the picture of exciting frames has room for"""


def draw(subject: Subject, folder: Path, question: Question) -> dict[str, Path]:
    """Draw everything about a subject into `folder`; paths by what they show.

    Of a picture in a file only what belongs to it is drawn, into files that bear its name.

    Raises:
        UnknownName: there is no such class or stage.
        UsageError: there is no such channel.
        OSError: a picture cannot be written.
    """
    classes = [resolve(name, subject.classes, "class") for name in question.classes]
    some = different(subject.pictures)
    maps = feature_maps(subject.eyes, subject.scaled(subject.pictures[some]))
    channel = None if question.channel is None else channel_of(question.channel, maps)
    of_split, seed = question.file is None, question.seed or 0
    end = ".png" if question.file is None else f"-{Path(question.file).stem}.png"
    drawn = {}
    if of_split:
        drawn["kernels"] = _draw_kernels(subject, folder / "kernels.png")
    if maps:
        drawn["features"] = _draw_features(subject, folder / f"features{end}", some, maps)
    if maps and of_split:
        drawn["exciting"] = _draw_exciting(subject, folder / "exciting.png", some, maps)
    drawn["saliency"] = draw_where(subject, folder / f"saliency{end}")
    if subject.judge is not None and (classes or of_split):
        drawn["classes"] = draw_made_classes(subject, folder / "classes.png", classes, seed)
    if channel is not None:
        scale, number = channel
        (one,) = most_exciting(maps[scale][:, [number]], 1, FRAMES)
        found = _found(subject, some, one, maps[scale], "found") if of_split else None
        path = folder / f"channel-{scale.replace(' ', '-')}-{number + 1}.png"
        drawn["channel"] = draw_made_channel(subject, path, scale, number, found, seed)
    return drawn


def _draw_kernels(subject: Subject, path: Path) -> Path:
    """The first layer's kernels; where it has one for each class, as large as a picture, with their names."""
    weights = kernels(subject.eyes).numpy()
    if len(weights) == len(subject.classes) and weights.shape[1:] == subject.pictures.shape[1:]:
        means = "picture times template is the score of a class: grey is 0, brighter adds, darker subtracts"
        title = f"Templates of {subject.title}"
        return draw_named(path, signed(weights), subject.classes, LARGE_PX, title, means)
    # Some eyes see grey pictures in colour.
    same = weights.shape[1] == subject.pictures.shape[1]
    return draw_kernels(path, weights, subject.colours if same else weights.shape[1], subject.title)


def _draw_features(subject: Subject, path: Path, some: Tensor, maps: dict[str, Tensor]) -> Path:
    """What becomes of the picture in the middle."""
    middle = len(some) // 2
    scales = [(name, scale[middle].numpy()) for name, scale in maps.items()]
    number = int(some[middle])
    frame = newest(subject.pictures[number, None].numpy(), subject.colours)[0]
    what = f"{subject.labelled}: {subject.labels[number]}"
    return draw_features(path, frame, scales, subject.title, what)


def _draw_exciting(subject: Subject, path: Path, some: Tensor, maps: dict[str, Tensor]) -> Path:
    """A few channels of each scale but the finest, which sees no more than edges."""
    found = [
        _found(subject, some, one, maps[name], f"{name}, channel {one.channel + 1}")
        for name in list(maps)[min(1, len(maps) - 1) :]
        for one in most_exciting(maps[name], CHANNELS, FRAMES)
    ]
    return draw_exciting(path, found, subject.title, subject.source)


def _found(subject: Subject, some: Tensor, one: Exciting, scale: Tensor, name: str) -> Found:
    """The frames that excite a channel, and the cells in which they do."""
    height, width = subject.pictures.shape[2:]
    down, across = height / scale.shape[2], width / scale.shape[3]
    frames = newest(subject.pictures[some[one.frames]].numpy(), subject.colours)
    boxes = [
        (column * across, row * down, (column + 1) * across, (row + 1) * down)
        for row, column in one.places.tolist()
    ]
    return Found(name, frames, boxes)
