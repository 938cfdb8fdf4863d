"""Learning curves as PNG pictures, drawn from the lines of ``metrics.jsonl``.

Lines are sparse: each series takes the lines that hold its key, and leaves out what is no finite number.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.core.theme import LIGHT
from sandbox.ui.chart import (
    COLOURS,
    Label,
    Metrics,
    Series,
    axes_on_page,
    duration,
    finish,
    is_number,
    message,
    readable,
    save,
    series,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TRAINING, EVALUATION, SPREAD = "rollout/ep_rew_mean", "eval/mean_reward", "eval/std_reward"

_SINGLE_CAPTION = "episode return  (training: mean of recent episodes, evaluation: mean ± standard deviation)"
_NOTHING_YET = "No episode has ended yet: there is nothing to draw."


def learning_curve(
    path: Path, metrics: Metrics, *, title: str, subtitle: str | None = None, threshold: float | None = None
) -> Path:
    """Draw one run to the PNG ``path`` (1200 by 675 pixels): returns in training and in evaluations.

    Evaluations are points with a bar (many of them: a band) of one standard deviation on either side;
    ``threshold`` is a dashed line. Without a ``subtitle``, one is made from the metrics. Metrics without any
    value give a picture that says so, so that a run which ends early ends well. Raises OSError when ``path``
    cannot be written.
    """
    training, evaluation = series(metrics, TRAINING), series(metrics, EVALUATION)
    if not training.steps.size and not evaluation.steps.size:
        return save(message(title, _NOTHING_YET), path)
    subtitle = _summary(metrics, evaluation) if subtitle is None else subtitle
    figure, axes = axes_on_page(title, subtitle, _SINGLE_CAPTION)
    labels = []
    if training.steps.size:
        dot = "o" if training.steps.size == 1 else ""
        axes.plot(*training, color=COLOURS[0], linewidth=2.2, marker=dot, clip_on=False, zorder=3)
        labels.append(Label(training.values[-1], "training", COLOURS[0]))
    if evaluation.steps.size:
        _draw_evaluations(axes, metrics, evaluation)
        labels.append(Label(evaluation.values[-1], "greedy evaluation", COLOURS[1]))
    finish(axes, labels, threshold)
    return save(figure, path)


def _summary(metrics: Metrics, evaluation: Series) -> str:
    parts = [f"{max(line['step'] for line in metrics):,} environment steps"]
    seconds = series(metrics, "time/seconds").values
    if seconds.size:
        parts.append(f"{duration(seconds[-1])} of training")
    if evaluation.values.size:
        parts.append(f"best evaluation {readable(evaluation.values.max())}")
    return "  ·  ".join(parts)


def _draw_evaluations(axes: Axes, metrics: Metrics, evaluation: Series) -> None:
    colour, few = COLOURS[1], evaluation.steps.size <= 40
    spread = series([line for line in metrics if is_number(line.get(EVALUATION))], SPREAD)
    if spread.steps.size == evaluation.steps.size:
        lower, upper = evaluation.values - spread.values, evaluation.values + spread.values
        if few:
            axes.vlines(evaluation.steps, lower, upper, color=colour, linewidth=1.2, alpha=0.35, zorder=4)
        else:
            axes.fill_between(evaluation.steps, lower, upper, color=colour, alpha=0.15, linewidth=0, zorder=2)
    axes.plot(*evaluation, color=colour, linewidth=1, alpha=0.6, zorder=4)
    axes.plot(
        *evaluation, "o", color=colour, markersize=6 if few else 2.5, markeredgecolor=LIGHT.background,
        markeredgewidth=1 if few else 0, clip_on=False, zorder=5,
    )  # fmt: skip
