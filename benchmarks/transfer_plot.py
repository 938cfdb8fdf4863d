"""The transfer matrix as a heat map: how much each backbone helps or hurts, beside starting from scratch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.transfer_runs import COLUMNS
from benchmarks.transfer_tables import ALONE, TOTAL, tables
from sandbox.core.statistics import student_interval
from sandbox.core.theme import LIGHT, PLOT_FONT_PT
from sandbox.ui.chart import QUIET, page, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH_INCHES, ROW_INCHES, ABOVE_INCHES, BELOW_INCHES = 12.0, 0.34, 1.75, 0.35
COLOURS = (LIGHT.series[1], LIGHT.background, LIGHT.series[0])
"""worse, equal, better: vermilion, white, blue"""
PANELS = (("gains", TOTAL), ("gains_alone", ALONE))


def heat_map(path: Path, cells: Sequence[Mapping[str, Any]]) -> Path:
    """Draw gains over starting from scratch to the PNG ``path``: a row a backbone, a column a task.

    A number is the mean of the seeds' differences; bold where Student's 95 % interval leaves zero out. All of
    a column share their trainings from scratch. Colours are relative to the largest difference of a column in
    either panel.

    Args:
        cells: those of `bench transfer`, of all seeds.

    Raises:
        OSError: it cannot be written.
    """
    columns = [column for column in COLUMNS if any(cell["column"] == column.name for cell in cells)]
    found = tables([dict(cell) for cell in cells], columns)
    names = list(
        dict.fromkeys(cell["learned_by"] for cell in cells if cell["learned_by"] not in (TOTAL, ALONE))
    )
    seeds = len({cell["seed"] for cell in cells})
    height = ABOVE_INCHES + ROW_INCHES * len(names) + BELOW_INCHES
    figure = page("What a backbone that was learned elsewhere is worth")
    figure.set_size_inches(WIDTH_INCHES, height)
    figure.texts[0].set_position((0.02, 1 - 0.42 / height))
    told = f"difference of the scores, {f'mean of {seeds} seeds' if seeds > 1 else 'one seed'}"
    if seeds > 1:
        told += (
            "  ·  bold: Student's 95 % interval leaves zero out  ·  a column shares its training from scratch"
        )
    figure.text(0.02, 1 - 0.72 / height, told, fontsize=PLOT_FONT_PT.body, color=QUIET)
    differences = [_differences(found[table], names) for table, _ in PANELS]
    largest = np.nanmax(
        [[abs(_middle(each)) for each in row] for panel in differences for row in panel], axis=0
    )
    for index, (panel, (_, against)) in enumerate(zip(differences, PANELS, strict=True)):
        box = (0.185 + 0.41 * index, BELOW_INCHES / height, 0.395, ROW_INCHES * len(names) / height)
        axes = figure.add_axes(box)
        _panel(axes, panel, largest, [column.shown for column in columns])
        axes.set_yticks(range(len(names)), names if index == 0 else [""] * len(names))
        figure.text(
            box[0], 1 - 1.08 / height, f"against {against}", fontsize=PLOT_FONT_PT.body, color=LIGHT.ink
        )
    return save(figure, path)


def _differences(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[list[list[float]]]:
    """(names, columns) -> a difference for each seed; none where nothing was measured."""
    by, *keys = rows[0]
    own = {name: [row for row in rows if row[by] == name] for name in names}
    return [[[row[key] for row in own[name] if row[key] is not None] for key in keys] for name in names]


def _middle(values: Sequence[float]) -> float:
    return fmean(values) if values else float("nan")


def _panel(
    axes: Axes, panel: Sequence[Sequence[Sequence[float]]], largest: np.ndarray, titles: list[str]
) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    middles = np.array([[_middle(each) for each in row] for row in panel])
    colours = LinearSegmentedColormap.from_list("worse to better", COLOURS)
    axes.imshow(middles / np.where(largest > 0, largest, 1), cmap=colours, vmin=-1.4, vmax=1.4, aspect="auto")
    for row, values in enumerate(panel):
        for column, each in enumerate(values):
            interval = student_interval(each)
            sure = interval is not None and (interval[0] > 0 or interval[1] < 0)
            digits = 1 if largest[column] >= 10 else 2
            shown = round(float(middles[row, column]), digits) + 0.0  # no minus before a zero
            text = f"{shown:+.{digits}f}".replace("-", "−") if each else "–"
            axes.text(
                column, row, text, ha="center", va="center", color=LIGHT.ink, fontsize=PLOT_FONT_PT.body,
                fontweight="bold" if sure else "normal",
            )  # fmt: skip
    axes.set_xticks(range(len(titles)), [title.replace(", ", "\n") for title in titles])
    axes.tick_params(length=0, labelsize=PLOT_FONT_PT.small, colors=QUIET, labeltop=True, labelbottom=False)
    axes.spines[:].set_visible(False)
