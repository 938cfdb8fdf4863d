"""The parts of the bench: each trains its models with one seed, and gives a row for each of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from generative.bench.beside import learn
from generative.bench.ddpm import long, short
from generative.bench.ddpm_others import of_others
from generative.bench.ddpm_peer import beside_diffusers
from generative.bench.one_class import one_class
from generative.bench.speed import present, speeds
from generative.bench.tasks import (
    GAP_PICTURES,
    MORE,
    MSE_GOALS,
    NATS_GOAL,
    OTHERS,
    QUICK_GAP_PICTURES,
    SAMPLES,
    VAES,
)
from generative.bench.trainer import Trainer
from generative.measure.bounds import described, measure_bound, measure_gap
from generative.measure.components import reconstruction_errors
from generative.measure.fidelity import measure_fidelity, psnr
from generative.objective import bits_per_dimension
from generative.opened import open_generator
from sandbox.core.run import Run
from sandbox.data.catalog import load
from sandbox.data.pictures import Dataset, Pictures
from sandbox.nn.device import threads

Row = dict[str, Any]


def autoencoders(trainer: Trainer, seed: int) -> list[Row]:
    """MNIST through few numbers, beside as many principal components."""
    data = load("mnist", trainer.data_dir)
    beside = reconstruction_errors(data.train.images, data.test.images, list(MSE_GOALS))
    rows = []
    for latent, goal in MSE_GOALS.items():
        words = f"autoencoder mnist --latent {latent}{MORE.get(latent, '')}"
        result = trainer.train(words, seed)
        mse = result["evaluation"]["mse"]
        row = {"train-generator": words}
        row |= {"latents": f"{latent}", "goal": f"≤ {goal}", "test_mse": mse, "reached": mse <= goal}
        rows.append(row | {"pca_mse": beside[latent], "test_psnr": psnr(mse), **_cost(result)})
    return rows


def vaes(trainer: Trainer, seed: int) -> list[Row]:
    """Nats that black and white digits take, beside VAEs of other projects after as many minutes."""
    data = load("mnist", trainer.data_dir)
    rows = []
    for words in VAES:
        result = trainer.train(words, seed)
        opened = open_generator(Run(result["run"]), "cpu")
        rows.append({"model": words, **nats(opened.model, data.test, trainer), **_cost(result)})
    for name in present(trainer.console, slow=False) if trainer.peers else ():
        trainer.console.note(f"{name}, seed {seed}")
        peer = learn(name, data, seed, trainer.seconds(), trainer.thread_count)
        cost = {"epochs": peer.epochs, "seconds": peer.seconds}
        rows.append({"model": name, **nats(peer.model, data.test, trainer), **cost})
    return rows


def nats(model: Any, test: Pictures, trainer: Trainer) -> Row:
    """The bounds of a VAE on the test pictures, made black and white once, as `evaluate` measures them."""
    count = QUICK_GAP_PICTURES if trainer.quick else GAP_PICTURES
    cpu = torch.device("cpu")
    with threads(trainer.thread_count):
        pictures = described(model, test)
        bound = measure_bound(model, pictures, cpu)
        gap = measure_gap(model, pictures, cpu, count, SAMPLES)
    found = -bound.elbo - gap.mean
    return {
        "goal": f"≤ {NATS_GOAL}",
        f"iwae_{SAMPLES}_nats": found,
        "reached": found <= NATS_GOAL,
        "standard_error": gap.error,
        "elbo_nats": -bound.elbo,
        "divergence_nats": bound.divergence,
        "active_units": int(bound.active.sum()),
        "bits_per_dimension": bits_per_dimension(found, bound.dimensions),
    }


def others(trainer: Trainer, seed: int) -> list[Row]:
    """How near reconstructions of signs and of Snake's frames come, beside as many principal components."""
    rows = []
    for what, data in OTHERS.items():
        for kind in ("autoencoder", "vae"):
            result = trainer.train(f"{kind} {data}", seed)
            opened = open_generator(Run(result["run"]), "cpu")
            dataset = load(data, trainer.data_dir)
            with threads(trainer.thread_count):
                mse = measure_fidelity(opened.coder, dataset.test, torch.device("cpu")).mse
            row = {"pictures": what, "model": kind, "latents": f"{result['latent']}", "test_mse": mse}
            pca = _pca(dataset, result["latent"])
            rows.append(
                row | {"test_psnr": psnr(mse), "pca_mse": pca, "pca_psnr": psnr(pca), **_cost(result)}
            )
    return rows


def measured_speeds(trainer: Trainer, seed: int) -> list[Row]:
    """See `generative.bench.speed`."""
    return speeds(seed, trainer.data_dir, trainer.quick, trainer.console)


def _pca(dataset: Dataset, count: int) -> float:
    return reconstruction_errors(dataset.train.images, dataset.test.images, [count])[count]


def _cost(result: Row) -> Row:
    return {"epochs": result["epochs"], "seconds": result["train_seconds"]}


MEASURES: dict[str, Callable[[Trainer, int], list[Row]]] = {
    "autoencoder": autoencoders,
    "one-class": one_class,
    "vae": vaes,
    "others": others,
    "speed": measured_speeds,
    "ddpm": short,
    "ddpm-long": long,
    "ddpm-peer": beside_diffusers,
    "ddpm-others": of_others,
}
"""part -> what measures it"""
