"""``explain``: pictures of what the network of a run sees."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional, arg

from sandbox.core.config import Count
from sandbox.core.errors import UsageError
from sandbox.core.plugins import Question, kind_of
from sandbox.core.runs import find_run
from sandbox.ui.console import Console

if TYPE_CHECKING:
    from torch import Tensor

    from sandbox.nn.explain import Subject
    from sandbox.ui.explain_plots import Found

SCHEMA = "sandbox.explain/1"
CHANNELS, FRAMES = 4, 8
"""of each stage, and for each of those: what the picture of exciting frames has room for"""
STRIP = 8
"""frames in the picture of saliency"""


@dataclass(frozen=True)
class Explain:
    """Draw what a run's network sees: kernels, feature maps, frames that excite it, and where it looks.

    RUN is a name, a unique beginning of one, a path, or "latest": an agent or a classifier with a backbone.
    Where it looks is found by blurring a frame spot by spot (Greydanus et al. 2018).

    Examples:
        python -m sandbox explain latest
        python -m sandbox explain latest --episodes 1 --seed 7 -o pictures
        python -m sandbox explain runs/signs --split train --frames 2000 --json
    """

    name: Annotated[Positional[str], arg(metavar="RUN")]
    """The run."""
    frames: Count | None = None
    """Frames or pictures to look at, at most; 500, unless given."""
    episodes: Count | None = None
    """Of an agent: how many it plays; 5, unless given."""
    split: Literal["train", "validation", "test"] | None = None
    """Of a classifier: which pictures; test, unless given."""
    data_dir: Path | None = None
    """Folder with the data; the run's, SANDBOX_DATA, then the cache, unless given."""
    folder: Annotated[Path | None, arg(name="output", aliases=("-o",), metavar="DIR")] = None
    """Folder for the pictures; the run's plots, unless given."""
    checkpoint: str = "best"
    """best, last, first, or a step."""
    seed: int | None = None
    """Of an agent: of the first episode; each further one has the next number."""
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
        )
        subject: Subject = explain(run, console, question)
        pictures = draw(subject, self.folder or run.plots_dir)
        console.print(f"{subject.title}: {subject.source}")
        for what, path in pictures.items():
            console.print(f"{what:<9} {path}")
        return {
            "schema": SCHEMA,
            "run": str(run.path),
            "frames": len(subject.pictures),
            "pictures": {what: str(path) for what, path in pictures.items()},
        }


def draw(subject: Subject, folder: Path) -> dict[str, Path]:
    """Draw everything about a subject into `folder`; paths by what they show. Raises OSError."""
    from sandbox.nn.explain import different, feature_maps, kernels
    from sandbox.ui.explain_plots import draw_exciting, draw_features, draw_kernels, draw_saliency, newest

    some = different(subject.pictures)
    maps = feature_maps(subject.backbone, subject.scaled(subject.pictures[some]))
    shown = newest(subject.pictures.numpy(), subject.colours)
    middle = len(some) // 2
    names = ["stem", *(f"stage {number}" for number in range(1, len(maps)))]
    scales = [(name, scale[middle].numpy()) for name, scale in zip(names, maps, strict=True)]
    numbers = [round(place) for place in _spread(len(shown), STRIP)]
    title = subject.title
    return {
        "kernels": draw_kernels(
            folder / "kernels.png", kernels(subject.backbone).numpy(), subject.colours, title
        ),
        "features": draw_features(
            folder / "features.png", shown[some[middle]], scales, title, subject.labels[int(some[middle])]
        ),
        "exciting": draw_exciting(
            folder / "exciting.png", _found(subject, some, maps), title, subject.source
        ),
        "saliency": draw_saliency(
            folder / "saliency.png",
            shown[numbers],
            [_heat(subject, number) for number in numbers],
            [subject.labels[number] for number in numbers],
            title,
            subject.source,
        ),
    }


def _found(subject: Subject, some: Tensor, maps: list[Tensor]) -> list[Found]:
    """Of each stage a few channels, with the frames that excite them and the cells in which they do."""
    from sandbox.nn.explain import most_exciting
    from sandbox.ui.explain_plots import Found, newest

    found = []
    height, width = subject.pictures.shape[2:]
    for stage, scale in enumerate(maps[1:], 1):
        down, across = height / scale.shape[2], width / scale.shape[3]
        for one in most_exciting(scale, CHANNELS, FRAMES):
            frames = newest(subject.pictures[some[one.frames]].numpy(), subject.colours)
            boxes = [
                (column * across, row * down, (column + 1) * across, (row + 1) * down)
                for row, column in one.places.tolist()
            ]
            found.append(Found(f"stage {stage}, channel {one.channel + 1}", frames, boxes))
    return found


def _heat(subject: Subject, number: int) -> Any:
    """Where the answer to a picture comes from: (height, width), from 0 to 1."""
    from sandbox.nn.explain import perturbation_saliency

    heat = perturbation_saliency(
        lambda changed: subject.answer(number, changed), subject.pictures[number]
    ).numpy()
    return heat / max(float(heat.max()), 1e-12)


def _spread(count: int, wanted: int) -> list[float]:
    """At most `wanted` numbers from 0 to `count` − 1, evenly spread, the first and the last among them."""
    wanted = min(count, wanted)
    return [0.0] if wanted == 1 else [number * (count - 1) / (wanted - 1) for number in range(wanted)]
