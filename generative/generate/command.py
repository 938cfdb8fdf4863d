"""``generate``: pictures that a model makes up, and ways through the space that they come from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional, arg

from generative.generate.options import DRAW, FRAMES, check_kind, gif_path, task_of
from generative.generate.sampling import Sampling, check_guidable, check_sampling
from sandbox.core.config import Count
from sandbox.core.errors import UsageError
from sandbox.core.files import check_writable
from sandbox.core.runs import default_root, find_run
from sandbox.ui.console import Console
from sandbox.ui.png import png_path

if TYPE_CHECKING:
    from generative.generate.subject import Made, Subject

SCHEMA = "sandbox.generate/1"
MOST_FRAMES = 60


@dataclass(frozen=True)
class Generate:
    """Draw new pictures with a model that was trained, or explore the space that they come from.

    RUN is a name, a unique beginning of one, a path, or "latest": a run of train-generator. A VAE draws from
    its prior, a diffusion model (ddpm) takes noise away step by step. Picture 7 of a seed is the same however
    many are drawn. A model that was told classes can be asked for them, and draws all in turn unless it is.

    RUN may also be a folder of diffusers' with an unconditional model (DDPMPipeline or DDIMPipeline over
    UNet2DModel, safetensors only), such as a downloaded one, or a copy of RUN/model. Its pictures go to the
    folder samples/NAME here. No code in it is run.

    --interpolate goes from picture A to picture B. Each is the name of a class (for a test picture of it,
    which the seed chooses), a test picture such as test:17, or a file. With a VAE or an autoencoder it goes
    straight from latents to latents; one that is told classes draws the whole way as A's class, and once more
    as B's. With a diffusion model it goes along the arc between the noises that A and B come from.

    --inpaint draws what --mask says of a picture anew, such that it fits the rest: left, right, top, bottom,
    centre, or all that is white in a picture file. A picture file is scaled and cropped to its middle, as a
    folder of training pictures is, and so is the mask. The model is told no class unless one is given.

    --walk shows what latents do. Of two it draws a plane, at equally likely places: quantiles of the
    standard normal prior of a VAE, of the test pictures' codes of an autoencoder; beside it where the test
    pictures lie. Of more it draws a row for each of those that vary most over test pictures, from -2.5 to 2.5
    of its standard deviations; all others stay as they are in one test picture, which the seed chooses.

    --arithmetic adds and subtracts the mean latents of classes' test pictures.

    Examples:
        python -m sandbox generate latest
        python -m sandbox generate runs/told -n 100 --class 7 --seed 1 -o sevens.png
        python -m sandbox generate latest --classes 0,1,2 --guidance 2 --animate digits.gif
        python -m sandbox generate latest --sampler ddpm --steps 250
        python -m sandbox generate latest -n 10k --each made
        python -m sandbox generate downloads/ddpm-cat-256 -n 4
        python -m sandbox generate latest --interpolate 3 test:17
        python -m sandbox generate latest --inpaint 8 --mask left
        python -m sandbox generate latest --walk
        python -m sandbox generate latest --arithmetic "9 - 4 + 7"
    """

    name: Annotated[Positional[str], arg(metavar="RUN")]
    """The run, or a folder of diffusers'."""
    pictures: Annotated[Count | None, arg(aliases=("-n",))] = None
    """How many pictures to draw; 64 (in a grid of classes full rows; 8 of --inpaint), unless given."""
    class_: Annotated[str | None, arg(name="class", metavar="NAME")] = None
    """The class to draw."""
    classes: Annotated[str | None, arg(metavar="NAMES")] = None
    """The classes to draw in turn, such as 0,1,2."""
    sampler: Annotated[str | None, arg(metavar="NAME")] = None
    """How a diffusion model draws: ddpm, ddim, dpm++ or unipc; dpm++, unless given."""
    steps: Count | None = None
    """In how many steps it does; 20 (of --interpolate and --inpaint 50), unless given."""
    guidance: float | None = None
    """How much the class is exaggerated, 1 for not at all; what the run recommends, unless given."""
    animate: Annotated[Path | None, arg(metavar="GIF")] = None
    """Write the way from noise to the grid, too."""
    each: Annotated[Path | None, arg(metavar="DIR")] = None
    """Write each picture to a file of its own, in its own size, numbered in this folder."""
    interpolate: Annotated[tuple[str, str] | None, arg(metavar="A B")] = None
    """Go from one picture to another; a strip, and an animation beside it."""
    inpaint: Annotated[str | None, arg(metavar="PICTURE")] = None
    """Draw a part of a picture anew: of a class, such as test:17, or a file."""
    mask: Annotated[str | None, arg(metavar="WHERE")] = None
    """That part: left, right, top, bottom, centre, or what is white in a file."""
    walk: bool = False
    """Go along each latent."""
    arithmetic: Annotated[str | None, arg(metavar="FORMULA")] = None
    """Add and subtract classes, such as "9-4+7"."""
    frames: Count | None = None
    """Pictures on the way, or in a row; 11 (in a plane 20), unless given."""
    picture: Annotated[Path | None, arg(name="output", aliases=("-o",), metavar="PNG")] = None
    """The picture; in the run's folder samples, unless given."""
    seed: int = 0
    """Of everything random."""
    checkpoint: str = "best"
    """best, last, first, or a step."""
    device: str = "auto"
    """Device such as auto, cpu or cuda."""
    data_dir: Path | None = None
    """Folder with the data; the run's, SANDBOX_DATA, then the cache, unless given."""
    out: Path | None = None
    """Folder with the runs; SANDBOX_RUNS or ./runs, unless given."""

    def run(self, console: Console) -> dict[str, Any]:
        """Draw; returns what ``--json`` prints.

        Raises:
            UsageError: options do not go together, or the model cannot do what is asked for.
            NotFound, Broken: a file is missing or damaged.
        Refused: there is no place for the pictures.
        """
        given = self._given()
        task = task_of(given)
        self._check()
        folder = _diffusers_folder(self.name, self.out)
        if folder is not None:
            return self._drawn_by_folder(folder, given, task, console)
        return self._drawn_by_run(given, task, console)

    def _drawn_by_run(self, given: list[str], task: str, console: Console) -> dict[str, Any]:
        run = find_run(self.name, self.out)
        from generative.opened import open_generator, read_config

        config = read_config(run, self.device)
        told = getattr(config, "class_conditional", False)
        check_kind(given, task, config.kind, run.name, told=told)
        check_guidable(config, self.guidance, run.name)
        from generative.generate.subject import of_run
        from sandbox.nn.device import threads
        from sandbox.supervised.opened import warning_to

        opened = open_generator(run, self.device, self.checkpoint, warning_to(console))
        where = None if self.data_dir is None else str(self.data_dir)
        self._check_place(run.samples_dir)
        with threads(config.threads):
            made = self._made(task, of_run(opened, self.seed, console, where, self.checkpoint))
        return self._answer(run.path, config.kind, opened.step, made, console)

    def _drawn_by_folder(self, folder: Path, given: list[str], task: str, console: Console) -> dict[str, Any]:
        for option, is_given in (("--checkpoint", self.checkpoint != "best"), ("--data-dir", self.data_dir)):
            if is_given:
                raise UsageError(f"{option} is for runs of train-generator, and {folder} is none")
        from generative.generate.foreign import open_folder

        subject = open_folder(folder, self.device, self.seed, console)
        check_kind(given, task, "ddpm", subject.name, told=bool(subject.model.classes))
        self._check_place(subject.samples)
        return self._answer(folder, "ddpm", None, self._made(task, subject), console)

    def _answer(
        self, path: Path, kind: str, step: int | None, made: Made, console: Console
    ) -> dict[str, Any]:
        for what, file in made.files.items():
            console.print(f"{what:<9} {file}")
        return {
            "schema": SCHEMA,
            "run": str(path),
            "kind": kind,
            "steps": step,
            "seed": self.seed,
            **made.about,
            **{what: str(file) for what, file in made.files.items()},
        }

    def _made(self, task: str, subject: Subject) -> Made:
        from sandbox.nn.device import keep_memory

        keep_memory()
        if task == DRAW:
            return self._drawn(subject)
        from generative.ddpm import DDPM
        from generative.generate import diffusing, latents
        from generative.generate.grids import Wanted

        if task == "--inpaint":
            wanted = Wanted(self.pictures, self.class_, self.classes)
            words = self.inpaint or "", self.mask or ""
            return diffusing.repair(subject, *words, wanted, self._sampling, self._path)
        if task == "--interpolate":
            assert self.interpolate is not None
            frames = FRAMES if self.frames is None else self.frames
            if isinstance(subject.model, DDPM):
                return diffusing.interpolate(subject, *self.interpolate, frames, self._sampling, self._path)
            return latents.interpolate(subject, *self.interpolate, frames, self._path)
        if task == "--walk":
            return latents.walk(subject, self.class_, self.frames, self._path)
        return latents.add_up(subject, self.arithmetic or "", self._path)

    def _drawn(self, subject: Subject) -> Made:
        from generative.generate.grids import Wanted, draw_each, draw_grid

        wanted, sampling = Wanted(self.pictures, self.class_, self.classes), self._sampling(subject.usual)
        if self.each is not None:
            return draw_each(subject, wanted, sampling, self.each)
        return draw_grid(subject, wanted, sampling, self._path, self.animate)

    def _sampling(self, usual: Sampling) -> Sampling:
        return usual.but(self.sampler, self.steps, self.guidance)

    def _given(self) -> list[str]:
        """The options that were given."""
        given = {
            "--pictures": self.pictures is not None,
            "--class": self.class_ is not None,
            "--classes": self.classes is not None,
            "--sampler": self.sampler is not None,
            "--steps": self.steps is not None,
            "--guidance": self.guidance is not None,
            "--animate": self.animate is not None,
            "--each": self.each is not None,
            "--interpolate": self.interpolate is not None,
            "--inpaint": self.inpaint is not None,
            "--mask": self.mask is not None,
            "--walk": self.walk,
            "--arithmetic": self.arithmetic is not None,
            "--frames": self.frames is not None,
            "--output": self.picture is not None,
        }
        return [option for option, is_given in given.items() if is_given]

    def _check(self) -> None:
        """Refuse what is wrong in itself, whatever the model is."""
        check_sampling(self.sampler, self.steps, self.guidance)
        if self.pictures is not None and self.pictures < 1:
            raise UsageError(f"-n must be at least 1, not {self.pictures}")
        if self.frames is not None and not 2 <= self.frames <= MOST_FRAMES:
            raise UsageError(f"--frames must be 2 to {MOST_FRAMES}, not {self.frames}")
        if self.picture is not None:
            png_path(self.picture, "picture.png", "-o")
        if self.animate is not None:
            gif_path(self.animate)

    def _check_place(self, samples: Path) -> None:
        """Refuse to draw what could not be written."""
        if self.picture is None and self.each is None:
            check_writable(samples / "picture.png")

    def _path(self, samples: Path, name: str) -> Path:
        """Where a picture goes: what is given, or `name` in the run's folder."""
        return samples / name if self.picture is None else png_path(self.picture, name, "-o")


def _diffusers_folder(text: str, root: Path | None) -> Path | None:
    """The folder of diffusers' that `text` names; None where it names a run, or nothing."""
    folder = Path(text).expanduser()
    runs = default_root() if root is None else root
    if not text or not folder.is_dir() or any((path / "run.json").exists() for path in (folder, runs / text)):
        return None
    looks_like_one = (folder / "model_index.json").exists() or (folder / "unet").is_dir()
    return folder if looks_like_one or any(folder.glob("diffusion_pytorch_model.*")) else None
