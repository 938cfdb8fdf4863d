"""What data sets there are: `list data`."""

from __future__ import annotations

from typing import Any

from sandbox.core.plugins import names
from sandbox.data.catalog import FOLDER, FRAMES, Entry, entry

COLUMNS = ["name", "pictures", "classes", "train", "validation", "test", "found in", "licence"]

OTHERS: list[list[Any]] = [
    [f"{FOLDER}PATH", "any size", "a folder each", "64 %", "16 %", "20 %", "PATH", "your own"],
    [f"{FRAMES}ENV[@PLAYER]", "40×40 colour", "actions", 10_000, 1_000, 1_000, "made by playing", "your own"],
]
"""what is named by where it comes from"""


def data_sets() -> dict[str, Any]:
    """Every data set, whether its files are here or not; none is read."""
    rows = [_row(entry(name)) for name in names("data")]
    return {"title": "data sets", "columns": COLUMNS, "rows": [*rows, *OTHERS]}


def describe(shape: tuple[int, int, int]) -> str:
    """A picture's (channels, height, width) as people write it: ``28×28 grey``, ``100×80 colour``."""
    channels, height, width = shape
    kind = {1: "grey", 3: "colour"}.get(channels, f"× {channels}")
    return f"{width}×{height} {kind}"


def _row(data: Entry) -> list[Any]:
    counts = [data.counts[split] for split in ("train", "validation", "test")]
    return [data.name, describe(data.shape), len(data.classes), *counts, _place(data), data.licence]


def _place(data: Entry) -> str:
    if not data.files:
        return data.bundled
    folder = data.locate()
    return "not found" if folder is None else str(folder)
