"""The peer on MNIST: net and settings of pytorch/examples, on the same pictures held in the same way.

https://github.com/pytorch/examples/tree/main/mnist: two convolutions, max pooling, dropout, two dense
layers; Adadelta at a rate of 1, times 0.7 after each epoch; batches of 64; pictures normalised by mean and
deviation. It reads its pictures one by one through workers; here they lie in memory, which only helps it.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sandbox.data.catalog import load
from sandbox.nn.batches import batch_rows
from sandbox.nn.device import threads as torch_threads

GOAL, MOST_EPOCHS = 0.99, 14
MEAN, DEVIATION = 0.1307, 0.3081


class Net(nn.Sequential):
    """Logits (batch, 10) of normalised pictures (batch, 1, 28, 28)."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(1, 32, 3),
            nn.ReLU(),
            nn.Conv2d(32, 64, 3),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Dropout(0.25),
            nn.Flatten(),
            nn.Linear(9216, 128),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(128, 10),
        )


def train_peer(seed: int, threads: int | None, data_dir: Path | None, quick: bool) -> dict[str, Any]:
    """Train until an epoch ends with 99 % of the validation pictures right, or 14 epochs have passed.

    Returns:
        Its test accuracy then, the epochs, and the seconds of training (evaluations are not counted).
    """
    dataset = load("mnist", data_dir)
    images, labels = dataset.train.images, dataset.train.labels
    steps = len(images) // 64 // (10 if quick else 1)
    with torch.random.fork_rng(devices=[]), torch_threads(threads or os.cpu_count() or 1):
        torch.manual_seed(seed)
        net = Net()
        optimizer = torch.optim.Adadelta(net.parameters(), lr=1.0)
        seconds, epoch = 0.0, 0
        while epoch < (1 if quick else MOST_EPOCHS):
            start = time.perf_counter()
            net.train()
            for step in range(steps):
                rows = batch_rows(seed, epoch * steps + step, 64, len(images))
                loss = F.cross_entropy(net(_normalised(images[rows])), labels[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            seconds, epoch = seconds + time.perf_counter() - start, epoch + 1
            for group in optimizer.param_groups:
                group["lr"] *= 0.7
            if _accuracy(net, dataset.validation.images, dataset.validation.labels) >= GOAL:
                break
        accuracy = _accuracy(net, dataset.test.images, dataset.test.labels)
    return {"test_accuracy": accuracy, "epochs": float(epoch), "seconds": seconds}


def _normalised(images: Tensor) -> Tensor:
    return (images.float() / 255 - MEAN) / DEVIATION


@torch.inference_mode()
def _accuracy(net: nn.Module, images: Tensor, labels: Tensor) -> float:
    net.eval()
    right = [
        int((net(_normalised(part)).argmax(1) == truth).sum())
        for part, truth in zip(images.split(500), labels.split(500), strict=True)
    ]
    return sum(right) / len(images)
