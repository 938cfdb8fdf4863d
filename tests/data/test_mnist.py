"""MNIST: IDX files become pictures and labels; the last training pictures validate."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sandbox.core.errors import Broken
from sandbox.data.catalog import load
from sandbox.data.mnist import read_idx
from tests.data.made import idx, mnist_files, put, small_mnist

SOMEWHERE = Path("some-idx3-ubyte")


def test_an_idx_file_is_its_values() -> None:
    values = np.arange(24).reshape(2, 3, 4)
    assert read_idx(SOMEWHERE, idx(values), 3).tolist() == values.tolist()


@pytest.mark.parametrize("content", [b"", b"<!DOCTYPE html><html>", idx(np.zeros(3)), b"\0\0\x08\x03\0\0"])
def test_what_is_no_idx_file_is_shown_by_its_beginning(content: bytes) -> None:
    with pytest.raises(Broken) as caught:
        read_idx(SOMEWHERE, content, 3)
    assert f"{SOMEWHERE} is not an IDX file of bytes in 3 dimensions" in caught.value.message
    assert repr(content[:12]) in caught.value.message


@pytest.mark.parametrize("change", [-1, 1])
def test_an_idx_file_of_another_length_than_it_says(change: int) -> None:
    content = idx(np.zeros((2, 3, 4)))
    content = content[:change] if change < 0 else content + b"x"
    with pytest.raises(Broken, match=f"should hold 24 bytes after its head, and holds {24 + change}"):
        read_idx(SOMEWHERE, content, 3)


def test_a_web_page_in_place_of_a_file_is_told_before_its_sum(tmp_path: Path) -> None:
    put(tmp_path, {**mnist_files(), "t10k-labels-idx1-ubyte": b"<!DOCTYPE html>"}, packed=False)
    with pytest.raises(Broken, match=r"t10k-labels-idx1-ubyte is not an IDX file"):
        small_mnist().load(tmp_path)


def test_the_last_training_pictures_validate(tmp_path: Path) -> None:
    files = mnist_files()
    data = small_mnist().load(put(tmp_path, files))
    images = np.frombuffer(files["train-images-idx3-ubyte"][16:], np.uint8).reshape(20, 1, 28, 28)
    assert np.array_equal(data.train.images, images[:15])
    assert np.array_equal(data.validation.images, images[15:])
    assert data.validation.labels.tolist() == [5, 6, 7, 8, 9]
    assert data.test.labels.tolist() == list(range(10))


def test_the_published_files(data_root: Path) -> None:
    data = load("mnist", data_root)
    assert (len(data.train), len(data.validation), len(data.test)) == (50_000, 10_000, 10_000)
    # LeCun's own counts of both files.
    both = data.train.counts() + data.validation.counts()
    assert both.tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert data.test.counts().tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert data.train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    mean = torch.cat([data.train.images, data.validation.images]).float().mean() / 255
    assert mean.item() == pytest.approx(0.1307, abs=1e-4)
