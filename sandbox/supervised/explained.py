"""What a classifier brings to be explained."""

from __future__ import annotations

import torch
from torch import Tensor

from sandbox.core.errors import UsageError
from sandbox.core.plugins import Question
from sandbox.core.run import Run
from sandbox.data.pictures import Pictures
from sandbox.nn.explain import Subject
from sandbox.supervised.config import ClassifierConfig
from sandbox.supervised.models import BackboneClassifier, Classifier

FRAMES = 500
"""pictures to look at, unless told otherwise"""


def subject(
    run: Run, config: ClassifierConfig, step: int, model: Classifier, pictures: Pictures, question: Question
) -> Subject:
    """The classifier's backbone, evenly spread pictures of a split, and what they are taken for.

    Raises:
        UsageError: the classifier has no backbone.
    """
    if not isinstance(model, BackboneClassifier):
        raise UsageError(
            f"{run.name} cannot be explained: the model {config.model!r} has no backbone",
            hint="explain runs trained with --model backbone",
        )
    count = min(question.frames or FRAMES, len(pictures))
    images = pictures.images[torch.linspace(0, len(pictures) - 1, count).long()].cpu()
    device = next(model.parameters()).device

    @torch.inference_mode()
    def answer(number: int, changed: Tensor) -> Tensor:
        del number  # it judges pictures alone
        logits = model(changed.to(device, torch.float32) / 127.5 - 1.0)
        return (logits - logits.mean(1, keepdim=True)).cpu()

    taken_for = torch.cat([answer(0, part).argmax(1) for part in images.split(FRAMES)])
    split = question.split or "test"
    return Subject(
        title=f"{config.model} on {config.data}, step {step:,}",
        source=f"{count:,} {split} pictures",
        backbone=model.backbone,
        pictures=images,
        colours=images.shape[1],
        answer=answer,
        labels=[pictures.classes[number] for number in taken_for.tolist()],
    )
