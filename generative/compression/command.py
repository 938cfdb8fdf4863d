"""``compress``: pictures as the few numbers that a run's model makes of each."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional, arg

from generative.compression.coding_run import coding_run
from sandbox.core.config import Count
from sandbox.core.errors import UsageError
from sandbox.core.files import write_atomically
from sandbox.core.names import resolve
from sandbox.core.run import Run
from sandbox.ui.console import Console
from sandbox.ui.png import png_path

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from generative.compression.coding import Coder
    from generative.compression.given import Gathered

SCHEMA = "sandbox.compress/1"
FEWEST_BITS, MOST_BITS = 1, 16


@dataclass(frozen=True)
class Compress:
    """Turn pictures into the few numbers that an autoencoder makes of each, and keep those in a file.

    RUN is a name, a unique beginning of one, a path, or "latest": an autoencoder, or a VAE (of which the mean
    of the posterior is taken). FILE is a picture, a folder (all pictures below it), or a data set by its name
    (mnist, folder:PATH, frames:ENV), of which the test pictures are taken; ./mnist is a folder of that name.
    What cannot be read is named and skipped.

    The pictures are brought to the model's height, width and colours first, as those that it learned from
    were; what that loses is not in the error, which compares pictures in this form with what decompress will
    write, on pixels from 0 to 1. Each latent becomes a whole number of --bits bits, between its smallest and
    its largest value among these pictures. numpy.load reads the file; to see pictures again it takes
    decompress, and the same run.

    Examples:
        python -m sandbox compress latest photos -o photos.npz
        python -m sandbox compress digits mnist -o mnist.npz --bits 6 --picture mnist.png
        python -m sandbox compress digits seven.png eight.png -o two.npz --json
    """

    name: Annotated[Positional[str], arg(metavar="RUN")]
    """The run."""
    files: Annotated[Positional[tuple[str, ...]], arg(metavar="FILE …")]
    """Pictures, folders, or one data set."""
    output: Annotated[Path, arg(aliases=("-o",), metavar="NPZ")]
    """The compressed file; none is ever overwritten."""
    bits: Count = 8
    """Bits of each number, 1 to 16."""
    class_name: Annotated[str | None, arg(name="class", metavar="CLASS")] = None
    """What all the pictures show; only a class-conditional VAE needs it, and of its own data knows it."""
    picture: Annotated[Path | None, arg(metavar="PNG")] = None
    """Draw some of the pictures over what comes back, too."""
    checkpoint: str = "best"
    """best, last, first, or a step."""
    device: str = "auto"
    """Device such as auto, cpu or cuda."""
    data_dir: Path | None = None
    """Folder with the data; the run's, SANDBOX_DATA, then the cache, unless given."""
    out: Path | None = None
    """Folder with the runs; SANDBOX_RUNS or ./runs, unless given."""

    def run(self, console: Console) -> dict[str, Any]:
        """Compress; returns what ``--json`` prints.

        Raises:
            UsageError: the run has no such model, or the options make no sense.
            NotFound: none of the files can be read as a picture.
        """
        drawing = self._check()
        run = coding_run(self.name, self.out)
        from generative.compression import coding, report
        from generative.compression.quantisation import quantised
        from generative.compression.stored import About, Stored, content_of
        from generative.opened import open_generator
        from sandbox.nn.device import threads
        from sandbox.supervised.opened import warning_to

        opened = open_generator(run, self.device, self.checkpoint, warning_to(console))
        model: Coder = opened.model
        with threads(opened.config.threads):
            found = self._found(model, opened.config.data_dir, console)
            pictures, labels = found.pictures, self._labels(run, model, found)
            latents = coding.embedded(model, pictures, labels)
            codes = quantised(latents, self.bits)
            back = coding.decoded(model, codes.latents(), labels)
            unrounded = coding.decoded(model, latents, labels)
        lost = report.Lost(coding.squared_error(pictures, back), coding.squared_error(pictures, unrounded))
        about = About(run.name, coding.weights_sum(model), opened.step, model.shape, self.bits)
        content = content_of(Stored(about, codes, found.names, found.sizes, labels))
        sizes = report.sizes_of(found.file_bytes, pictures, content, coding.weights_bytes(model))
        write_atomically(self.output, content)
        if drawing is not None:
            report.draw(drawing, run, pictures, back, sizes, lost)
        for one in found.skipped:
            console.note(f"skipped {one.name}: {one.why}")
        report.tell(console, self.output, pictures, latents.shape[1], self.bits, sizes, lost)
        if found.skipped:
            console.print(f"{len(found.skipped)} of {len(found.skipped) + len(pictures)} files skipped")
        if drawing is not None:
            console.print(f"drawing {drawing}")
        return {
            "schema": SCHEMA,
            "run": str(run.path),
            "steps": opened.step,
            "weights": about.weights,
            "file": str(self.output),
            "shape": model.shape,
            "latent": latents.shape[1],
            "bits": self.bits,
            "bytes": asdict(sizes),
            "ratio": sizes.pixels / sizes.compressed,
            **lost.as_json(),
            "pictures": report.entries(found.names, lost),
            "skipped": [{"file": one.name, "why": one.why} for one in found.skipped],
            "drawing": None if drawing is None else str(drawing),
        }

    def _check(self) -> Path | None:
        """Check everything that can be without loading anything; returns where to draw."""
        if not self.files:
            raise UsageError(
                "compress needs a FILE", hint="python -m sandbox compress latest photos -o photos.npz"
            )
        if not FEWEST_BITS <= self.bits <= MOST_BITS:
            raise UsageError(f"--bits must be between {FEWEST_BITS} and {MOST_BITS}, not {self.bits}")
        if self.output.suffix.lower() != ".npz":
            raise UsageError(f"-o must end in .npz, not {self.output.name!r}")
        if self.output.exists():
            raise UsageError(f"{self.output} exists already", hint="choose another -o, or remove it first")
        if not self.output.parent.is_dir():
            raise UsageError(f"-o: there is no folder {self.output.parent}")
        return None if self.picture is None else png_path(self.picture, "compressed.png", "--picture")

    def _found(self, model: Coder, data_dir: str | None, console: Console) -> Gathered:
        """The pictures, in the form of the model's."""
        from generative.compression.given import data_pictures, file_pictures, is_data

        if any(is_data(word) for word in self.files):
            if len(self.files) > 1:
                raise UsageError("a data set goes alone: a file holds its test pictures, or those of FILEs")
            where = self.data_dir or (None if data_dir is None else Path(data_dir))
            return data_pictures(next(iter(self.files)), model.shape, where)
        return file_pictures(self.files, model.shape, console)

    def _labels(self, run: Run, model: Coder, found: Gathered) -> NDArray[np.uint16] | None:
        """The classes that a class-conditional model is told: (pictures,); None for others."""
        import numpy as np

        if not model.classes:
            if self.class_name is not None:
                raise UsageError(f"{run.name} is not class-conditional: leave --class out")
            return None
        if self.class_name is not None:
            name = resolve(self.class_name, model.classes, "class")
            return np.full(len(found.pictures), model.classes.index(name), np.uint16)
        if found.labels is None or found.classes != model.classes:
            raise UsageError(
                f"{run.name} is class-conditional: it has to be told what the pictures show",
                hint=f"--class, one of {', '.join(model.classes)}, for all of them",
            )
        return found.labels.astype(np.uint16)
