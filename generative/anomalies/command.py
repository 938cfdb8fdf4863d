"""``anomalies``: how usual pictures are to an autoencoder or a VAE."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional, arg

from sandbox.core.config import Count
from sandbox.core.errors import UsageError
from sandbox.core.runs import find_run
from sandbox.ui.console import Console

if TYPE_CHECKING:
    from generative.anomalies.given import Given
    from generative.opened import Opened


@dataclass(frozen=True)
class Anomalies:
    """Say how usual pictures are to a model that learned from what is normal.

    RUN is a name, a unique beginning of one, a path, or "latest": an autoencoder or a VAE, trained on normal
    pictures, such as those of one class (train-generator … --only 3). FILE is a picture, a folder (all
    pictures below it), or - for one that comes through a pipe; what cannot be read is named and skipped. DATA
    is a data set by its name; without either it is the run's own, with all its classes.

    A picture is unusual if the model reconstructs it badly, for the contrast that it has, and if what the
    encoder makes of it is far from all training pictures. Both count the same, in standard deviations of
    normal pictures that were held out: 0 is usual. What is normal is what was learned from; it is measured
    once and kept with the run, so that files can be scored without the data.

    Where classes say which pictures are normal, the AUROC says how well the score tells: the probability
    that a picture of another class is more unusual than a normal one.

    Examples:
        python -m sandbox anomalies latest
        python -m sandbox anomalies latest mnist --normal 3,8
        python -m sandbox anomalies threes photos seven.png -o unusual.png
        python -m sandbox anomalies threes folder:~/parts --normal good --split train --json
    """

    name: Annotated[Positional[str], arg(metavar="RUN")]
    """The run."""
    words: Annotated[Positional[tuple[str, ...]], arg(name="files", metavar="[DATA|FILE …]")] = ()
    """A data set, or pictures and folders."""
    normal: str | None = None
    """The classes that are normal, for the AUROC, such as 3 or A,B; what was learned from, unless given."""
    split: Literal["train", "validation", "test"] = "test"
    """Which pictures of a data set."""
    top: Count = 8
    """How many pictures to name, the most unusual first."""
    picture: Annotated[Path | None, arg(name="output", aliases=("-o",), metavar="PNG")] = None
    """The most and the least unusual; anomalies.png among the run's plots, unless given."""
    checkpoint: str = "best"
    """best, last, first, or a step."""
    device: str = "auto"
    """Device such as auto, cpu or cuda."""
    data_dir: Path | None = None
    """Folder with the data; the run's, SANDBOX_DATA, then the cache, unless given."""
    out: Path | None = None
    """Folder with the runs; SANDBOX_RUNS or ./runs, unless given."""

    def run(self, console: Console) -> dict[str, Any]:
        """Score the pictures; returns what ``--json`` prints.

        Raises:
            UsageError: the run has no such model, or the options make no sense.
            NotFound: none of the files can be read as a picture.
        """
        self._check()
        run = find_run(self.name, self.out)
        from generative.anomalies.drawn import draw_extremes, draw_scores
        from generative.anomalies.found import check_model, normality_of, score_pictures
        from generative.anomalies.told import as_json, tell
        from generative.opened import check_coder, open_generator
        from sandbox.nn.device import threads
        from sandbox.supervised.opened import warning_to

        check_coder(run)
        opened = open_generator(run, self.device, self.checkpoint, warning_to(console))
        check_model(opened)
        data_dir = None if self.data_dir is None else str(self.data_dir)
        with threads(opened.config.threads):
            given = self._given(opened, console, data_dir)
            found = score_pictures(opened, given, normality_of(opened, console, data_dir))
            drawings = {
                "drawing": draw_extremes(
                    self.picture or run.plots_dir / "anomalies.png", opened, given, found
                ),
                "histogram": draw_scores(run.plots_dir / "anomaly-scores.png", opened, given, found),
            }
        tell(console, given, found, self.top, drawings)
        return as_json(opened, given, found) | {name: str(path) for name, path in drawings.items()}

    def _check(self) -> None:
        """Raise UsageError for what can be seen to make no sense without loading anything."""
        if self.top < 1:
            raise UsageError(f"--top must be at least 1, not {self.top}")
        if self.picture is not None and self.picture.is_dir():
            raise UsageError(f"-o is for a file, and {self.picture} is a folder")
        if self.picture is not None and not self.picture.parent.is_dir():
            raise UsageError(f"-o: there is no folder {self.picture.parent}")

    def _given(self, opened: Opened, console: Console, data_dir: str | None) -> Given:
        from generative.anomalies import given
        from generative.given import data_set

        normal = tuple(name.strip() for name in self.normal.split(",")) if self.normal is not None else ()
        if not self.words:
            return given.own_pictures(opened, self.split, normal, console, data_dir)
        data = data_set(self.words)
        if data is not None:
            return given.data_pictures(opened, data, self.split, normal, data_dir)
        if normal:
            raise UsageError(
                "--normal is for pictures with labels", hint="name a data set, such as folder:PATH"
            )
        return given.file_pictures(opened, self.words, console)
