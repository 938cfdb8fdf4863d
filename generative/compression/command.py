"""``compress``: pictures as the few numbers that a run's model makes of each."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional, arg

from generative.compression import FEWEST_BITS, MOST_BITS
from sandbox.core.config import Count
from sandbox.core.errors import UsageError
from sandbox.core.files import write_atomically
from sandbox.core.names import resolve
from sandbox.core.runs import find_run
from sandbox.ui.console import Console
from sandbox.ui.png import png_path

if TYPE_CHECKING:
    from torch import Tensor

    from generative.compression.given import Gathered
    from generative.opened import Opened

SCHEMA = "sandbox.compress/1"


@dataclass(frozen=True)
class Compress:
    """Turn pictures into the few numbers that an autoencoder makes of each, and keep those in a file.

    RUN is a name, a unique beginning of one, a path, or "latest": an autoencoder, or a VAE (of which the mean
    of the posterior is taken). FILE is a picture, a folder (all pictures below it), or a data set by its name
    (mnist, folder:PATH, frames:ENV), of which the test pictures are taken; ./mnist is a folder of that name.
    A FILE may be -, for a picture that comes through a pipe. What cannot be read is named and skipped.

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
    """Of a class-conditional VAE: what all the pictures show; unless given, what its own data say, and of
    others the class as which it reconstructs each best."""
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
        run = find_run(self.name, self.out)
        import numpy as np
        import torch

        from generative.compression import report
        from generative.compression.quantisation import quantised
        from generative.compression.stored import About, Stored, content_of
        from generative.given import as_json, tell_skipped
        from generative.opened import check_coder, open_generator
        from generative.passes import decoded, embedded
        from generative.weights import weights_bytes, weights_sum
        from sandbox.data.pictures import Pictures
        from sandbox.nn.device import threads
        from sandbox.supervised.opened import warning_to

        check_coder(run)
        opened = open_generator(run, self.device, self.checkpoint, warning_to(console))
        model = opened.coder
        with threads(opened.config.threads):
            found = self._found(opened, console)
            images, labels = found.pictures.images, self._labels(opened, found)
            told = found.pictures if labels is None else Pictures(images, labels, model.classes)
            latents = embedded(model, told)
            codes = quantised(latents.numpy(), self.bits)
            back = decoded(model, torch.from_numpy(codes.latents()), labels)
            unrounded = decoded(model, latents, labels)
        pictures = images.numpy()
        lost = report.Lost(report.errors_of(images, back), report.errors_of(images, unrounded))
        about = About(run.name, weights_sum(model), opened.step, model.shape, self.bits)
        classes = None if labels is None else labels.numpy().astype(np.uint16)
        content = content_of(Stored(about, codes, found.names, found.sizes, classes))
        sizes = report.sizes_of(found.file_bytes, pictures, content, weights_bytes(model))
        write_atomically(self.output, content)
        if drawing is not None:
            report.draw(drawing, run, pictures, back.numpy(), sizes, lost)
        tell_skipped(console, found.skipped)
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
            "skipped": as_json(found.skipped),
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

    def _found(self, opened: Opened, console: Console) -> Gathered:
        """The pictures, in the form of the model's."""
        from generative.compression.given import data_pictures, file_pictures
        from generative.given import data_set

        name = data_set(self.files)
        if name is None:
            return file_pictures(self.files, opened.shape, console)
        return data_pictures(name, opened.shape, self.data_dir or opened.config.data_dir)

    def _labels(self, opened: Opened, found: Gathered) -> Tensor | None:
        """The classes that a class-conditional model is told: (pictures,) int64; None for others."""
        import torch

        from generative.passes import fitting_labels

        model, pictures = opened.coder, found.pictures
        if self.class_name is not None:
            if not model.classes:
                raise UsageError(f"{opened.run.name} is not class-conditional: leave --class out")
            name = resolve(self.class_name, model.classes, "class")
            return torch.full((len(pictures),), model.classes.index(name))
        if not model.classes:
            return None
        known = pictures.classes == model.classes
        return pictures.labels.cpu() if known else fitting_labels(model, pictures.images, opened.learned)
