"""What a classifier's run looks like: its curve, and its confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sandbox.core.metrics import read_metrics
from sandbox.core.run import Run
from sandbox.supervised.measure import Measured
from sandbox.ui.fit_plots import confusion, fit_curve


def draw_curve(run: Run) -> Path | None:
    """Draw `plots/accuracy.png`; None where nothing is logged yet."""
    metrics = read_metrics(run.metrics_path)
    if not metrics:
        return None
    return fit_curve(
        run.plots_dir / "accuracy.png",
        metrics,
        title=_title(run.info),
        metric="accuracy",
        higher_is_better=True,
    )


def draw_confusion(run: Run, measured: Measured, classes: Sequence[str], split: str) -> Path:
    """Draw `plots/confusion-<split>.png`."""
    return confusion(
        run.plots_dir / f"confusion-{split}.png",
        measured.confusion,
        classes,
        title=_title(run.info),
        subtitle=f"{measured.accuracy:.2%} of {measured.n:,} {split} pictures are classified right",
    )


def _title(info: dict[str, Any]) -> str:
    return f"{info['model']} on {info['data']}, seed {info['seed']}"
