"""What `evaluate` says of a generative model: to people in a table and pictures, to scripts in full."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from generative.autoencoder import Autoencoder
from generative.drawings import title_of
from generative.measure.bounds import collapse_warning, described, measure_bound, measure_gap
from generative.measure.chosen import pictures_of_split, some_of
from generative.measure.components import Components, measure_components
from generative.measure.fidelity import Fidelity, measure_fidelity
from generative.measure.looked import draw_looked, look
from generative.measure.tables import rows_of_bound, rows_of_fidelity
from generative.opened import Opened, open_generator, pictures_of
from generative.passes import device_of
from generative.pictures import learned_from
from generative.vae import VAE
from sandbox.core.errors import UsageError
from sandbox.core.kinds import Question
from sandbox.core.run import Run
from sandbox.data.catalog import label
from sandbox.data.pictures import Dataset, Pictures
from sandbox.nn.device import threads
from sandbox.supervised.opened import warning_to
from sandbox.ui.console import Console
from sandbox.ui.latent_plots import latent_bars

SCHEMA = "sandbox.evaluate-generator/1"
SAMPLES, IMAGES = 500, 100
"""of the importance-weighted bound, unless told otherwise"""
DRAWN = 16
"""pictures in the drawing"""


def evaluate(run: Run, console: Console, question: Question) -> dict[str, Any]:
    """Measure a run on a split, draw `plots/reconstructions-…` and of a VAE `plots/latents-<split>.png`.

    Returns:
        What `evaluate --json` prints.

    Raises:
        UsageError: the question is one for agents or classifiers, or for the other kind of model.
        SandboxError: the run or its data are not there, or damaged.
    """
    if run.info["kind"] == "ddpm":
        from generative.measure.sampled import evaluate_samples

        return evaluate_samples(run, console, question)
    check(run, question)
    opened = open_generator(run, question.device, question.checkpoint, warning_to(console))
    dataset = pictures_of(run, opened.config, console, question.data_dir)
    split = question.split or "test"
    pictures = pictures_of_split(opened, dataset, split)
    with threads(opened.config.threads):
        model = opened.coder
        if isinstance(model, Autoencoder):
            measured, rows = _of_autoencoder(opened, model, dataset, pictures)
        else:
            measured, rows = _of_vae(model, pictures, question, console)
        chosen = some_of(pictures, split, DRAWN, None)
        path = run.plots_dir / f"reconstructions-{split}.png"
        drawings = {"reconstructions": draw_looked(path, opened, chosen, look(opened, chosen))}
    if measured.get("latents"):
        drawings["latents"] = _draw_latents(opened, measured, split)
    console.table(["measure", "value", "meaning"], rows, title=_title(opened, pictures, split))
    for name, path in drawings.items():
        console.print(f"{name:<15} {run.relative() / path.relative_to(run.path)}")
    found = {"split": split, "n": len(pictures), **measured.pop("evaluation")}
    return {**_about(opened), "evaluation": found, **measured, "pictures": _as_text(drawings)}


def check(run: Run, question: Question) -> None:
    """Raise UsageError where the question is for another kind of run."""
    if question.episodes is not None or question.seed is not None:
        raise UsageError("--episodes and --seed are for agents: a generative model is measured on a split")
    if question.tta is not None:
        raise UsageError("--tta is for classifiers: a generative model has no answers to average")
    question.refuse_sampling()
    if run.info["kind"] == "autoencoder" and (question.samples, question.images) != (None, None):
        raise UsageError("--samples and --images are for VAEs: an autoencoder has no bound")


def _of_autoencoder(
    opened: Opened, model: Autoencoder, dataset: Dataset, pictures: Pictures
) -> tuple[dict[str, Any], list[list[str]]]:
    fidelity = measure_fidelity(model, pictures, device_of(model))
    train = learned_from(opened.config, dataset).train
    beside = measure_components(train, pictures, model.latent)
    pca = beside._asdict() if isinstance(beside, Components) else {"left_out": beside}
    return {"evaluation": fidelity.summary(), "pca": pca}, rows_of_fidelity(fidelity, beside)


def _of_vae(
    model: VAE, pictures: Pictures, question: Question, console: Console
) -> tuple[dict[str, Any], list[list[str]]]:
    device, targets = device_of(model), described(model, pictures)
    bound = measure_bound(model, targets, device)
    warning = collapse_warning(int(bound.active.sum()), len(bound.kl))
    if warning:
        console.note(f"warning: {warning}")
    gap = measure_gap(model, targets, device, question.images or IMAGES, question.samples or SAMPLES)
    bound = dataclasses.replace(bound, gap=gap)
    fidelity: Fidelity = measure_fidelity(model, pictures, device)
    evaluation = bound.summary() | {"mean_mse": fidelity.mse, "collapsed": warning is not None}
    return {"evaluation": evaluation, "latents": bound.latents()}, rows_of_bound(bound, fidelity)


def _draw_latents(opened: Opened, measured: dict[str, Any], split: str) -> Path:
    latents, found = measured["latents"], measured["evaluation"]
    nats = sum(one["kl"] for one in latents)
    return latent_bars(
        opened.run.plots_dir / f"latents-{split}.png",
        [one["kl"] for one in latents],
        [one["active"] for one in latents],
        title=title_of(opened.run.info),
        subtitle=f"what each latent tells of a {split} picture: {nats:.2f} nats in all; "
        f"{found['active_units']} of {found['latents']} are active (blue)",
    )


def _title(opened: Opened, pictures: Pictures, split: str) -> str:
    model = opened.model
    parts = [f"{opened.config.kind} on {label(opened.config.data)}, {len(pictures):,} {split} pictures"]
    if isinstance(model, VAE) and model.likelihood == "bernoulli":
        parts.append("made black and white once")
    if model.classes:
        parts.append("told their classes")
    return ", ".join(parts)


def _about(opened: Opened) -> dict[str, Any]:
    return {"schema": SCHEMA, **opened.about, "latent": opened.coder.latent}


def _as_text(drawings: dict[str, Path]) -> dict[str, str]:
    return {name: str(path) for name, path in drawings.items()}
