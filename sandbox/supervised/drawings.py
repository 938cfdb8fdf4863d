"""What a classifier's run looks like: its curve, its confusion matrix, its worst answers, its confidence."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.core.metrics import read_metrics
from sandbox.core.run import Run
from sandbox.data.pictures import Pictures
from sandbox.supervised.measure import Measured
from sandbox.ui.answer_plots import Answered, Captioned, predictions, reliability, top_losses
from sandbox.ui.fit_plots import confusion, fit_curve

if TYPE_CHECKING:
    from sandbox.supervised.prediction.answers import Answer
    from sandbox.supervised.prediction.given import Given


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
    said = "what they show, what it said instead, and how sure it was"
    if measured.accuracy == 1:
        said = "none was wrong; what they show, and how sure it was"
    return top_losses(
        run.plots_dir / f"top-losses-{split}.png",
        cells,
        title=title_of(run.info),
        subtitle=f"of {measured.n:,} {split} pictures those with the highest loss: {said}",
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


def draw_predictions(path: Path, run: Run, answers: Sequence[tuple[Given, Answer]], there_are: int) -> Path:
    """Draw pictures beside what the network sees of them, and its answers as bars, to the PNG `path`."""
    more = "" if there_are == len(answers) else f"the first {len(answers)} of {there_are} pictures: "
    return predictions(
        path,
        [
            Answered(one.name, one.original, one.seen, found.ranked[:3], found.familiar is False)
            for one, found in answers
        ],
        title=title_of(run.info),
        subtitle=f"{more}as they are, as the network sees them, and what it answers",
    )


def title_of(info: dict[str, Any]) -> str:
    """Model, data and seed of a run, for people."""
    from sandbox.data.catalog import label

    return f"{info['model']} on {label(info['data'])}, seed {info['seed']}"
