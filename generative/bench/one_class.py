"""Autoencoders that have seen one digit only, and how well they tell it from all others."""

from __future__ import annotations

from statistics import mean
from typing import Any

import numpy as np

from generative.anomalies.found import learned_normality
from generative.anomalies.parts import parts_of
from generative.anomalies.separation import Floats, separation
from generative.bench.tasks import AUROC_GOAL, COMPONENTS, DIGITS, ONE_CLASS
from generative.bench.trainer import Trainer
from generative.measure.components import left_over
from generative.opened import Opened, open_generator
from generative.pictures import of_classes
from sandbox.core.run import Run
from sandbox.data.catalog import load
from sandbox.data.pictures import Dataset
from sandbox.nn.device import threads

Row = dict[str, Any]


def one_class(trainer: Trainer, seed: int) -> list[Row]:
    """The area under the ROC curve of each digit's model over all test pictures, and their mean."""
    data = load("mnist", trainer.data_dir)
    rows = []
    for digit in DIGITS:
        result = trainer.train(f"autoencoder mnist --only {digit}", seed, part=ONE_CLASS)
        opened = open_generator(Run(result["run"]), "cpu")
        with threads(trainer.thread_count):
            found = unusual(opened, data)
        train = of_classes(data.train, (digit,)).images
        beside = left_over(train, data.test.images, COMPONENTS)
        usual = (data.test.labels == data.classes.index(digit)).numpy()
        areas = {"auroc": found, "pca_auroc": beside}
        rows.append(
            {"usual": digit}
            | {name: separation(score[usual], score[~usual]).auroc for name, score in areas.items()}
        )
    total = {name: mean(row[name] for row in rows) for name in ("auroc", "pca_auroc")}
    goal = {"goal": f"≥ {AUROC_GOAL}", "reached": total["auroc"] >= AUROC_GOAL}
    return [{"usual": "mean", **total, **goal}, *rows]


def unusual(opened: Opened, data: Dataset) -> Floats:
    """How unusual each test picture is, (n,), as `anomalies` says it."""
    scores = learned_normality(opened, data).scores(parts_of(opened.coder, data.test))
    return scores.score.numpy().astype(np.float64)
