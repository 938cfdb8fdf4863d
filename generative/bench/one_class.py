"""Autoencoders that have seen one digit only, and how well they tell it from all others."""

from __future__ import annotations

from statistics import mean
from typing import Any

import numpy as np
import torch
from sklearn.covariance import LedoitWolf
from sklearn.metrics import roc_auc_score

from generative.bench.pca import left_over
from generative.bench.tasks import AUROC_GOAL, COMPONENTS, DIGITS, ONE_CLASS
from generative.bench.trainer import Trainer
from generative.measure.batches import passes
from generative.measure.fidelity import squared_errors
from generative.opened import Opened, open_generator
from generative.pictures import of_classes
from sandbox.core.run import Run
from sandbox.data.catalog import load
from sandbox.data.pictures import Dataset, Pictures
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
        strange = (data.test.labels != data.classes.index(digit)).numpy()
        beside = left_over(of_classes(data.train, (digit,)).images, data.test.images, COMPONENTS)
        areas = {"auroc": roc_auc_score(strange, found), "pca_auroc": roc_auc_score(strange, beside)}
        rows.append({"usual": digit, **{name: float(area) for name, area in areas.items()}})
    total = {name: mean(row[name] for row in rows) for name in ("auroc", "pca_auroc")}
    goal = {"goal": f"≥ {AUROC_GOAL}", "reached": total["auroc"] >= AUROC_GOAL}
    return [{"usual": "mean", **total, **goal}, *rows]


def unusual(opened: Opened, data: Dataset) -> np.ndarray:
    """How unusual each test picture is, (n,): its error, and how far its code is from those of training.

    Each in standard deviations of the usual validation pictures; their sum.
    """
    usual = [of_classes(part, opened.config.only) for part in (data.train, data.validation)]
    train, validation, test = (_errors_and_codes(opened, part) for part in (*usual, data.test))
    known = LedoitWolf().fit(train[1])
    total = np.zeros(len(data.test))
    for score in (lambda part: np.log(part[0]), lambda part: np.sqrt(known.mahalanobis(part[1]))):
        normal = score(validation)
        total += (score(test) - normal.mean()) / normal.std()
    return total


@torch.inference_mode()
def _errors_and_codes(opened: Opened, pictures: Pictures) -> tuple[np.ndarray, np.ndarray]:
    """(n,) and (n, latent)."""
    errors, codes = [], []
    for images, _ in passes(opened.model, pictures, torch.device("cpu")):
        code = opened.model.embed(images)
        codes.append(code)
        errors.append(squared_errors(opened.model.decode(code), images))
    return torch.cat(errors).double().numpy(), torch.cat(codes).double().numpy()
