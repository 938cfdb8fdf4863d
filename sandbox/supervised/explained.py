"""What a classifier brings to be explained."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from sandbox.core.errors import Broken, NotFound, UsageError
from sandbox.core.kinds import Question
from sandbox.core.run import Run
from sandbox.data.catalog import label
from sandbox.nn.explain import Subject
from sandbox.supervised.config import ClassifierConfig
from sandbox.supervised.models import Classifier
from sandbox.supervised.opened import pictures_of, shape_of
from sandbox.supervised.prediction.answers import knowledge
from sandbox.supervised.prediction.given import Bytes, Skipped, read_given
from sandbox.supervised.prediction.ink import InkForm
from sandbox.ui.console import Console

FRAMES = 500
"""pictures to look at, unless told otherwise"""


class Asked(NamedTuple):
    """The pictures that a question is about."""

    pictures: Tensor
    """(pictures, channels, height, width) uint8, on the CPU"""
    source: str
    """where they come from, for people"""


def asked_pictures(
    run: Run, config: ClassifierConfig, step: int, model: Classifier, question: Question, console: Console
) -> Asked:
    """The picture in a file as `predict` shows it to the classifier, or evenly spread pictures of a split.

    Args:
        step: after how many the classifier is.
        console: is told what takes long.

    Raises:
        UsageError: the question is one for agents, or asks for a file and a split at once.
        SandboxError: the file or the data are not there, or damaged; the message names them.
    """
    if question.episodes is not None:
        raise UsageError("--episodes is for agents: a classifier sees pictures")
    if question.file is not None:
        if question.split is not None or question.frames is not None:
            raise UsageError("--split and --frames choose pictures, and so does FILE", hint="leave one out")
        known = knowledge(run, config, step, model, question.data_dir, console)
        picture = _read(Path(question.file), shape_of(run, config), None if known is None else known.ink)
        return Asked(torch.from_numpy(picture.copy())[None], Path(question.file).name)
    split = question.split or "test"
    images = pictures_of(run, config, console, question.data_dir).split(split).images
    count = min(question.frames or FRAMES, len(images))
    places = torch.linspace(0, len(images) - 1, count).long()
    return Asked(images[places].cpu(), f"{count:,} {split} pictures")


def _read(path: Path, shape: tuple[int, int, int], form: InkForm | None) -> Bytes:
    """A picture as the network sees it; raises NotFound and Broken."""
    if not path.is_file():
        raise NotFound(f"there is no file {path}")
    given = read_given(str(path), path, shape, form)
    if isinstance(given, Skipped):
        raise Broken(f"{path} cannot be used: {given.why}", hint="use a picture such as JPEG or PNG")
    return given.seen


def subject(
    config: ClassifierConfig, step: int, model: Classifier, classes: tuple[str, ...], asked: Asked
) -> Subject:
    """The classifier, the pictures, and what they are taken for.

    Args:
        step: after how many it is.
        classes: their names.
    """
    device = next(model.parameters()).device

    @torch.inference_mode()
    def answer(number: int, changed: Tensor) -> Tensor:
        del number  # it judges pictures alone
        logits = model(changed.to(device, torch.float32) / 127.5 - 1.0)
        return (logits - logits.mean(1, keepdim=True)).cpu()

    taken_for = torch.cat([answer(0, part).argmax(1) for part in asked.pictures.split(FRAMES)])
    return Subject(
        title=f"{config.model} on {label(config.data)}, step {step:,}",
        source=asked.source,
        eyes=model,
        pictures=asked.pictures,
        colours=asked.pictures.shape[1],
        answer=answer,
        labels=[classes[number] for number in taken_for.tolist()],
        judge=model,
        classes=classes,
    )
