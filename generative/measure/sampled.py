"""`evaluate` of what draws pictures by taking noise away: its samples against pictures it never saw."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from generative.ddpm import DDPM
from generative.generate.pictures import drawn, label_of
from generative.generate.sampling import Sampling, check_guidable, check_sampling
from generative.generate.source import Diffused, Source
from generative.measure.sampled_drawings import draw_misjudged, draw_nearest, draw_samples
from generative.measure.sampled_table import Outcome, Samples, rows_of_samples
from generative.opened import Opened, open_generator, pictures_of
from generative.pictures import learned_from
from generative.quality.asked import check_judge, judge_for
from generative.quality.copies import memory, nearest
from generative.quality.yardstick import Yardstick
from sandbox.core.errors import UsageError
from sandbox.core.kinds import Question
from sandbox.core.run import Run
from sandbox.data.catalog import label
from sandbox.data.pictures import Dataset, Pictures, Splits
from sandbox.nn.device import threads
from sandbox.supervised.opened import warning_to
from sandbox.ui.console import Console

SCHEMA = "sandbox.evaluate-generator/1"
SAMPLES, FEWEST = 1_000, 10
"""unless told otherwise, rounded up to a multiple of the classes; and at least"""


def evaluate_samples(run: Run, console: Console, question: Question) -> dict[str, Any]:
    """Draw samples, measure them, and draw `plots/samples-…`, `nearest-…` and `misjudged-…`.

    Returns:
        What `evaluate --json` prints.

    Raises:
        UsageError: the question is one for others, or the named judge is none.
        SandboxError: the run or its data are not there, or damaged.
    """
    _check(run, question)
    opened = open_generator(run, question.device, question.checkpoint, warning_to(console))
    sampling = _sampling(opened, question)
    dataset = pictures_of(run, opened.config, console, question.data_dir)
    with threads(opened.config.threads):
        outcome = _measured(opened, dataset, sampling, question, console)
        drawings = _drawings(opened, outcome, learned_from(opened.config, dataset).train, sampling)
    title = (
        f"ddpm on {label(opened.config.data)}, {len(outcome.samples.pictures):,} pictures by {sampling.said}"
    )
    console.table(["measure", "drawn", "real", "meaning"], rows_of_samples(outcome), title=title)
    for name, path in drawings.items():
        console.print(f"{name:<15} {run.relative() / path.relative_to(run.path)}")
    return _answer(opened, outcome, sampling, question, drawings)


def _measured(
    opened: Opened, dataset: Dataset, sampling: Sampling, question: Question, console: Console
) -> Outcome:
    model = opened.model
    assert isinstance(model, DDPM)
    source = Diffused(model, question.seed or 0, sampling)  # it may refuse, and a judge takes minutes
    split = question.split or "test"
    splits: Splits = learned_from(opened.config, dataset)
    reference: Pictures = getattr(splits, split)
    asked = judge_for(opened.run, dataset, question.judge, console, next(model.parameters()).device)
    classes = [opened.classes.index(name) for name in opened.learned]
    count = _count(question.samples, len(classes) if model.classes else 1)
    shares = torch.bincount(torch.tensor(classes), minlength=len(opened.classes)) if model.classes else None
    yardstick = Yardstick(asked.judge, reference, splits.train, count, shares)
    samples = draw(source, count, classes if model.classes or len(classes) == 1 else [], console)
    quality = yardstick.measure(samples.pictures, samples.asked if len(opened.classes) > 1 else None)
    if not model.classes:  # nobody asked it for any
        quality = replace(quality, obedience=None)
    near, train = nearest(samples.pictures, splits.train.images.cpu()), splits.train.images.cpu()
    held_out = nearest(yardstick.beside(reference).images.cpu(), train)
    remembered = memory(near.distance, held_out.distance)
    return Outcome(split, reference, asked, yardstick, samples, quality, near, remembered)


def draw(source: Source, count: int, classes: list[int], console: Console) -> Samples:
    """Pictures 0 to `count` - 1, of these classes in turn; with progress.

    Args:
        classes: indices; of one that cannot be asked, what it draws all the same, or none.
    """
    parts = []
    with console.progress(count, "drawing", "pictures") as progress:
        for numbers, some in drawn(source, count, classes if source.classes else []):
            parts.append(some)
            progress.update(numbers.stop)
    asked = torch.tensor([label_of(number, classes) for number in range(count)]) if classes else None
    return Samples(torch.cat(parts), asked)


def _check(run: Run, question: Question) -> None:
    """Raise UsageError for what can be refused before anything is loaded."""
    if question.episodes is not None:
        raise UsageError("--episodes is for agents: a ddpm draws --samples")
    if question.tta is not None:
        raise UsageError("--tta is for classifiers: a ddpm has no answers to average")
    if question.images is not None:
        raise UsageError("--images is for VAEs: a ddpm has no bound")
    if question.split == "train":
        raise UsageError(
            "samples are compared with pictures that the model never saw: --split test, or validation"
        )
    if question.samples is not None and question.samples < FEWEST:
        raise UsageError(f"--samples must be at least {FEWEST} here, not {question.samples}")
    check_sampling(question.sampler, question.steps, question.guidance)
    if question.judge is not None:
        check_judge(Run(question.judge), run)


def _sampling(opened: Opened, question: Question) -> Sampling:
    """How pictures are drawn: as `generate` does, but for what is given."""
    if question.guidance is not None and not opened.model.classes:
        raise UsageError(f"--guidance: {opened.run.name} was told no classes, and cannot be guided")
    check_guidable(opened.config, question.guidance, opened.run.name)
    return Sampling(guidance=opened.guidance).but(question.sampler, question.steps, question.guidance)


def _count(asked: int | None, classes: int) -> int:
    return asked or math.ceil(SAMPLES / classes) * classes


def _drawings(opened: Opened, outcome: Outcome, train: Pictures, sampling: Sampling) -> dict[str, Path]:
    folder, samples, split = opened.run.plots_dir, outcome.samples, outcome.split
    info, answers = opened.run.info, outcome.quality.judged.answers
    found = {
        "samples": draw_samples(
            folder / f"samples-{split}.png", samples.pictures, samples.asked, opened.classes
        ),
        "nearest": draw_nearest(
            folder / f"nearest-{split}.png", samples.pictures, train, outcome.nearest, outcome.memory, info
        ),
    }
    if outcome.quality.obedience is None or samples.asked is None or answers is None:
        return found
    wrong = (samples.asked != answers).nonzero().flatten()
    path = folder / f"misjudged-{split}.png"
    if not len(wrong):
        path.unlink(missing_ok=True)  # of an earlier look
        return found
    some = samples.pictures[wrong], samples.asked[wrong], answers[wrong]
    return found | {"misjudged": draw_misjudged(path, *some, opened.classes, info, sampling.said)}


def _answer(
    opened: Opened, outcome: Outcome, sampling: Sampling, question: Question, drawings: dict[str, Path]
) -> dict[str, Any]:
    quality = outcome.quality
    told = quality.obedience
    names = opened.classes
    features = len(outcome.yardstick.gaussian.mean)
    return {
        "schema": SCHEMA,
        **opened.about,
        "sampling": sampling.about["sampling"] | {"seed": question.seed or 0},
        "judge": {**outcome.asked.about, "features": features, "accuracy": outcome.yardstick.accuracy},
        "evaluation": {
            "split": outcome.split,
            "n": len(outcome.reference),
            "samples": len(outcome.samples.pictures),
            **quality.summary(),
            **({} if told is None else told.summary(names)),
            "nearest": outcome.memory.summary(),
        },
        "classes": quality.of_classes(names),
        "mistaken": [
            {"asked": names[one.asked], "answer": names[one.answer], "pictures": one.pictures}
            for one in (told.mistaken() if told else ())
        ],
        "pictures": {name: str(path) for name, path in drawings.items()},
    }
