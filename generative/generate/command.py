"""``generate``: pictures that a model makes up, and ways through the space that they come from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional, arg

from sandbox.core.config import Count
from sandbox.core.errors import UsageError
from sandbox.core.runs import find_run
from sandbox.ui.console import Console
from sandbox.ui.png import png_path

if TYPE_CHECKING:
    from generative.generate.tasks import Made, Subject

SCHEMA = "sandbox.generate/1"
STEPS = 11
MOST_STEPS = 60
WITH = {"--interpolate": ["--frames"], "--walk": ["--frames", "--class"], "--arithmetic": []}
"""the options that go with each thing to do other than drawing pictures"""


@dataclass(frozen=True)
class Generate:
    """Draw new pictures with a model that was trained, or explore the latents that they come from.

    RUN is a name, a unique beginning of one, a path, or "latest": a run of train-generator. A VAE draws from
    its prior. Picture 7 of a seed is the same however many are drawn. A class-conditional VAE can be asked
    for classes, and draws all in turn unless it is.

    --interpolate goes from picture A to picture B, on the straight line between their latents: the means of
    the posteriors of a VAE, the codes of an autoencoder. Each is the name of a class (for a test picture of
    it, which the seed chooses), a test picture such as test:17, or a file. A class-conditional VAE draws the
    whole way as A's class, and once more as B's.

    --walk shows what latents do. Of two it draws a plane, at equally likely places: quantiles of the
    standard normal prior of a VAE, of the test pictures' codes of an autoencoder; beside it where the test
    pictures lie. Of more it draws a row for each of those that vary most over test pictures, from -2.5 to 2.5
    of its standard deviations; all others stay as they are in one test picture, which the seed chooses.

    --arithmetic adds and subtracts the mean latents of classes' test pictures.

    Examples:
        python -m sandbox generate latest
        python -m sandbox generate runs/digits -n 100 --class 7 --seed 1 -o sevens.png
        python -m sandbox generate latest -n 10k --each made
        python -m sandbox generate latest --interpolate 3 test:17
        python -m sandbox generate latest --walk
        python -m sandbox generate latest --arithmetic "9 - 4 + 7"
    """

    name: Annotated[Positional[str], arg(metavar="RUN")]
    """The run."""
    pictures: Annotated[Count | None, arg(aliases=("-n",))] = None
    """How many pictures to draw; 64 (in a grid of classes full rows), unless given."""
    class_: Annotated[str | None, arg(name="class", metavar="NAME")] = None
    """The class to draw."""
    classes: Annotated[str | None, arg(metavar="NAMES")] = None
    """The classes to draw in turn, such as 0,1,2."""
    each: Annotated[Path | None, arg(metavar="DIR")] = None
    """Write each picture to a file of its own, in its own size, numbered in this folder."""
    interpolate: Annotated[tuple[str, str] | None, arg(metavar="A B")] = None
    """Go from one picture to another; a strip, and an animation beside it."""
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
            UsageError: options do not go together, or the run's model cannot do what is asked for.
            NotFound, Broken: a file is missing or damaged.
        """
        task = self._task()
        run = find_run(self.name, self.out)
        from generative.opened import open_generator, read_config

        config = read_config(run, self.device)
        if task is None and config.kind == "autoencoder":
            raise UsageError(
                f"{run.name} is an autoencoder: it knows no distribution to draw new pictures from",
                hint="use --interpolate A B, --walk or --arithmetic, or python -m sandbox reconstruct",
            )
        from generative.generate.tasks import Subject
        from sandbox.nn.device import threads
        from sandbox.supervised.opened import warning_to

        opened = open_generator(run, self.device, self.checkpoint, warning_to(console))
        where = None if self.data_dir is None else str(self.data_dir)
        with threads(config.threads):
            made = self._made(task, Subject(opened, self.seed, console, where))
        for what, path in made.files.items():
            console.print(f"{what:<9} {path}")
        return {
            "schema": SCHEMA,
            "run": str(run.path),
            "kind": config.kind,
            "steps": opened.step,
            "seed": self.seed,
            **made.about,
            **{what: str(path) for what, path in made.files.items()},
        }

    def _made(self, task: str | None, subject: Subject) -> Made:
        from generative.generate import tasks

        steps = STEPS if self.frames is None else self.frames
        if task == "--interpolate":
            assert self.interpolate is not None
            return tasks.interpolate(subject, *self.interpolate, steps, self._path)
        if task == "--walk":
            return tasks.walk(subject, self.class_, self.frames, self._path)
        if task == "--arithmetic":
            return tasks.add_up(subject, self.arithmetic or "", self._path)
        if self.each is not None:
            return tasks.draw_each(subject, self.pictures, self.class_, self.classes, self.each)
        return tasks.draw_grid(subject, self.pictures, self.class_, self.classes, self._path)

    def _task(self) -> str | None:
        """The option that names what to do, None to draw pictures; checks all that can be without the run."""
        given = {
            "--pictures": self.pictures is not None,
            "--class": self.class_ is not None,
            "--classes": self.classes is not None,
            "--each": self.each is not None,
            "--interpolate": self.interpolate is not None,
            "--walk": self.walk,
            "--arithmetic": self.arithmetic is not None,
            "--frames": self.frames is not None,
        }
        found = [option for option, is_given in given.items() if is_given]
        task = next((option for option in found if option in WITH), None)
        pairs = [("--class", "--classes"), ("--each", "--output")]
        found += ["--output"] if self.picture is not None else []
        if task is not None:
            pairs = [(task, other) for other in given if other != task and other not in WITH[task]]
        for one, other in pairs:
            if one in found and other in found:
                raise UsageError(f"{one} and {other} do not go together", hint="give one of them")
        if task is None and self.frames is not None:
            raise UsageError("--frames is for --interpolate and --walk; -n says how many pictures to draw")
        if self.pictures is not None and self.pictures < 1:
            raise UsageError(f"-n must be at least 1, not {self.pictures}")
        if self.frames is not None and not 2 <= self.frames <= MOST_STEPS:
            raise UsageError(f"--frames must be 2 to {MOST_STEPS}, not {self.frames}")
        if self.picture is not None:
            png_path(self.picture, "picture.png", "-o")
        return task

    def _path(self, samples: Path, name: str) -> Path:
        """Where a picture goes: what is given, or `name` in the run's folder."""
        return samples / name if self.picture is None else png_path(self.picture, name, "-o")
