"""Peers learn for as long as ours, on as many threads, and keep their best weights as ours do."""

from __future__ import annotations

import copy
import math
import time
from dataclasses import dataclass

import torch

from generative.bench.peers import PEERS, DescribedVAE, Peer
from generative.measure.bounds import described, measure_bound
from sandbox.data.pictures import Dataset
from sandbox.nn.device import threads

CHUNK = 20
"""gradient steps between two looks at the clock"""
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Learned:
    """A peer that has learned."""

    model: DescribedVAE
    """with the weights that were best on the validation pictures"""
    epochs: float
    seconds: float
    """of training; looks at the validation pictures are not counted"""


def learn(name: str, dataset: Dataset, seed: int, seconds: float, count: int) -> Learned:
    """Train a peer on `count` threads, and look at the validation pictures after each epoch."""
    train = dataset.train
    with threads(count), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        peer = PEERS[name](train.images, train.labels)
        epoch = math.ceil(len(train.images) / peer.batch_size)
        validation = described(peer.model, dataset.validation)  # type: ignore[arg-type]
        best, kept = math.inf, copy.deepcopy(peer.model.state_dict())
        steps, spent = 0, 0.0
        while spent < seconds:
            more, took = _until(peer, epoch, seconds - spent)
            steps, spent = steps + more, spent + took
            found = -measure_bound(peer.model.eval(), validation, CPU).elbo  # type: ignore[arg-type]
            if found < best:
                best, kept = found, copy.deepcopy(peer.model.state_dict())
        peer.model.load_state_dict(kept)
    return Learned(peer.model.eval(), steps * peer.batch_size / len(train.images), spent)


def _until(peer: Peer, steps: int, seconds: float) -> tuple[int, float]:
    """Gradient steps, at most so many and about so long: how many, and how long."""
    begun, done = time.perf_counter(), 0
    while done < steps and time.perf_counter() - begun < seconds:
        few = min(CHUNK, steps - done)
        peer.update(few)
        done += few
    return done, time.perf_counter() - begun
