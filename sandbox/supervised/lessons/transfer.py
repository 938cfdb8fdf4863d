"""Transfer: what one net has learned, another can start from.

A backbone learns MNIST's digits 0 to 4 from many pictures. Then somebody comes with the digits 5 to 9, and
has 5, 10 or 50 pictures of each. A new net may learn from scratch, or start from the backbone: frozen, so
that only a new last layer is learned, or fine-tuned as a whole, at half the rate. The new digits are others,
but strokes, bends and loops are the same. A backbone that learned hands from Sign MNIST has seen edges, but
never a stroke: it helps far less.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from sandbox.core.errors import NotFound
from sandbox.core.lesson import Desk, Taught
from sandbox.core.seeding import derive_seed
from sandbox.data.augment import preset
from sandbox.data.catalog import load
from sandbox.data.pictures import Dataset, Pictures, subset
from sandbox.nn.backbone import Backbone, build_backbone
from sandbox.nn.batches import Augment
from sandbox.nn.transfer import transfer
from sandbox.supervised.lessons.amount_of_data import found
from sandbox.supervised.lessons.small_nets import fitted
from sandbox.supervised.models import BackboneClassifier
from sandbox.ui.chart import COLOURS
from sandbox.ui.lesson_charts import draw_curves, headed, sheet

if TYPE_CHECKING:
    from matplotlib.axes import Axes

KNOWN, NEW = (0, 4), (5, 9)
CANVAS, DIGIT = 16, 8
WAYS = ("from scratch", "fine-tuned", "frozen")
RATE, TUNED_RATE = 3e-3, 1.5e-3


def digits_of(data: Dataset, split: str, ends: tuple[int, int], most: int, seed: int) -> Pictures:
    """At most so many pictures of the digits from one end to the other, labelled from 0.

    Those of MNIST as they are. The small digits alone are too easy: they are put anywhere on a larger
    canvas, four times each.
    """
    pictures = data.split(split)
    rows = ((pictures.labels >= ends[0]) & (pictures.labels <= ends[1])).nonzero().flatten()[:most]
    some = Pictures(pictures.images[rows], pictures.labels[rows] - ends[0], tuple("01234"))
    return some if data.name == "mnist" else scattered(some, 4, seed)


def scattered(pictures: Pictures, times: int, seed: int) -> Pictures:
    """Each picture `times` on a black canvas (1, 16, 16), somewhere."""
    draw = torch.Generator().manual_seed(seed)
    images, labels = pictures.images.repeat(times, 1, 1, 1), pictures.labels.repeat(times)
    canvas = torch.zeros(len(images), 1, CANVAS, CANVAS, dtype=torch.uint8)
    places = torch.randint(0, CANVAS - DIGIT + 1, (len(images), 2), generator=draw).tolist()
    for number, (top, left) in enumerate(places):
        canvas[number, :, top : top + DIGIT, left : left + DIGIT] = images[number]
    return Pictures(canvas, labels, pictures.classes)


def new_net(side: int, classes: int = 5) -> BackboneClassifier:
    """The smallest backbone, which keeps more detail where pictures are small."""
    backbone = build_backbone("tiny", 1) if side > CANVAS else Backbone(1, (12, 24, 48))
    return BackboneClassifier(backbone, classes)


def started(way: str, side: int, source: Backbone) -> BackboneClassifier:
    """A net before it has seen a new digit."""
    net = new_net(side)
    if way != "from scratch":
        transfer(source, net.backbone)
    if way == "frozen":
        net.backbone.requires_grad_(False)
    return net


def learn_source(pictures: Pictures, seed: int, steps: int, augment: Augment | None) -> Backbone:
    """The backbone that has learned these pictures."""
    how: dict = {"augment": augment, "steps": steps, "batch_size": 64, "learning_rate": RATE}
    net = fitted(lambda: new_net(pictures.shape[1], len(pictures.classes)), pictures, seed, **how).model
    return net.backbone  # type: ignore[return-value]


def hands(desk: Desk, steps: int) -> dict[str, tuple[str, Backbone]]:
    """One more way to start, from what Sign MNIST teaches; none where that is not found."""
    try:
        signs = load("sign_mnist", desk.data_dir).train
    except NotFound:
        return {}
    desk.note(f"learning signed letters from {len(signs):,} pictures")
    source = learn_source(signs, desk.seed, steps, preset("sign_mnist"))
    return {"fine-tuned from Sign MNIST": ("fine-tuned", source)}


def teach(
    desk: Desk, *, sizes: Sequence[int] = (5, 10, 50), draws: int = 3, steps: int = 80, first_steps: int = 300
) -> Taught:
    """Learn the new digits in each way, from several draws of the pictures."""
    data = found(desk)
    known, new = (digits_of(data, "train", ends, 20_000, desk.seed) for ends in (KNOWN, NEW))
    test = digits_of(data, "test", NEW, 1_000, derive_seed(desk.seed, "test"))
    side = known.shape[1]
    desk.note(f"learning {KNOWN[0]} to {KNOWN[1]} from {len(known):,} pictures")
    augment = preset("mnist") if data.name == "mnist" else None
    source = learn_source(known, desk.seed, first_steps, augment)
    ways = {way: (way, source) for way in WAYS}
    ways |= hands(desk, first_steps) if data.name == "mnist" else {}
    scores: dict[str, np.ndarray] = {}
    for name, (way, backbone) in ways.items():
        desk.note(f"learning {NEW[0]} to {NEW[1]} {name}")
        rate = TUNED_RATE if way == "fine-tuned" else RATE
        scores[name] = 100 * np.array([
            [fitted(lambda way=way, it=backbone: started(way, side, it),
                    subset(new, per_class=size, seed=seed), seed, steps=steps, batch_size=25,
                    learning_rate=rate).evaluate(test)["accuracy"]
             for size in sizes]
            for seed in (derive_seed(desk.seed, "draw", draw) for draw in range(draws))
        ])  # (draws, sizes)  # fmt: skip

    what = f"the backbone learned from {len(known):,} " + (
        "of MNIST's 0 to 4" if side > CANVAS else "small 0 to 4 on a larger canvas (MNIST was not found)"
    )
    more = "; one more from the hands of Sign MNIST" if len(ways) > len(WAYS) else ""
    figure, ((axes,),) = sheet(
        "Transfer: knowing 0 to 4 helps to learn 5 to 9" + (", knowing hands far less" if more else ""),
        what + more, columns=1, width_inches=10.5, panel_inches=4.2, label_inches=2.6 if more else 1.5,
    )  # fmt: skip
    headed(axes, f"Accuracy on {len(test):,} pictures of 5 to 9, in %: mean and range of {draws} draws")
    draw_scores(axes, sizes, scores)
    mean = {way: some.mean(axis=0) for way, some in scores.items()}
    apart = max(float(np.ptp(some[:, 0])) for some in scores.values())
    gain = max(some[0] for some in mean.values()) - mean["from scratch"][0]
    tuned, frozen = (scores[way][:, -1] for way in WAYS[1:])
    best = "tuning" if tuned.min() > frozen.max() else "freezing" if frozen.min() > tuned.max() else ""
    shown = f"{best} was better in all draws" if best else "the draws of fine-tuned and frozen overlap"
    return Taught(figure, (
        f"With {sizes[0]} pictures of each new digit: "
        + ", ".join(f"{way} {some[0]:.1f} %" for way, some in mean.items())
        + f": a gain of up to {gain:.1f} points.",
        f"With {sizes[-1]}: " + ", ".join(f"{way} {some[-1]:.1f} %" for way, some in mean.items())
        + f": {shown}.",
        f"The whiskers: draws of {sizes[0]} a class differ by up to {apart:.1f} points; one proves little.",
    ))  # fmt: skip


def draw_scores(axes: Axes, sizes: Sequence[int], scores: Mapping[str, np.ndarray]) -> None:
    """A curve for each way, with whiskers from the lowest to the highest draw."""
    places = np.arange(len(sizes))
    axes.set(xlim=(-0.2, len(sizes) - 0.8))
    axes.set_xticks(places, [f"{size} a class" for size in sizes])
    curves = {}
    for number, ((way, some), colour) in enumerate(zip(scores.items(), COLOURS, strict=False)):
        at = places + 0.04 * (number - 1)
        axes.vlines(at, some.min(axis=0), some.max(axis=0), color=colour, linewidth=2, alpha=0.5)
        curves[way] = (at, some.mean(axis=0))
    draw_curves(axes, curves, marker="o")
