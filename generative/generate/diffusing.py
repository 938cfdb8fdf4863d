"""What `generate` does with pictures that are given to a diffusion model: ways between them, repairs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from generative.ddpm import DDPM
from generative.diffusion import slerp
from generative.generate import drawings
from generative.generate.denoiser import Denoise, Denoiser, dense_timesteps, even_timesteps
from generative.generate.ends import End, find_end, in_file
from generative.generate.grids import Wanted, classes_asked_for
from generative.generate.inpainting import REPEATS, inpaint
from generative.generate.inversion import EVALUATIONS, from_noise, to_noise
from generative.generate.masks import find_mask
from generative.generate.options import FRAMES, unlike_usual
from generative.generate.pictures import label_of
from generative.generate.sampling import REPAIR, WAY, Sampling
from generative.generate.source import as_drawn, check_steps, drawn_from, noise_generators, pass_of
from generative.generate.subject import Made, Place, Subject
from generative.passes import as_seen
from sandbox.core.errors import UsageError
from sandbox.core.seeding import derive_seed

Choose = Callable[[Sampling], Sampling]
"""what is usual -> what is asked for"""
COMPLETIONS, MOST_COMPLETIONS = 8, 1_000


def interpolate(subject: Subject, first: str, last: str, frames: int, choose: Choose, place: Place) -> Made:
    """A strip from one picture to another, along the arc between their noises, and an animation beside it.

    Of a model that is told classes, what it is told goes over from one class to the other as well.
    """
    ends = _end(subject, first, "first"), _end(subject, last, "last")
    usual = subject.within(WAY)
    sampling = choose(usual)
    check_steps(_model(subject), sampling)
    smooth = drawings.smoothness(frames)
    finer = _way(subject, ends, smooth * (frames - 1) + 1, sampling.steps)
    between = Path(first).stem, Path(last).stem
    how = sampling.unlike(usual)
    path = place(
        subject.samples, subject.file_name("interpolate", *between, unlike_usual(frames, FRAMES), *how)
    )
    subtitle = f"along the arc between their noises  ·  DDIM, {sampling.steps} steps  ·  {subject.said}"
    drawings.draw_way(path, ends, [("", finer[::smooth])], subtitle)
    gif = drawings.animate_way(path.with_suffix(".gif"), [finer])
    about = {"ends": [end.name for end in ends], "frames": frames, **sampling.about}
    return Made({"strip": path, "animation": gif}, about)


def repair(subject: Subject, word: str, mask: str, wanted: Wanted, choose: Choose, place: Place) -> Made:
    """A picture, what is left of it, and some ways to complete that.

    Args:
        word: names the picture.
        mask: names what of it is drawn anew.
        wanted: how many, and as which classes; unless they are given, the model is told none.
    """
    model = _model(subject)
    count = COMPLETIONS if wanted.count is None else wanted.count
    if count > MOST_COMPLETIONS:
        raise UsageError(f"-n must be at most {MOST_COMPLETIONS:,} with --inpaint, not {count:,}")
    asked = wanted.one is not None or wanted.several is not None
    if asked:
        chosen, names = classes_asked_for(subject, wanted)
    else:
        chosen, names = [_null(subject, "--inpaint needs --class or --classes")], []
    anew = find_mask(mask, subject.shape)
    end = _end(subject, word, "inpaint", ink=False)  # cut out, it would not lie where the mask says
    usual = subject.within(REPAIR.but(None, None, subject.guidance) if asked else REPAIR)
    sampling = choose(usual)
    check_steps(model, sampling)
    labels = [label_of(number, chosen) for number in range(count)]
    made = _completed(subject, end, anew, labels, sampling)
    shown = [model.classes[label] for label in labels] if names else []
    few = [*names, "" if wanted.count is None else f"n{count}", *sampling.unlike(usual)]
    what = Path(word).stem, Path(mask).stem
    path = place(subject.samples, subject.file_name("inpaint", *what, *few))
    told = f"told {', '.join(names)}  ·  " if names else ""
    subtitle = f"{told}{sampling.said}  ·  {subject.said}"
    drawings.draw_repair(path, end, anew, made, shown, subtitle)
    about = {"original": end.name, "mask": mask, "pictures": count, "classes": names, **sampling.about}
    return Made({"strip": path}, about)


def _way(subject: Subject, ends: tuple[End, End], count: int, steps: int) -> Tensor:
    """Pictures (count, channels, height, width) uint8 from one end to the other."""
    model = _model(subject)
    alpha_bars = model.alphas_cumprod
    device = alpha_bars.device
    timesteps = even_timesteps(len(alpha_bars), steps)
    unknown = "nobody says what class a picture file is of"
    told = [_null(subject, unknown) if end.label is None else end.label for end in ends]
    labels = told if model.classes else [0, 0]
    generator = torch.Generator().manual_seed(derive_seed(subject.seed, "interpolation"))
    least = torch.randn(subject.shape, generator=generator).to(device)
    pictures = as_seen(torch.stack([end.picture for end in ends])).to(device)
    shares = torch.linspace(0, 1, count)
    with _counted(subject, steps * (2 * EVALUATIONS + count)) as counted:
        denoise = counted(_between(model, labels, torch.tensor([0.0, 1.0])))
        start, end = to_noise(denoise, alpha_bars, timesteps, pictures, least)
        arc = slerp(start, end, shares.to(device))  # (count, channels, height, width)
        size, made = pass_of(model, 2.0), []
        for at in range(0, count, size):
            some = slice(at, at + size)
            denoise = counted(_between(model, labels, shares[some]))
            made.append(from_noise(denoise, alpha_bars, timesteps, arc[some]))
    return as_drawn(torch.cat(made))


def _between(model: DDPM, labels: list[int], shares: Tensor) -> Denoiser:
    """Told the first label at share 0 (n,), and the second one at 1."""
    if labels[0] == labels[1]:
        return Denoiser(model, labels[:1])
    return Denoiser(model, labels, torch.stack([1 - shares, shares], 1))


def _completed(subject: Subject, end: End, anew: Tensor, labels: list[int], sampling: Sampling) -> Tensor:
    """Pictures (n, channels, height, width) uint8, one for each label."""
    model = _model(subject)
    alpha_bars = model.alphas_cumprod
    device = alpha_bars.device
    timesteps = dense_timesteps(len(alpha_bars), sampling.steps)
    known = as_seen(end.picture[None]).to(device)
    size, made = pass_of(model, sampling.guidance), []
    with _counted(subject, len(labels) * ((sampling.steps - 1) * REPEATS + 1)) as counted:
        for start in range(0, len(labels), size):
            some = labels[start : start + size]
            generators = noise_generators(subject.seed, range(start, start + len(some)))
            denoise = counted(_guided(model, some, sampling.guidance))
            draw = lambda generators=generators: drawn_from(generators, subject.shape).to(device)  # noqa: E731
            made.append(inpaint(denoise, alpha_bars, timesteps, known, anew.to(device), draw))
    found = as_drawn(torch.cat(made))
    return torch.where(anew, found, end.picture)


def _guided(model: DDPM, labels: list[int], guidance: float) -> Denoiser:
    """Told a label each, and guided towards it."""
    null = len(model.classes)
    kinds = sorted({*labels, null}) if guidance != 1 else sorted(set(labels))
    weights = torch.zeros(len(labels), len(kinds))
    for row, label in enumerate(labels):
        weights[row, kinds.index(label)] += guidance
        if guidance != 1:
            weights[row, kinds.index(null)] += 1 - guidance
    return Denoiser(model, kinds, None if len(kinds) == 1 else weights, clamped=True)


def _null(subject: Subject, why: str) -> int:
    """The label that tells nothing. Raises UsageError where the model never learned it."""
    model = _model(subject)
    if model.classes and not model.label_dropout:
        raise UsageError(f"{why}, and {subject.name} was always told one in training (label_dropout 0)")
    return len(model.classes)


def _model(subject: Subject) -> DDPM:
    assert isinstance(subject.model, DDPM)  # all others were refused
    return subject.model


def _end(subject: Subject, word: str, side: str, *, ink: bool = True) -> End:
    if subject.load_test is None:
        return in_file(word, subject.shape)
    return find_end(word, subject.test, subject.learned, subject.seed, side, ink=ink)


class _Counted:
    """Tells a progress line of each evaluation of the network."""

    def __init__(self, denoise: Denoise, told: Callable[[int], None]) -> None:
        self._denoise, self._told = denoise, told

    def __call__(self, noisy: Tensor, timestep: int) -> Tensor:
        clean = self._denoise(noisy, timestep)
        self._told(len(noisy))
        return clean


@contextmanager
def _counted(subject: Subject, total: int) -> Iterator[Callable[[Denoise], Denoise]]:
    """What lets a line say how far the work is: evaluations of the network, of `total` pictures."""
    done = 0
    with subject.console.progress(total, "drawing", "steps of pictures") as progress:

        def told(count: int) -> None:
            nonlocal done
            done += count
            progress.update(done)

        yield lambda denoise: _Counted(denoise, told)
