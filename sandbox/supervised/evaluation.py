"""What `evaluate` says of a classifier: to people in three short tables, to scripts in full."""

from __future__ import annotations

import math
from typing import Any

from sandbox.core.run import Run
from sandbox.data.pictures import Pictures
from sandbox.supervised.config import ClassifierConfig
from sandbox.supervised.drawings import draw_confusion, draw_reliability, draw_top_losses
from sandbox.supervised.measure import Measured
from sandbox.ui.console import Console

SCHEMA = "sandbox.classifier/1"
MOST_ROWS = 5
"""classes and pairs that people see; scripts get all"""
COLUMNS = ("class", "n", "precision", "recall", "f1")


def tell(
    run: Run, config: ClassifierConfig, measured: Measured, pictures: Pictures, split: str, console: Console
) -> None:
    """Print what was measured, and draw `plots/confusion-…`, `reliability-…` and `top-losses-<split>.png`."""
    from sandbox.data.catalog import label
    from sandbox.supervised.commands import told

    score, classes = measured.summary(split), pictures.classes
    low, high = score["interval"]
    console.table(
        ["measure", "value", "meaning"],
        [
            ["accuracy", f"{score['accuracy']:.2%}", f"95 %: {low:.2%} to {high:.2%}"],
            ["macro F1", f"{score['macro_f1']:.2%}", "mean over the classes, small ones count as large ones"],
            ["loss", f"{score['loss']:.4f}", "mean cross-entropy in nats"],
            ["calibration error", f"{score['calibration_error']:.2%}", "how far confidence is from accuracy"],
        ],
        title=f"{config.model} on {label(config.data)}, {measured.n:,} {split} pictures",
    )
    _tell_worst(measured, pictures, console)
    console.print(f"{run.name}: {told(score)}")
    for name, path in (
        ("confusion", draw_confusion(run, measured, classes, split)),
        ("reliability", draw_reliability(run, measured, split)),
        ("top losses", draw_top_losses(run, measured, pictures, split)),
    ):
        console.print(f"{name:<12}{run.relative() / path.relative_to(run.path)}")


def outcome(
    run: Run,
    config: ClassifierConfig,
    step: int,
    measured: Measured,
    pictures: Pictures,
    split: str,
    copies: int,
) -> dict[str, Any]:
    """What `evaluate --json` prints."""
    names = pictures.classes
    return {
        "schema": SCHEMA,
        "run": str(run.path),
        "data": config.data,
        "model": config.model,
        "seed": config.seed,
        "steps": step,
        "tta": copies,
        "evaluation": measured.summary(split),
        "classes": [dict(zip(COLUMNS, row[:5], strict=True)) for row in measured.table(names)],
        "confused": [
            {"class": names[pair.truth], "taken_for": names[pair.answer], "n": pair.pictures}
            for pair in measured.confused()
        ],
        "reliability": measured.reliability.rows(),
        "top_losses": [
            {
                "row": hard.row,
                "class": names[hard.truth],
                "answer": names[hard.answer],
                "probability": round(hard.probability, 6),
                "loss": round(hard.loss, 6),
            }
            for hard in measured.hardest
        ],
        "confusion": measured.confusion.tolist(),
    }


def _tell_worst(measured: Measured, pictures: Pictures, console: Console) -> None:
    """The classes and the pairs with which it has most trouble; nothing where there is none."""
    flawed = [
        (f1, row)
        for f1, row in zip(measured.f1, measured.table(pictures.classes), strict=True)
        if not math.isnan(f1) and f1 < 1
    ]
    worst = [row for _, row in sorted(flawed, key=lambda pair: pair[0])[:MOST_ROWS]]
    cells = [[f"{cell:.4f}" if isinstance(cell, float) else cell for cell in row] for row in worst]
    if cells:
        columns = ["class", "pictures", "precision", "recall", "F1", "most often taken for"]
        console.table(columns, cells, title=_of("hardest classes", len(cells), len(pictures.classes)))
    pairs = measured.confused()
    if pairs:
        rows = [[pictures.classes[one.truth], pictures.classes[one.answer], one.pictures] for one in pairs]
        title = _of("most confused pairs", min(MOST_ROWS, len(rows)), len(rows))
        console.table(["true class", "taken for", "pictures"], rows[:MOST_ROWS], title=title)


def _of(what: str, shown: int, there_are: int) -> str:
    return what if shown == there_are else f"{what} ({shown} of {there_are})"
