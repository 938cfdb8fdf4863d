"""What the pictures of several lessons are drawn with: panels, labelled curves, maps, small pictures.

A lesson takes a `sheet` of panels and draws into each. Curves are labelled at their ends, not in a legend.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sandbox.core.theme import LIGHT, PLOT_FONT_PT
from sandbox.ui.chart import COLOURS, INK, QUIET, Label, page, short_count, spread_out, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEFT_INCHES, RIGHT_INCHES = 0.65, 0.35
ABOVE_INCHES, BETWEEN_INCHES, BELOW_INCHES = 1.35, 0.95, 0.65
LINE_INCHES = 0.19
"""height of a label"""
DOT_POINTS = 8.0
"""width of a dot that is labelled"""


def sheet(
    title: str,
    subtitle: str,
    *,
    rows: int = 1,
    columns: int = 2,
    width_inches: float = 12.0,
    panel_inches: float = 4.2,
    label_inches: float | Sequence[float] = 1.2,
    between_inches: float = BETWEEN_INCHES,
    below_inches: float = BELOW_INCHES,
    shares: Sequence[float] | None = None,
) -> tuple[Figure, list[list[Axes]]]:
    """A page with a title, a line below it that says what was done, and panels.

    Args:
        rows, columns: how many panels.
        width_inches: of the page.
        panel_inches: height of a panel.
        label_inches: room to the right of each panel for the labels of its curves, or of each column.
        between_inches: from one row of panels to the next.
        below_inches: for the numbers and the name of the horizontal axis.
        shares: the panels' widths in proportion to each other; all equal, unless given.

    Returns:
        The figure, and its axes as rows of columns.
    """
    height = ABOVE_INCHES + rows * (panel_inches + between_inches) - between_inches + below_inches
    figure = page(title)
    figure.set_size_inches(width_inches, height)
    figure.texts[0].set_position((0.25 / width_inches, 1 - 0.42 / height))
    at = (0.25 / width_inches, 1 - 0.72 / height)
    figure.text(*at, subtitle, fontsize=PLOT_FONT_PT.body, color=QUIET)
    parts, labels = np.array(shares or [1.0] * columns), np.broadcast_to(label_inches, columns)
    room = width_inches - RIGHT_INCHES - columns * LEFT_INCHES - labels.sum()
    widths = room * parts / parts.sum()
    lefts = LEFT_INCHES + np.cumsum([0.0, *(widths + labels + LEFT_INCHES)[:-1]])
    axes = []
    for row in range(rows):
        bottom = height - ABOVE_INCHES - panel_inches - row * (panel_inches + between_inches)
        axes.append(
            [
                figure.add_axes((x / width_inches, bottom / height, w / width_inches, panel_inches / height))
                for x, w in zip(lefts, widths, strict=True)
            ]
        )
    return figure, axes


def joined(first: Axes, last: Axes) -> Axes:
    """One panel in the place of two that stand in one row or column, and of what lies between them."""
    from matplotlib.transforms import Bbox

    first.set_position(Bbox.union([first.get_position(), last.get_position()]))
    last.remove()
    return first


def headed(axes: Axes, title: str, horizontal: str = "") -> Axes:
    """Our look of a panel; ``title`` says what is drawn upwards, ``horizontal`` what from left to right."""
    from matplotlib.ticker import FuncFormatter

    style(axes, horizontal)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda count, _: short_count(count).replace("-", "−")))
    axes.tick_params(which="minor", length=0)
    axes.set_title(title, loc="left", fontsize=PLOT_FONT_PT.body, fontweight="bold", color=INK, pad=10)
    return axes


def draw_curves(
    axes: Axes,
    curves: Mapping[str, tuple[ArrayLike, ArrayLike]],
    *,
    log: bool = False,
    colours: Sequence[str] = COLOURS,
    **look: Any,
) -> None:
    """Draw curves, each ``label: (x, y)``, and write each label where its curve ends.

    Args:
        log: a logarithmic scale upwards.
        colours: of the curves, in their order.
        look: goes to matplotlib's ``plot``, as ``linestyle="--"``.
    """
    if log:
        axes.set_yscale("log")
        axes.tick_params(which="minor", length=0)
    ends = []
    for number, (label, (x, y)) in enumerate(curves.items()):
        colour = colours[number % len(colours)]
        heights = np.asarray(y, dtype=float)
        axes.plot(np.asarray(x, dtype=float), heights, **{"color": colour, "linewidth": 2.0, **look})
        known = heights[np.isfinite(heights)]
        ends.append(Label(float(known[-1]) if known.size else 0.0, label, colour))
    label_ends(axes, ends)


def label_ends(axes: Axes, labels: Sequence[Label]) -> None:
    """Write labels to the right of the panel at their heights, none over another. Set the limits before."""
    labels = sorted(labels, key=lambda label: label.height)
    axes.get_ylim()  # matplotlib settles the limits only when it is asked for them
    bottom, top = axes.transAxes.transform([(0, 0), (0, 1)])[:, 1]
    marks = axes.transData.transform([(1.0, label.height) for label in labels])[:, 1]
    wanted = np.clip(np.nan_to_num((marks - bottom) / (top - bottom), nan=0.0), 0.0, 1.0)
    lines = np.array([label.text.count("\n") + 1 for label in labels])
    figure_inches = axes.figure.get_figure(root=True).get_size_inches()[1]  # type: ignore[union-attr]
    gap = LINE_INCHES * lines.max(initial=1) / (figure_inches * axes.get_position().height)
    for label, height in zip(labels, spread_out(wanted, gap), strict=True):
        axes.text(1.02, height, label.text, transform=axes.transAxes, color=label.colour,
                  fontsize=PLOT_FONT_PT.body, fontweight="bold", verticalalignment="center")  # fmt: skip


def smooth(numbers: ArrayLike, count: int) -> NDArray[np.floating]:
    """Means of so many numbers in succession: (n,) -> (n - count + 1,)."""
    return np.convolve(np.asarray(numbers, dtype=float), np.ones(count) / count, "valid")


def loss_map(axes: Axes, x: NDArray[Any], y: NDArray[Any], loss: NDArray[Any], levels: int = 14) -> None:
    """A surface seen from above: the deeper, the paler; contour lines at equal ratios of the loss.

    Args:
        x, y: (columns,) and (rows,).
        loss: (rows, columns), above 0.
    """
    from matplotlib.colors import LinearSegmentedColormap

    shades = LinearSegmentedColormap.from_list("loss", ["#FFFFFF", "#E6EAF0", "#BCC6D4"])
    heights = np.log(loss)
    steps = np.linspace(heights.min(), heights.max(), levels)
    axes.contourf(x, y, heights, steps, cmap=shades, zorder=0)
    axes.contour(x, y, heights, steps, colors=LIGHT.edge, linewidths=0.6, linestyles="solid", zorder=1)
    axes.grid(visible=False)


def draw_path(axes: Axes, path: NDArray[Any], colour: str, **look: Any) -> None:
    """A way over a map, (points, 2) as x and y, with a dot at its end."""
    axes.plot(path[:, 0], path[:, 1], **{"color": colour, "linewidth": 1.8, **look})
    axes.plot(*path[-1], "o", color=colour, markersize=6, markeredgecolor="white", zorder=6)


def say(axes: Axes, x: float, y: float, text: str, colour: str = QUIET, **look: Any) -> None:
    """Write into a panel, at a place in its data."""
    axes.text(x, y, text, color=colour, **{"fontsize": PLOT_FONT_PT.small, **look})


def label_dots(axes: Axes, places: NDArray[Any], texts: Sequence[str], colour: str = INK) -> None:
    """Write a short text beside each dot (n, 2), where no other dot or text is in its way, if there is room.

    To the right where that is free, else to the left, above or below. Set the limits before.
    """
    points = 72 / axes.figure.get_figure(root=True).dpi  # type: ignore[union-attr]
    dots = axes.transData.transform(places) * points
    corners = axes.transAxes.transform([(0, 0), (1, 1)]) * points
    taken = [(dot, np.full(2, DOT_POINTS)) for dot in dots]
    for dot, text in zip(dots, texts, strict=True):
        size = PLOT_FONT_PT.small * np.array([0.7 * len(text), 1.0])

        def in_the_way(side: NDArray[Any], dot: NDArray[Any] = dot, size: NDArray[Any] = size) -> int:
            middle = dot + side * (size / 2 + DOT_POINTS)
            outside = (middle - size / 2 < corners[0]).any() or (middle + size / 2 > corners[1]).any()
            return outside + sum((abs(middle - at) < (size + wide) / 2).all() for at, wide in taken)

        side = min(np.array([(1, 0), (-1, 0), (0, 1), (0, -1)]), key=in_the_way)
        middle = dot + side * (size / 2 + DOT_POINTS)
        taken.append((middle, size))
        x, y = axes.transData.inverted().transform(middle / points)
        say(axes, x, y, text, colour, ha="center", va="center", fontweight="bold")


def value_map(
    axes: Axes,
    values: NDArray[Any],
    arrows: NDArray[Any] | None = None,
    texts: Mapping[tuple[int, int], str] | None = None,
) -> None:
    """Numbers of the cells of a grid as colours, each written into its cell.

    Args:
        values: (rows, columns); NaN for a wall.
        arrows: (rows, columns, 2), how far right and up an arrow of each cell points; 0, 0 for none.
        texts: (row, column) -> what stands in a cell instead of its number.
    """
    from matplotlib.colors import LinearSegmentedColormap

    shades = LinearSegmentedColormap.from_list("values", ["#EEF3F8", "#C3DDEF", COLOURS[0]])
    axes.imshow(np.ma.masked_invalid(values), cmap=shades.with_extremes(bad=INK), aspect="equal")
    axes.set_axis_off()
    rows, columns = values.shape
    for cut in range(rows + 1):
        axes.plot([-0.5, columns - 0.5], [cut - 0.5] * 2, color="white", linewidth=2)
    for cut in range(columns + 1):
        axes.plot([cut - 0.5] * 2, [-0.5, rows - 0.5], color="white", linewidth=2)
    high = np.nanmin(values) + 0.75 * (np.nanmax(values) - np.nanmin(values))
    for row, column in np.argwhere(np.isfinite(values)):
        ink = "white" if values[row, column] > high else INK
        special = (texts or {}).get((row, column))
        shown = special or f"{values[row, column]:.2f}".replace("-", "−")
        bold = {"fontweight": "bold"} if special else {}
        say(axes, column, row + (0 if special else 0.3), shown, ink, ha="center", va="center", **bold)
        if arrows is not None and np.any(arrows[row, column]) and not special:
            right, up = 0.17 * arrows[row, column]
            axes.annotate("", (column + right, row - 0.14 - up), (column - right, row - 0.14 + up),
                          arrowprops={"arrowstyle": "-|>", "color": ink, "linewidth": 1.6})  # fmt: skip


def picture_strip(
    figure: Figure,
    pictures: Sequence[NDArray[Any]],
    captions: Sequence[str] = (),
    *,
    left: float,
    top: float,
    side: float,
    gap: float = 0.12,
    colours: Sequence[str] = (),
) -> None:
    """Small pictures in a row, nothing smoothed, with captions below; all places in inches of the page.

    Args:
        pictures: each (height, width) or (height, width, 3); of floats, from 0 to 1.
        captions: one for each picture.
        left, top: of the first picture, from the page's upper left corner.
        side: of a picture.
        colours: of the captions; grey, unless given.
    """
    width, height = figure.get_size_inches()
    for number, picture in enumerate(pictures):
        x, y = left + number * (side + gap), height - top - side
        axes = figure.add_axes((x / width, y / height, side / width, side / height))
        top_value = 255 if picture.dtype == np.uint8 else 1.0
        axes.imshow(picture, cmap="gray", vmin=0, vmax=top_value, interpolation="nearest")
        axes.set_axis_off()
        if number < len(captions):
            colour = colours[number] if colours else QUIET
            figure.text((x + side / 2) / width, (y - 0.06) / height, captions[number], color=colour,
                        fontsize=PLOT_FONT_PT.small, ha="center", va="top")  # fmt: skip
