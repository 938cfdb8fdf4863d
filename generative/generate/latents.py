"""What `generate` does with the latents of a VAE or an autoencoder: ways, walks and sums."""

from __future__ import annotations

from pathlib import Path

import torch

from generative.autoencoder import Autoencoder
from generative.generate import drawings, pictures
from generative.generate.arithmetic import parse_formula, summed, written
from generative.generate.codes import Codes, chosen_row, codes_of
from generative.generate.ends import find_end
from generative.generate.options import FRAMES, unlike_usual
from generative.generate.plane_plot import draw_plane, plane_marks
from generative.generate.subject import Made, Place, Subject, slug
from generative.generate.walk import walk_plane, walk_rows, way
from generative.passes import decoded
from generative.vae import VAE
from sandbox.core.errors import UsageError

PLANE_SIDE = 20
"""pictures in a row of a plane, unless others are asked for"""


def interpolate(subject: Subject, first: str, last: str, steps: int, place: Place) -> Made:
    """A strip from one picture to another, and an animation beside it."""
    model, learned = _coder(subject), subject.learned
    ends = (
        find_end(first, subject.test, learned, subject.seed, "first"),
        find_end(last, subject.test, learned, subject.seed, "last"),
    )
    smooth = drawings.smoothness(steps)
    finer = way(model, ends, learned, smooth * (steps - 1) + 1)
    ways = [
        ("" if len(finer) == 1 or label is None else f"as {model.classes[label]}", found[::smooth])
        for label, found in finer
    ]
    means = "posterior means" if isinstance(model, VAE) else "codes"
    between = Path(first).stem, Path(last).stem
    path = place(subject.samples, subject.file_name("interpolate", *between, unlike_usual(steps, FRAMES)))
    drawings.draw_way(path, ends, ways, f"linear between {means}  ·  {subject.said}")
    gif = drawings.animate_way(path.with_suffix(".gif"), [found for _, found in finer])
    labels = [model.classes[label] for label, _ in finer if label is not None]
    about = {"ends": [end.name for end in ends], "frames": steps, "classes": labels}
    return Made({"strip": path, "animation": gif}, about)


def walk(subject: Subject, name: str | None, steps: int | None, place: Place) -> Made:
    """What each latent does: a plane of two, else rows."""
    model, seed = _coder(subject), subject.seed
    label = _label(subject, name)
    codes = _codes(subject)
    normal = isinstance(model, VAE) and model.flow is None
    drawn = [] if label is None else [model.classes[label]]
    drawn_as = "".join(f"drawn as {one}  ·  " for one in drawn)
    if model.latent == 2:
        side = steps or PLANE_SIDE
        name = subject.file_name("walk", *drawn, unlike_usual(side, PLANE_SIDE), seeded=False)
        path = place(subject.samples, name)
        plane = walk_plane(model, codes.latents, label, side, normal=normal)
        of = "the standard normal prior" if normal else "the test pictures' codes"
        subtitle = f"{drawn_as}at quantiles of {of}  ·  {subject.said}"
        draw_plane(path, plane, plane_marks(codes.latents, normal=normal), codes.pictures, subtitle)
        return Made({"walk": path}, {"latents": [0, 1], "side": side})
    steps = steps or FRAMES
    path = place(subject.samples, subject.file_name("walk", *drawn, unlike_usual(steps, FRAMES)))
    row = chosen_row(subject.test, label, seed) if label is not None else seed % len(subject.test)
    rows = walk_rows(model, codes.latents, codes.latents[row], label, steps)
    vary = f"{rows.active} of {model.latent} latents vary"
    if len(rows.latents) < rows.active:
        most = len(rows.latents)
        vary = f"the {most} latents that vary most, of {rows.active} that do ({model.latent} in all)"
    subtitle = f"{drawn_as}{vary}  ·  all else as in test:{row}  ·  {subject.said}"
    drawings.draw_rows(path, rows, subtitle)
    return Made(
        {"walk": path}, {"latents": rows.latents, "deviations": rows.deviations, "active": rows.active}
    )


def add_up(subject: Subject, formula: str, place: Place) -> Made:
    """The picture of a formula.

    Raises:
        UsageError: the latents say nothing of the class.
    """
    model, learned = _coder(subject), subject.learned
    if model.classes:
        raise UsageError(
            f"{subject.name} is told the class, so its latents do not hold it: there is nothing to add up",
            hint="train one without --class-conditional",
        )
    terms = parse_formula(formula, learned)
    codes = _codes(subject)
    found = summed(codes, terms, learned)
    shown = decoded(model, torch.cat([found.terms, found.result[None]])).numpy()
    text = "".join(f"{'+' if term.sign > 0 else '-'}{slug(term.name)}" for term in terms).removeprefix("+")
    of_step = f"-{subject.unusual}" if subject.unusual else ""
    path = place(subject.samples, f"arithmetic-{text}{of_step}.png")
    drawings.draw_sum(path, terms, found, shown, subject.said)
    subject.console.print(f"{written(terms)}: nearest to the mean of {found.nearest}")
    about = {"formula": [[term.sign, term.name] for term in terms], "nearest": found.nearest}
    return Made({"picture": path}, about)


def _label(subject: Subject, name: str | None) -> int | None:
    """The one class that a class-conditional model draws: `name`, or the first that was learned."""
    told = _coder(subject).classes
    chosen = pictures.asked_for(told, subject.learned, name, None, subject.name)
    return chosen[0] if chosen else None


def _coder(subject: Subject) -> Autoencoder | VAE:
    assert isinstance(subject.model, (Autoencoder, VAE))  # all others were refused
    return subject.model


def _codes(subject: Subject) -> Codes:
    """The latents of the test pictures."""
    return codes_of(_coder(subject), subject.test)
