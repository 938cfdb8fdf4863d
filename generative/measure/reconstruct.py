"""``reconstruct``: pictures over what a generative model makes of them."""

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
    from generative.measure.chosen import Chosen
    from generative.measure.looked import Looked
    from generative.opened import Opened

SCHEMA = "sandbox.reconstruct/1"
SHOWN, MOST = 16, 400
"""pictures in the drawing: unless told otherwise, and at most"""


@dataclass(frozen=True)
class Reconstruct:
    """Draw pictures over what an autoencoder or a VAE makes of them, with the error of each.

    RUN is a name, a unique beginning of one, a path, or "latest". FILE is a picture, a folder (all pictures
    below it), or - for one that comes through a pipe; they are scaled and cropped as a folder of training
    pictures would be. Without FILE pictures of the run's own test data are shown.

    A denoising autoencoder gets noised pictures, which are shown in between. A class-conditional VAE is told
    the class that is written above; for a FILE the one as which it reconstructs it best.

    Examples:
        python -m sandbox reconstruct latest
        python -m sandbox reconstruct runs/digits -n 32 --seed 1 -o digits.png
        python -m sandbox reconstruct runs/faces hand.jpg photos
        python -m sandbox reconstruct latest --split train --json
    """

    name: Annotated[Positional[str], arg(metavar="RUN")]
    """The run."""
    files: Annotated[Positional[tuple[str, ...]], arg(metavar="[FILE …]")] = ()
    """Pictures, folders, or - for a pipe."""
    pictures: Annotated[Count | None, arg(aliases=("-n",))] = None
    """How many pictures; 16, or all of FILE, unless given."""
    drawing: Annotated[Path | None, arg(name="output", aliases=("-o",), metavar="PNG")] = None
    """The drawing; reconstructions.png among the run's plots, unless given."""
    split: Literal["train", "validation", "test"] | None = None
    """Of which part of the run's data; test, unless given."""
    seed: int | None = None
    """Draw the pictures (and the noise) by this seed; evenly spread ones, unless given."""
    checkpoint: str = "best"
    """best, last, first, or a step."""
    device: str = "auto"
    """Device such as auto, cpu or cuda."""
    data_dir: Path | None = None
    """Folder with the data; the run's, SANDBOX_DATA, then the cache, unless given."""
    out: Path | None = None
    """Folder with the runs; SANDBOX_RUNS or ./runs, unless given."""

    def run(self, console: Console) -> dict[str, Any]:
        """Reconstruct; returns what ``--json`` prints.

        Raises:
            UsageError: the run is no generative model, or the options do not go together.
            NotFound: none of the files can be read as a picture.
        """
        self._check()
        run = find_run(self.name, self.out)
        from generative.given import as_json
        from generative.measure.looked import draw_looked, look
        from generative.opened import check_coder, open_generator
        from sandbox.nn.device import threads
        from sandbox.supervised.opened import warning_to

        check_coder(run)
        opened = open_generator(run, self.device, self.checkpoint, warning_to(console))
        with threads(opened.config.threads):
            chosen = self._chosen(opened, console)
            looked = look(opened, chosen, self.seed or 0)
        drawing = self.drawing or run.plots_dir / "reconstructions.png"
        draw_looked(drawing, opened, chosen, looked)
        self._tell(chosen, looked, drawing, console)
        return {
            "schema": SCHEMA,
            "run": str(run.path),
            "kind": opened.config.kind,
            "data": opened.config.data,
            "steps": opened.step,
            "mse": sum(looked.errors) / len(looked.errors),
            "pictures": _entries(opened, chosen, looked),
            "skipped": as_json(chosen.skipped),
            "drawing": str(drawing),
        }

    def _check(self) -> None:
        """All that can be checked without loading anything."""
        if self.pictures is not None and not 1 <= self.pictures <= MOST:
            raise UsageError(f"--pictures must be between 1 and {MOST}, not {self.pictures}")
        if self.seed is not None and not 0 <= self.seed < 2**31:
            raise UsageError(f"--seed must be between 0 and 2147483647, not {self.seed}")
        if self.files and (self.split, self.data_dir) != (None, None):
            raise UsageError("--split and --data-dir choose pictures, and so does FILE", hint="leave one out")
        if self.drawing is not None and self.drawing.is_dir():
            raise UsageError(f"-o is for a file, and {self.drawing} is a folder")
        if self.drawing is not None and not self.drawing.parent.is_dir():
            raise UsageError(f"-o: there is no folder {self.drawing.parent}")

    def _chosen(self, opened: Opened, console: Console) -> Chosen:
        from generative.measure.chosen import in_files, pictures_of_split, some_of
        from generative.opened import pictures_of

        if self.files:
            return in_files(opened, self.files, self.pictures or MOST)
        where = None if self.data_dir is None else str(self.data_dir)
        split = self.split or "test"
        dataset = pictures_of(opened.run, opened.config, console, where)
        return some_of(pictures_of_split(opened, dataset, split), split, self.pictures or SHOWN, self.seed)

    def _tell(self, chosen: Chosen, looked: Looked, drawing: Path, console: Console) -> None:
        from generative.given import tell_skipped

        tell_skipped(console, chosen.skipped)
        errors = sorted(looked.errors)
        console.print(
            f"{chosen.source}: squared error {sum(errors) / len(errors):.4f} a pixel "
            f"(from {errors[0]:.4f} to {errors[-1]:.4f})"
        )
        console.print(f"drawing {drawing}")


def _entries(opened: Opened, chosen: Chosen, looked: Looked) -> list[dict[str, Any]]:
    """Each picture, for scripts; its class where the model was told one."""
    labels = chosen.pictures.labels.tolist()
    return [
        {
            "picture": name,
            "mse": round(error, 8),
            **({"told": opened.classes[label]} if opened.model.classes else {}),
        }
        for name, error, label in zip(chosen.names, looked.errors, labels, strict=True)
    ]
