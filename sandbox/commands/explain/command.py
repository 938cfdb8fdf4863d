"""The command line of ``explain``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional, arg

from sandbox.core.config import Count
from sandbox.core.errors import UsageError
from sandbox.core.kinds import Question
from sandbox.core.plugins import kind_of
from sandbox.core.runs import find_run
from sandbox.ui.console import Console

if TYPE_CHECKING:
    from sandbox.nn.explain import Subject

SCHEMA = "sandbox.explain/1"


@dataclass(frozen=True)
class Explain:
    """Draw what a run's network sees: kernels, feature maps, what excites it, and where it looks.

    RUN is a name, a unique beginning of one, a path, or "latest": a classifier, an agent with a backbone, or
    a generative model (of an autoencoder or VAE the encoder; of a ddpm its network, on noised pictures).
    FILE is a picture to explain in place of those of the data set; not with agents.

    Where it looks is found by blurring a picture spot by spot (Greydanus et al. 2018); of classifiers by
    gradients, too. What a class looks like to them is found by changing noise until they are sure.

    Examples:
        python -m sandbox explain latest
        python -m sandbox explain latest --episodes 1 --seed 7 -o pictures
        python -m sandbox explain runs/signs hand.jpg
        python -m sandbox explain runs/signs --classes A,B --channel 2:17
        python -m sandbox explain runs/signs --split train --frames 2000 --json
    """

    name: Annotated[Positional[str], arg(metavar="RUN")]
    """The run."""
    file: Annotated[Positional[Path | None], arg(metavar="[FILE]")] = None
    """Of a classifier or a generative model: a picture to explain."""
    classes: str = ""
    """Of a classifier: names of the classes to make pictures of, such as 3,7; all, unless given."""
    channel: Annotated[str | None, arg(metavar="STAGE:NUMBER")] = None
    """Of a classifier: make pictures that excite this channel, such as 2:17, as they are counted in the
    pictures of exciting frames."""
    frames: Count | None = None
    """Frames or pictures to look at, at most; 500, unless given."""
    episodes: Count | None = None
    """Of an agent: how many it plays; 5, unless given."""
    split: Literal["train", "validation", "test"] | None = None
    """Of a classifier or a generative model: which pictures; test, unless given."""
    data_dir: Path | None = None
    """Folder with the data; the run's, SANDBOX_DATA, then the cache, unless given."""
    folder: Annotated[Path | None, arg(name="output", aliases=("-o",), metavar="DIR")] = None
    """Folder for the pictures; the run's plots, unless given."""
    checkpoint: str = "best"
    """best, last, first, or a step."""
    seed: int | None = None
    """Of an agent: of the first episode, and each further one has the next number; of a classifier: of the
    noise from which pictures are made; of a ddpm: of the noise on pictures."""
    device: str = "cpu"
    """Device such as auto, cpu or cuda."""
    trust: bool = False
    """Allow the run to import the module that its environment's id names."""
    out: Path | None = None
    """Folder with the runs; SANDBOX_RUNS or ./runs, unless given."""

    def run(self, console: Console) -> dict[str, Any]:
        """Draw; returns what ``--json`` prints.

        Raises:
            UsageError: the run has nothing that could be explained.
        """
        if self.folder is not None and self.folder.exists() and not self.folder.is_dir():
            raise UsageError(f"-o is for a folder, and {self.folder} is a file")
        run = find_run(self.name, self.out)
        kind = kind_of(run.info["kind"])
        from sandbox.commands.explain.pictures import draw

        explain = getattr(kind, "explain", None)
        if explain is None:
            raise UsageError(f"runs of the kind {run.info['kind']!r} cannot be explained")
        question = Question(
            checkpoint=self.checkpoint,
            device=self.device,
            trust=self.trust,
            seed=self.seed,
            episodes=self.episodes,
            frames=self.frames,
            split=self.split,
            data_dir=None if self.data_dir is None else str(self.data_dir),
            file=None if self.file is None else str(self.file),
            classes=tuple(name.strip() for name in self.classes.split(",") if name.strip()),
            channel=self.channel,
        )
        subject: Subject = explain(run, console, question)
        pictures = draw(subject, self.folder or run.plots_dir, question)
        console.print(f"{subject.title}: {subject.source}")
        for what, path in pictures.items():
            console.print(f"{what:<9} {path}")
        return {
            "schema": SCHEMA,
            "run": str(run.path),
            "frames": len(subject.pictures),
            "pictures": {what: str(path) for what, path in pictures.items()},
        }
