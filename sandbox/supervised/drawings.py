"""What a classifier's run looks like: its curve, its confusion matrix, its worst answers, its confidence."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sandbox.core.metrics import read_metrics
from sandbox.core.run import Run
from sandbox.data.pictures import Pictures
from sandbox.supervised.measure import Measured
from sandbox.ui.answer_plots import Captioned, reliability, top_losses
from sandbox.ui.fit_plots import confusion, fit_curve


def draw_curve(run: Run) -> Path | None:
    """Draw `plots/accuracy.png`; None where nothing is logged yet."""
    metrics = read_metrics(run.metrics_path)
    if not metrics:
        return None
    return fit_curve(
        run.plots_dir / "accuracy.png",
        metrics,
        title=title_of(run.info),
        metric="accuracy",
        higher_is_better=True,
    )


def draw_confusion(run: Run, measured: Measured, classes: Sequence[str], split: str) -> Path:
    """Draw `plots/confusion-<split>.png`."""
    return confusion(
        run.plots_dir / f"confusion-{split}.png",
        measured.confusion,
        classes,
        title=title_of(run.info),
        subtitle=f"{measured.accuracy:.2%} of {measured.n:,} {split} pictures are classified right",
    )


def draw_top_losses(run: Run, measured: Measured, pictures: Pictures, split: str) -> Path:
    """Draw `plots/top-losses-<split>.png`: the pictures that surprised the classifier most."""
    cells = []
    for hard in measured.hardest:
        truth, answer = pictures.classes[hard.truth], pictures.classes[hard.answer]
        right = hard.truth == hard.answer
        text = (
            f"{truth} at {hard.probability:.0%}"
            if right
            else f"{truth}, not {answer} ({hard.probability:.0%})"
        )
        cells.append(Captioned(pictures.images[hard.row].cpu().numpy(), text, right))
    return top_losses(
        run.plots_dir / f"top-losses-{split}.png",
        cells,
        title=title_of(run.info),
        subtitle=f"of {measured.n:,} {split} pictures those with the highest loss: what they show, what it "
        "said instead, and how sure it was",
    )


def draw_reliability(run: Run, measured: Measured, split: str) -> Path:
    """Draw `plots/reliability-<split>.png`: whether answers are as often right as they are sure."""
    error = measured.reliability.error
    return reliability(
        run.plots_dir / f"reliability-{split}.png",
        measured.reliability.rows(),
        title=title_of(run.info),
        subtitle=f"{measured.n:,} {split} pictures by the confidence of their answer; "
        f"expected calibration error {error:.2%}",
    )


def title_of(info: dict[str, Any]) -> str:
    """Model, data and seed of a run, for people."""
    from sandbox.data.catalog import label

    return f"{info['model']} on {label(info['data'])}, seed {info['seed']}"
