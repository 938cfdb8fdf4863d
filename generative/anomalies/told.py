"""What `anomalies` says: a few lines for people, everything as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from generative.anomalies.found import LIMITS, Found
from generative.anomalies.given import Given
from generative.given import as_json as skipped_json
from generative.given import tell_skipped
from generative.opened import Opened
from sandbox.ui.console import Console

SCHEMA = "sandbox.anomalies/1"


def tell(console: Console, given: Given, found: Found, top: int, drawings: Mapping[str, Path]) -> None:
    """Print the `top` most unusual pictures, how many are beyond what is usual, and the AUROC."""
    tell_skipped(console, given.skipped)
    entries = sorted(entries_of(given, found), key=lambda entry: -entry["score"])
    columns = ["picture", *(["class"] if not given.names else []), "score", "error", "distance", "as unusual"]
    console.table(columns, [_row(entry) for entry in entries[:top]])
    held_out, count = len(found.normality.errors), len(entries)
    console.print("score: 0 is usual, 1 a standard deviation more")
    console.print(f"as unusual: the part of {held_out:,} held-out normal pictures that are at least so")
    for part in LIMITS:
        console.print(
            f"{found.beyond(part):.1%} of {count:,} {given.source} are more unusual than {part:.0%} of those"
        )
    if found.separation is not None:
        told = found.separation
        console.print(
            f"AUROC {told.auroc:.4f} (95 % interval {told.low:.4f} to {told.high:.4f}): "
            f"{told.others:,} others against {told.normal:,} normal ones"
        )
    if given.skipped:
        console.print(f"{len(given.skipped)} of {len(given.skipped) + count} files skipped")
    for name, path in drawings.items():
        console.print(f"{name:9} {path}")


def entries_of(given: Given, found: Found) -> list[dict[str, Any]]:
    """Each picture as ``--json`` has it, in its order."""
    scores = found.scores
    parts = found.normality.as_unusual(scores.score).tolist()
    numbers = (scores.score.tolist(), scores.error.tolist(), scores.distance.tolist(), parts)
    classes, labels = given.pictures.classes, given.pictures.labels.tolist()
    entries = []
    for row, (score, error, distance, as_unusual) in enumerate(zip(*numbers, strict=True)):
        name: dict[str, Any] = (
            {"file": given.names[row]} if given.names else {"row": row, "class": classes[labels[row]]}
        )
        if given.normal is not None:
            name["normal"] = bool(given.normal[row])
        values = {"score": score, "error": error, "distance": distance, "as_unusual": as_unusual}
        entries.append(name | {key: round(value, 6) for key, value in values.items()})
    return entries


def as_json(opened: Opened, given: Given, found: Found) -> dict[str, Any]:
    """What ``--json`` prints, but for the drawings."""
    told = found.separation
    return {
        "schema": SCHEMA,
        "run": str(opened.run.path),
        "data": opened.config.data,
        "only": list(opened.config.only),
        "steps": opened.step,
        "source": given.source,
        "held_out": len(found.normality.errors),
        "limits": {f"{part:g}": found.normality.limit(part) for part in LIMITS},
        "beyond": {f"{part:g}": found.beyond(part) for part in LIMITS},
        "auroc": None if told is None else told.auroc,
        "interval": None if told is None else [told.low, told.high],
        "normal": None if told is None else told.normal,
        "others": None if told is None else told.others,
        "pictures": entries_of(given, found),
        "skipped": skipped_json(given.skipped),
    }


def extremes(found: Found, rows: torch.Tensor, count: int, *, most: bool) -> torch.Tensor:
    """The `count` most or least unusual of the pictures at `rows` (n,): their rows."""
    order = found.scores.score[rows].argsort(descending=most, stable=True)
    return rows[order[:count]]


def _row(entry: dict[str, Any]) -> list[str]:
    name = [entry["file"]] if "file" in entry else [f"number {entry['row']}", entry["class"]]
    part = entry["as_unusual"]
    return [
        *name,
        f"{entry['score']:.2f}",
        f"{entry['error']:.2f}",
        f"{entry['distance']:.2f}",
        "none" if part == 0 else f"{part:.1%}",
    ]
