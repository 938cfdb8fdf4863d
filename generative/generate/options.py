"""Which options of `generate` go together, and with which kind of model. Loads no torch."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from sandbox.core.errors import UsageError
from sandbox.core.files import check_writable

DRAW = "draw"
"""the task without an option of its own"""
FRAMES = 11
"""pictures on a way, or in a row, unless others are asked for"""
WITH = {
    DRAW: ("--pictures", "--class", "--classes", "--each", "--sampler", "--steps", "--guidance", "--animate"),
    "--interpolate": ("--frames", "--steps"),
    "--inpaint": ("--mask", "--pictures", "--class", "--classes", "--steps", "--guidance"),
    "--walk": ("--frames", "--class"),
    "--arithmetic": (),
}
"""what goes with each thing to do; --output and what says where files lie go with all"""
APART = (("--class", "--classes"), ("--each", "--output"), ("--each", "--animate"))
OF_DRAWING = ("--sampler", "--guidance", "--class", "--classes")
WAY_HINT = "the way of a diffusion model is always DDIM's, without guidance; its ends say the classes"
LATENTS = ("--walk", "--arithmetic")
"""for models with latents"""
DIFFUSION = ("--inpaint", "--mask", "--sampler", "--steps", "--guidance", "--animate")
"""for models that draw by taking noise away"""


def task_of(given: Collection[str]) -> str:
    """The option among those `given` that names what to do, or `DRAW`.

    Raises:
        UsageError: two of them do not go together.
    """
    tasks = [option for option in WITH if option in given]
    task = tasks[0] if tasks else DRAW
    ours = {*WITH[task], task, "--output"}
    for option in given:
        if option in ours:
            continue
        if task != DRAW:
            hint = "give one of them" if task != "--interpolate" or option not in OF_DRAWING else WAY_HINT
            raise UsageError(f"{task} and {option} do not go together", hint=hint)
        homes = [name for name, options in WITH.items() if option in options]
        raise UsageError(f"{option} is for {' and '.join(homes)}", hint=_instead(option))
    for one, other in APART:
        if one in given and other in given:
            raise UsageError(f"{one} and {other} do not go together", hint="give one of them")
    if task == "--inpaint" and "--mask" not in given:
        raise UsageError(
            "--inpaint needs --mask: what of the picture is to be drawn anew",
            hint="--mask left, right, top, bottom, centre, or a picture that is white there",
        )
    return task


def _instead(option: str) -> str | None:
    return "-n says how many pictures to draw" if option == "--frames" else None


def check_kind(given: Collection[str], task: str, kind: str, name: str, *, told: bool) -> None:
    """Refuse what a kind of model cannot do.

    Args:
        given: options.
        task: one of `WITH`.
        kind: of model: autoencoder, vae or ddpm.
        name: of the run or folder, for people.
        told: the model is told classes.

    Raises:
        UsageError: it cannot.
    """
    ours = LATENTS if kind == "ddpm" else DIFFUSION
    for option in given:
        if option in ours and kind == "ddpm":
            raise UsageError(f"{option} is for models with latents, and {name} is a diffusion model")
        if option in ours:
            raise UsageError(f"{option} is for diffusion models, and {name} is {article(kind)}")
    if task == DRAW and kind == "autoencoder":
        raise UsageError(
            f"{name} is an autoencoder: it knows no distribution to draw new pictures from",
            hint="use --interpolate A B, --walk or --arithmetic, or python -m sandbox reconstruct",
        )
    if "--guidance" in given and not told:
        raise UsageError(f"--guidance is for models that were told classes in training, and {name} was not")
    if task == "--inpaint" and "--guidance" in given and not {"--class", "--classes"} & set(given):
        raise UsageError("--guidance strengthens a class, and none is given", hint="add --class NAME")


def gif_path(path: Path) -> None:
    """Refuse what is no place for an animation. Raises UsageError, and Refused where none can be written."""
    if path.suffix.lower() != ".gif" or path.is_dir():
        raise UsageError(f"--animate must name a file that ends in .gif, not {path.name!r}")
    in_the_way = next((parent for parent in path.parents if parent.is_file()), None)
    if in_the_way is not None:
        raise UsageError(f"--animate: {in_the_way} is a file, not a folder")
    check_writable(path)


def unlike_usual(frames: int, usual: int) -> str:
    """The part of a file's name that says how many frames there are, where they are not as many as usual."""
    return "" if frames == usual else f"frames{frames}"


def article(kind: str) -> str:
    """``a VAE``, ``an autoencoder``."""
    return {"vae": "a VAE", "autoencoder": "an autoencoder"}.get(kind, f"a {kind}")
