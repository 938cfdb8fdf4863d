"""What a generative model brings to be explained: the backbone of its encoder, and the code as its answer."""

from __future__ import annotations

import torch
from torch import Tensor

from generative.ddpm import DDPM
from generative.measure.chosen import Chosen, in_files, pictures_of_split, some_of
from generative.opened import Opened, open_generator, pictures_of
from generative.passes import device_of, embedded
from sandbox.core.errors import UsageError
from sandbox.core.kinds import Question
from sandbox.core.run import Run
from sandbox.data.catalog import label
from sandbox.nn.explain import Subject
from sandbox.supervised.opened import warning_to
from sandbox.ui.console import Console

FRAMES = 500
"""pictures to look at, unless told otherwise"""


def subject(run: Run, console: Console, question: Question) -> Subject:
    """The encoder's backbone, pictures of a split or a picture in a file, and the codes that they get.

    What is asked of single pictures is where their code comes from: by how much it moves, in units of the
    spread that each number of the code has over the pictures. Of a ddpm see `denoiser_subject`.

    Raises:
        UsageError: the question is one for agents or classifiers, or asks for a file and a split at once.
        SandboxError: the run, the file or the data are not there, or damaged; the message names them.
    """
    _check(question)
    opened = open_generator(run, question.device, question.checkpoint, warning_to(console))
    chosen = _asked(opened, question, console)
    if isinstance(opened.model, DDPM):
        from generative.measure.explained_noise import denoiser_subject

        return denoiser_subject(opened, opened.model, chosen, question.seed or 0)
    model, pictures = opened.coder, chosen.pictures
    device, codes = device_of(model), embedded(model, pictures)
    spread = codes.std(0, correction=0) if len(codes) > 1 else torch.ones_like(codes[0])
    units = torch.where(spread > 0, spread, 1.0)  # (latent,)

    @torch.inference_mode()
    def answer(number: int, changed: Tensor) -> Tensor:
        labels = pictures.labels[number].to(device).expand(len(changed)) if model.classes else None
        return model.embed(changed.to(device, torch.float32) / 127.5 - 1.0, labels).cpu() / units

    return Subject(
        title=f"{opened.config.kind} on {label(opened.config.data)}, step {opened.step:,}",
        source=chosen.source,
        eyes=model.backbone,
        pictures=pictures.images.cpu(),
        colours=opened.shape[0],
        answer=answer,
        labels=chosen.names,
        labelled="the picture",
        answered="the code",
    )


def _asked(opened: Opened, question: Question, console: Console) -> Chosen:
    if question.file is not None:
        return in_files(opened, [question.file], 1)
    split = question.split or "test"
    dataset = pictures_of(opened.run, opened.config, console, question.data_dir)
    pictures = pictures_of_split(opened, dataset, split)
    some = some_of(pictures, split, question.frames or FRAMES, None)
    return some._replace(source=f"{len(some.pictures):,} {split} pictures")


def _check(question: Question) -> None:
    if question.episodes is not None:
        raise UsageError("--episodes is for agents: a generative model sees pictures")
    if question.classes:
        raise UsageError(
            "--classes is for classifiers: a generative model does not tell classes apart",
            hint="a class-conditional one draws them: python -m sandbox generate",
        )
    if question.file is not None and (question.split is not None or question.frames is not None):
        raise UsageError("--split and --frames choose pictures, and so does FILE", hint="leave one out")
