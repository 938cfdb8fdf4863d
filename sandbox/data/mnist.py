"""MNIST: handwritten digits, in the four classic IDX files."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.core.errors import Broken
from sandbox.data import source
from sandbox.data.catalog import Entry

if TYPE_CHECKING:
    from torch import Tensor

    from sandbox.data.pictures import Splits

_UNSIGNED_BYTES = 8


def read_idx(path: Path, content: bytes, dimensions: int) -> Tensor:
    """The uint8 tensor with so many ``dimensions`` in the ``content`` of the IDX file ``path``.

    The format: two zero bytes, the type (8: unsigned bytes), the number of dimensions, each dimension as a
    big-endian 32-bit number, then the values, the last dimension running fastest.

    Raises:
        Broken: It is no such file, or shorter or longer than its dimensions say.
    """
    import torch

    start = 4 + 4 * dimensions
    if content[:4] != bytes((0, 0, _UNSIGNED_BYTES, dimensions)) or len(content) < start:
        raise Broken(
            f"{path} is not an IDX file of bytes in {dimensions} dimensions: it begins with {content[:12]!r}",
            hint="a web page saved by mistake? get the file again",
        )
    shape = [int.from_bytes(content[at : at + 4], "big") for at in range(4, start, 4)]
    if len(content) - start != math.prod(shape):
        raise Broken(
            f"{path} should hold {math.prod(shape):,} bytes after its head, and holds "
            f"{len(content) - start:,}",
            hint="get it again",
        )
    # A copy: torch warns of tensors over read-only bytes.
    return torch.frombuffer(bytearray(content), dtype=torch.uint8, offset=start).reshape(shape)


def read(entry: Entry, paths: Mapping[str, Path]) -> Splits:
    """Read the four files; the last pictures of the training file, as many as ``entry`` says, validate."""
    import torch

    from sandbox.data.pictures import Pictures, Splits

    def tensor(name: str, dimensions: int) -> Tensor:
        content = source.unpack(paths[name])
        # What is wrong with a file's form says more than that its sum is wrong.
        values = read_idx(paths[name], content, dimensions)
        source.check_sum(paths[name], content, entry.files[name])
        return values

    def pictures(which: str) -> Pictures:
        images = tensor(f"{which}-images-idx3-ubyte", 3).unsqueeze(1)  # (n, 1, 28, 28)
        labels = tensor(f"{which}-labels-idx1-ubyte", 1).to(torch.int64)
        return Pictures(images, labels, entry.classes)

    both, test = pictures("train"), pictures("t10k")
    rows = torch.arange(len(both))
    training = rows < len(both) - entry.counts["validation"]
    return Splits(both.take(training), both.take(~training), test)


MNIST = Entry(
    name="mnist",
    summary="handwritten digits",
    source="https://github.com/cvdfoundation/mnist",
    licence="CC BY-SA 3.0",
    shape=(1, 28, 28),
    classes=tuple("0123456789"),
    counts={"train": 50_000, "validation": 10_000, "test": 10_000},
    read=read,
    files={
        "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    sizes={
        "train-images-idx3-ubyte": 47_040_016,
        "train-labels-idx1-ubyte": 60_008,
        "t10k-images-idx3-ubyte": 7_840_016,
        "t10k-labels-idx1-ubyte": 10_008,
    },
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/{file}.gz",
        "https://storage.googleapis.com/cvdf-datasets/mnist/{file}.gz",
    ),
)
"""60 000 and 10 000 pictures (LeCun, Cortes, Burges 1998); the last 10 000 of the training file validate."""
