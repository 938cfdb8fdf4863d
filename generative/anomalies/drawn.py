"""Drawings of `anomalies`: the most and the least unusual pictures, and the scores of all."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from generative.anomalies.found import LIMITS, Found, groups
from generative.anomalies.given import Given
from generative.anomalies.separation import roc
from generative.anomalies.told import extremes
from generative.drawings import short, title_of
from generative.opened import Opened
from generative.passes import decoded, embedded
from sandbox.ui.anomaly_plots import Group, score_plot
from sandbox.ui.grids import Row, picture_grid

COLUMNS = 10


def draw_extremes(path: Path, opened: Opened, given: Given, found: Found) -> Path:
    """Draw the most and the least unusual pictures over their reconstructions to the PNG `path`.

    Where labels say what is normal: also the most unusual normal ones, and the least unusual others.
    """
    everything = torch.arange(len(given.pictures))
    most = extremes(found, everything, COLUMNS, most=True)
    # A few pictures are not shown twice.
    least = extremes(found, everything, max(0, min(COLUMNS, len(everything) - len(most))), most=False)
    blocks = [("most unusual", most)]
    if given.normal is not None:
        normal, others = everything[given.normal], everything[~given.normal]
        blocks.append(("unusual normal", extremes(found, normal, COLUMNS, most=True)))
        blocks.append(("usual others", extremes(found, others, COLUMNS, most=False)))
    blocks.append(("least unusual", least))
    return picture_grid(
        path,
        [row for label, rows in blocks if len(rows) for row in _rows(label, rows, opened, given, found)],
        title=title_of(opened.run.info),
        subtitle=f"{len(everything):,} {given.source}  ·  above: score, 0 is usual  ·  below: reconstruction",
    )


def _rows(label: str, rows: Tensor, opened: Opened, given: Given, found: Found) -> list[Row]:
    some = given.pictures.take(rows)
    back = decoded(opened.coder, embedded(opened.coder, some))
    scores, classes = found.scores.score[rows].tolist(), some.labels.tolist()
    names = [short(given.pictures.classes[number]) for number in classes]
    above = [f"{name}  {_written(score)}".strip() for name, score in zip(names, scores, strict=True)]
    return [Row(label, "", some.images.cpu().numpy(), above), Row("", "", back.numpy())]


def draw_scores(path: Path, opened: Opened, given: Given, found: Found) -> Path:
    """Draw how the scores are distributed, and the ROC curve where labels say what is normal, to `path`."""
    held_out = Group(f"{len(found.normality.errors):,} held-out normal ones", found.normality.usual.numpy())
    limits = {f"{part:.0%}": found.normality.limit(part) for part in LIMITS}
    title, count = title_of(opened.run.info), len(given.pictures)
    if found.separation is None:
        asked = Group(f"{count:,} {given.source}", found.scores.score.numpy())
        return score_plot(path, [held_out, asked], limits, title=title, subtitle="How unusual pictures are")
    normal, others = groups(found.scores, given)
    told = found.separation
    area = f"AUROC {told.auroc:.3f}, 95 % interval {told.low:.3f} to {told.high:.3f}"
    return score_plot(
        path,
        [Group(f"{told.normal:,} normal ones", normal), Group(f"{told.others:,} others", others)],
        limits,
        title=title,
        subtitle=f"{count:,} {given.source}  ·  {area}",
        curve=roc(normal, others),
    )


def _written(score: float) -> str:
    """With a real minus, and none before a zero."""
    return f"{round(score, 1) + 0.0:.1f}".replace("-", "−")
