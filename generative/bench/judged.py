"""What the bench says of drawn pictures: measures by the judge of their data, beside those of real ones."""

from __future__ import annotations

from typing import Any

import torch

from generative.bench.drawn import Drawn
from generative.bench.trainer import Trainer
from generative.quality.recipe import house_judge
from generative.quality.yardstick import Yardstick
from sandbox.data.catalog import load
from sandbox.nn.device import threads

Row = dict[str, Any]


def yardstick(trainer: Trainer, data: str, count: int, *, told: bool) -> Yardstick:
    """The test pictures of a data set and its judge, which is trained now unless it is in the cache.

    Args:
        trainer: says where the data are, and on how many threads everything is computed.
        data: name of the data set.
        count: how many pictures are going to be measured.
        told: they have classes, evenly dealt: real ones count so, too.
    """
    dataset = load(data, trainer.data_dir)
    shares = torch.ones(len(dataset.classes)) if told else None
    with threads(trainer.thread_count):
        judge = house_judge(dataset, trainer.console).judge
        return Yardstick(judge, dataset.test, dataset.train, count, shares)


def measured(yard: Yardstick, drawn: Drawn) -> Row:
    """The cells of a row: of the pictures, and of as many training pictures beside them."""
    found = yard.measure(drawn.images, drawn.asked)
    right = None if found.obedience is None else 100 * found.obedience.accuracy
    return {
        "judged_right_percent": right,
        "judge_percent": None if yard.accuracy is None else 100 * yard.accuracy,
        "frechet": found.drawn.fd,
        "floor": found.floor.fd,
        "floors": found.ratio,
        "precision": found.drawn.precision,
        "precision_floor": found.floor.precision,
        "recall": found.drawn.recall,
        "recall_floor": found.floor.recall,
    }
