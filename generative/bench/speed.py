"""How many pictures a second ours learn from, beside others: in one process, on one thread, in turns."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import nn

from generative.bench.peers import PEERS, TOO_SLOW, DenseVAE
from generative.resolve import resolve_config
from generative.training import build_training
from sandbox.commands.bench_envs.timing import Contestant, Pace, race, ratio
from sandbox.data.catalog import load
from sandbox.data.pictures import Dataset
from sandbox.nn.budget import Budget
from sandbox.nn.device import keep_memory, threads
from sandbox.nn.fit import Training
from sandbox.nn.fit_settings import FitSettings
from sandbox.ui.console import Console

SECONDS, QUICK_SECONDS = 15.0, 2.0
"""of each contestant, in five rounds; at least one gradient step in each"""
SAME_NET = "the net of pytorch/examples, in our loop"
OURS = {"vae": "vae mnist, as it comes", "autoencoder": "autoencoder mnist, as it comes"}
STEPS = 1_000_000
"""of the schedule: more than are measured"""

Row = dict[str, Any]


def speeds(seed: int, data_dir: Path | None, quick: bool, console: Console) -> list[Row]:
    """A row for each of ours and each peer that is there: pictures a second of both, and the ratio."""
    dataset = load("mnist", data_dir)
    with threads(1), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        keep_memory()
        trained = {name: ours_as_it_comes(kind, dataset, seed) for kind, name in OURS.items()}
        trained[SAME_NET] = same_net(dataset, seed)
        updates: dict[str, tuple[nn.Module, Contestant]] = {
            name: (one.model, (repeated(one), one.settings.batch_size)) for name, one in trained.items()
        }
        for name in present(console, slow=not quick):
            peer = PEERS[name](dataset.train.images, dataset.train.labels)
            updates[name] = (peer.model, (peer.update, peer.batch_size))
        console.note(f"speed of {', '.join(updates)}, seed {seed}")
        seconds = QUICK_SECONDS if quick else SECONDS
        paces = race({name: contestant for name, (_, contestant) in updates.items()}, seconds)
    sizes = {name: sum(part.numel() for part in model.parameters()) for name, (model, _) in updates.items()}
    return rows_of(paces, sizes)


def present(console: Console, *, slow: bool = True) -> list[str]:
    """The peers that are installed, those that are too slow to learn anything left out unless `slow`."""
    there = find_spec("pythae") is not None
    if not there:
        console.note("pythae is not installed, and left out: pip install pythae")
    wanted = [name for name in PEERS if slow or name != TOO_SLOW]
    return [name for name in wanted if there or not name.startswith("pythae")]


def ours_as_it_comes(kind: str, dataset: Dataset, seed: int) -> Training:
    """What `train-generator KIND mnist` trains, on one thread."""
    changes = {"seed": seed, "threads": 1, "device": "cpu"}
    config = resolve_config(kind, "mnist", changes, budget=Budget(steps=STEPS))
    return build_training(config, dataset, Console(quiet=True))


def same_net(dataset: Dataset, seed: int) -> Training:
    """The net and settings of pytorch/examples under our loop: what remains is how pictures get to it."""
    fit = FitSettings(steps=STEPS, optimizer="adam", learning_rate=1e-3, schedule="constant")
    return Training(DenseVAE(), dataset.train, fit, seed=seed)


def repeated(training: Training) -> Callable[[int], None]:
    """So many gradient steps."""

    def run(steps: int) -> None:
        for _ in range(steps):
            training.update()

    return run


def rows_of(paces: dict[str, Pace], sizes: dict[str, int]) -> list[Row]:
    """Ours beside each peer; our autoencoder has none, and our loop with a peer's net has that peer."""
    ours, autoencoder = OURS["vae"], OURS["autoencoder"]
    pairs = [(ours, name) for name in PEERS if name in paces]
    pairs += [(SAME_NET, "pytorch/examples"), (autoencoder, ours)]
    return [
        {
            "ours": one,
            "parameters": sizes[one],
            "pictures_per_second": paces[one].middle,
            "beside": other,
            "its_parameters": sizes[other],
            "its_pictures_per_second": paces[other].middle,
            "times": ratio(paces[one], paces[other]),
            "cpu_over_wall": min(*paces[one].cpu_over_wall, *paces[other].cpu_over_wall),
        }
        for one, other in pairs
    ]
