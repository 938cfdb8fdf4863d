"""``predict``: what a classifier says of a person's own pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional, arg

from sandbox.core.config import Count
from sandbox.core.errors import NotFound, UsageError
from sandbox.core.plugins import kind_of
from sandbox.core.run import Run
from sandbox.core.runs import find_run
from sandbox.ui.console import Console

if TYPE_CHECKING:
    from sandbox.supervised.prediction.answers import Answer
    from sandbox.supervised.prediction.given import Given, Skipped

SCHEMA = "sandbox.predict/1"
DRAWN = 24
"""pictures for which the drawing has room"""


@dataclass(frozen=True)
class Predict:
    """Say what pictures show, and draw them beside what the network sees.

    RUN is a name, a unique beginning of one, a path, or "latest": a classifier. FILE is a picture, a folder
    (all pictures below it), or - for one picture that comes through a pipe. What cannot be read is named
    and skipped.

    A picture is scaled and cropped as a folder of training pictures would be: turned upright, until it just
    fills the network's height and width; the middle is kept. Where all training pictures are handwriting cut
    out, scaled and centred, as MNIST's are, so is what is written in yours, after the paper was made even and
    dark ink made bright; --as-is leaves that out.

    Probabilities are calibrated on the validation pictures (Guo et al. 2017). A picture further from all
    training pictures than 99 % of the validation pictures are is called unfamiliar, and is given no more
    confidence than answers to such pictures have earned.

    Examples:
        python -m sandbox predict latest seven.jpg
        python -m sandbox predict runs/signs photos --top 5 -o signs.png
        python -m sandbox predict latest photos --csv answers.csv --json
        curl -s https://example.org/seven.png | python -m sandbox predict latest -
    """

    name: Annotated[Positional[str], arg(metavar="RUN")]
    """The run."""
    files: Annotated[Positional[tuple[str, ...]], arg(metavar="FILE …")]
    """Pictures, folders, or - for a pipe."""
    top: Count = 3
    """How many classes to name for each picture."""
    csv: Annotated[str | None, arg(metavar="CSV")] = None
    """Write a table with all of them to this file, or to stdout in place of the tables for people: -."""
    picture: Annotated[Path | None, arg(name="output", aliases=("-o",), metavar="PNG")] = None
    """The drawing; predictions.png among the run's plots, unless given."""
    as_is: bool = False
    """Do not look for handwriting: scale and crop only."""
    tta: Count = 0
    """Average over this many altered copies of each picture, too."""
    checkpoint: str = "best"
    """best, last, first, or a step."""
    device: str = "auto"
    """Device such as auto, cpu or cuda."""
    data_dir: Path | None = None
    """Folder with the data; the run's, SANDBOX_DATA, then the cache, unless given."""
    out: Path | None = None
    """Folder with the runs; SANDBOX_RUNS or ./runs, unless given."""

    def run(self, console: Console) -> dict[str, Any]:
        """Answer; returns what ``--json`` prints.

        Raises:
            UsageError: the run is no classifier, or there is nothing to look at.
            NotFound: none of the files can be read as a picture.
        """
        run = self._classifier()
        if self.csv == "-" and console.json:
            raise UsageError("--json and --csv - both want stdout", hint="give --csv a file")
        import torch

        from sandbox.nn.device import threads
        from sandbox.supervised import opened
        from sandbox.supervised.drawings import draw_predictions
        from sandbox.supervised.looks import looks_of
        from sandbox.supervised.prediction.answers import answer, knowledge
        from sandbox.supervised.prediction.drawn import entry, tell
        from sandbox.supervised.prediction.given import Skipped, named, read_given

        config = opened.read_config(run, self.device)
        looks = looks_of(config.data, self.tta, config.seed)
        warn = opened.warning_to(console)
        step, model = opened.open_classifier(run, config, self.checkpoint, warn)
        classes, shape = opened.classes_of(run, config), opened.shape_of(run, config)
        with threads(config.threads):
            where = None if self.data_dir is None else str(self.data_dir)
            known = knowledge(run, config, step, model, where, console)
            form = None if known is None or self.as_is else known.ink
            answers: list[tuple[Given, Answer]] = []
            bad: list[Skipped] = []
            sources = named(self.files)
            with console.progress(len(sources), "looking", "pictures") as progress:
                for number, (name, source) in enumerate(sources, 1):
                    one = read_given(name, source, shape, form, drawn=len(answers) < DRAWN)
                    if isinstance(one, Skipped):
                        bad.append(one)
                    else:
                        picture = torch.from_numpy(one.seen.copy())
                        answers.append((one, answer(model, picture, classes, known, looks)))
                    if answers:
                        progress.update(number)
        if not answers:
            raise self._nothing(bad)
        drawing = self.picture or run.plots_dir / "predictions.png"
        draw_predictions(drawing, run, answers[:DRAWN], len(answers))
        top = min(self.top, len(classes))
        tell(console, answers, bad, top, drawing, self.csv)
        return {
            "schema": SCHEMA,
            "run": str(run.path),
            "data": config.data,
            "model": config.model,
            "steps": step,
            "tta": looks.copies,
            "temperature": None if known is None else known.temperature,
            "pictures": [entry(one, found, top) for one, found in answers],
            "skipped": [{"file": one.name, "why": one.why} for one in bad],
            "drawing": str(drawing),
        }

    def _classifier(self) -> Run:
        """The run, after everything was checked that can be without loading anything."""
        if not self.files:
            raise UsageError("predict needs a FILE", hint="python -m sandbox predict latest picture.png")
        if self.top < 1:
            raise UsageError(f"--top must be at least 1, not {self.top}")
        if self.files.count("-") > 1:
            raise UsageError("- is for one picture: a pipe can be read once")
        for option, path in (("-o", self.picture), ("--csv", None if self.csv is None else Path(self.csv))):
            if path is not None and path.is_dir():
                raise UsageError(f"{option} is for a file, and {path} is a folder")
            if path is not None and not path.parent.is_dir():
                raise UsageError(f"{option}: there is no folder {path.parent}")
        run = find_run(self.name, self.out)
        kind = run.info["kind"]
        from sandbox.supervised.runs import ClassifierRuns

        if not isinstance(kind_of(kind), ClassifierRuns):
            raise UsageError(
                f"{run.name} is no classifier: runs of the kind {kind!r} have no answer to a picture",
                hint="python -m sandbox runs",
            )
        return run

    def _nothing(self, bad: list[Skipped]) -> NotFound:
        """What to say where nothing is left to look at."""
        if not bad:
            return NotFound(f"there are no pictures in {', '.join(self.files)}")
        more = f" (and {len(bad) - 1} more like it)" if len(bad) > 1 else ""
        data = {"skipped": [one._asdict() for one in bad]}
        return NotFound(f"{bad[0].name} cannot be used: {bad[0].why}{more}", data=data)
