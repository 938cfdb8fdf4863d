"""Small data sets in the forms of the published ones, with entries that know their sums."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
from pathlib import Path

import numpy as np

from sandbox.data.catalog import Entry
from sandbox.data.mnist import MNIST
from sandbox.data.sign_mnist import SIGN_MNIST, TEST_FILE, TRAINING_FILE

CRLF = "\r\n"


def idx(values: np.ndarray) -> bytes:
    head = bytes((0, 0, 8, values.ndim)) + b"".join(size.to_bytes(4, "big") for size in values.shape)
    return head + values.astype(np.uint8).tobytes()


def mnist_files(training: int = 20, test: int = 10) -> dict[str, bytes]:
    rng = np.random.default_rng(0)
    files = {}
    for which, count in (("train", training), ("t10k", test)):
        files[f"{which}-images-idx3-ubyte"] = idx(rng.integers(0, 256, (count, 28, 28)))
        files[f"{which}-labels-idx1-ubyte"] = idx(np.arange(count) % 10)
    return files


def csv(images: np.ndarray, labels: np.ndarray) -> bytes:
    """A CSV file as Kaggle has it; ``images`` (n, 784), ``labels`` (n,) from 0 to 24."""
    lines = ["label," + ",".join(f"pixel{number}" for number in range(1, 785))]
    lines += [",".join(map(str, [label, *image])) for label, image in zip(labels, images, strict=True)]
    return (CRLF.join(lines) + CRLF).encode()


def signs(originals: int = 12, copies: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images (n, 784), labels (n,) and originals (n,): copies of some pictures of two classes, mixed."""
    rng = np.random.default_rng(1)
    drawn = rng.integers(40, 200, (2 * originals, 784))
    which = np.repeat(np.arange(2 * originals), copies)
    images = drawn[which] + rng.integers(-3, 4, (len(which), 784))
    labels = np.where(which < originals, 3, 24)  # D, and Y
    order = rng.permutation(len(which))
    return images[order], labels[order], which[order]


def sign_files() -> dict[str, bytes]:
    images, labels, _ = signs()
    return {TRAINING_FILE: csv(images, labels), TEST_FILE: csv(images[:4], np.array([0, 8, 10, 24]))}


def put(folder: Path, files: dict[str, bytes], *, packed: bool = True) -> Path:
    """Write ``files`` into ``folder`` and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = folder / (f"{name}.gz" if packed else name)
        path.write_bytes(gzip.compress(content) if packed else content)
    return folder


def sums(files: dict[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


def sizes(files: dict[str, bytes]) -> dict[str, int]:
    return {name: len(content) for name, content in files.items()}


def small_mnist(files: dict[str, bytes] | None = None) -> Entry:
    """MNIST's entry, for files of 20 and 10 pictures of which 5 validate."""
    counts = {"train": 15, "validation": 5, "test": 10}
    files = files or mnist_files()
    return dataclasses.replace(MNIST, files=sums(files), sizes=sizes(files), counts=counts)


def small_signs(files: dict[str, bytes] | None = None) -> Entry:
    files = files or sign_files()
    return dataclasses.replace(SIGN_MNIST, files=sums(files), sizes=sizes(files))
