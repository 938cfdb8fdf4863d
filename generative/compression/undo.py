"""``decompress``: a compressed file back into pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional, arg

from sandbox.core.errors import Broken, Refused, RunNotFound, SandboxError, UsageError
from sandbox.core.run import Run
from sandbox.core.runs import default_root, find_run
from sandbox.ui.console import Console

if TYPE_CHECKING:
    from generative.compression.stored import Stored
    from generative.opened import Opened
    from generative.passes import Coder

SCHEMA = "sandbox.decompress/1"


@dataclass(frozen=True)
class Decompress:
    """Turn a file that compress wrote into pictures again, a PNG each.

    NPZ is the file. It names the run whose model turns its numbers into pictures, and knows that model's
    weights by their checksum: with others nothing is written. The pictures have the size that the model
    gives them, keep their names, and never take the place of a file that is there.

    Examples:
        python -m sandbox decompress mnist.npz
        python -m sandbox decompress photos.npz -o back
        python -m sandbox decompress photos.npz --run runs/faces -o back --json
    """

    name: Annotated[Positional[Path], arg(metavar="NPZ")]
    """The compressed file."""
    run_name: Annotated[str | None, arg(name="run", metavar="RUN")] = None
    """The run, if it has another name by now, or lies elsewhere."""
    output: Annotated[Path | None, arg(aliases=("-o",), metavar="FOLDER")] = None
    """Where the pictures go; a folder of the file's name here, unless given."""
    device: str = "auto"
    """Device such as auto, cpu or cuda."""
    out: Path | None = None
    """Folder with the runs; SANDBOX_RUNS or ./runs, unless given."""

    def run(self, console: Console) -> dict[str, Any]:
        """Decompress; returns what ``--json`` prints.

        Raises:
            Broken: the file is damaged, or was made with other weights.
            RunNotFound: its run is not there.
            UsageError: a picture would take the place of a file.
        """
        folder = self.output or Path(self.name.stem)
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"{folder} is a file: the pictures need a folder", hint="choose another -o")
        from generative.compression.names import file_names
        from generative.compression.stored import read_stored
        from sandbox.data.picture_file import extensions
        from sandbox.nn.device import threads

        stored = read_stored(self.name)
        files = [folder / name for name in file_names(stored.names, extensions())]
        _check_free(files)
        run = self._run(stored)
        opened = self._opened(run, stored)
        with threads(opened.config.threads):
            _write(opened.coder, stored, files, console)
        count = "1 picture" if len(files) == 1 else f"{len(files):,} pictures"
        _, height, width = stored.about.shape
        console.print(f"{count} of {width}×{height}, as {run.name} remembers them: {folder}")
        return {
            "schema": SCHEMA,
            "file": str(self.name),
            "run": str(run.path),
            "steps": opened.step,
            "folder": str(folder),
            "shape": stored.about.shape,
            "pictures": [
                {"name": name, "file": str(file), "size_before": size}
                for name, file, size in zip(stored.names, files, stored.sizes.tolist(), strict=True)
            ],
        }

    def _run(self, stored: Stored) -> Run:
        name = stored.about.run if self.run_name is None else self.run_name
        try:
            return find_run(name, self.out)
        except RunNotFound as error:
            if self.run_name is not None:
                raise
            raise RunNotFound(
                f"{self.name} needs the run {name!r}, which is not in {self.out or default_root()}",
                hint="name it with --run, or the folder with the runs with --out",
            ) from error

    def _opened(self, run: Run, stored: Stored) -> Opened:
        """The model with the very weights that compressed: the best ones, or those of the same step."""
        from generative.opened import open_generator
        from generative.weights import weights_sum

        opened = open_generator(run, self.device, "best")
        if weights_sum(opened.model) != stored.about.weights:
            try:
                opened = open_generator(run, self.device, str(stored.about.step))
            except SandboxError:
                raise self._other_weights(run, stored) from None
        if weights_sum(opened.model) != stored.about.weights:
            raise self._other_weights(run, stored)
        _check_fits(self.name, opened.coder, stored)
        return opened

    def _other_weights(self, run: Run, stored: Stored) -> Broken:
        return Broken(
            f"{run.name} does not have the weights that compressed {self.name}: "
            f"those were of {stored.about.run}, step {stored.about.step:,}",
            hint="if it has another name by now, name it with --run",
        )


def _check_free(files: list[Path]) -> None:
    there = [file for file in files if file.exists() or file.is_symlink()]
    if there:
        more = f" (and {len(there) - 1:,} more)" if len(there) > 1 else ""
        raise UsageError(f"{there[0]} exists already{more}", hint="choose another -o, or remove it first")


def _check_fits(file: Path, model: Coder, stored: Stored) -> None:
    labels, classes = stored.labels, model.classes
    fits = (
        stored.about.shape == tuple(model.shape),
        stored.quantised.codes.shape[1] == model.latent,
        (labels is not None) == bool(classes),
        labels is None or int(labels.max()) < len(classes),
    )
    if not all(fits):
        raise Broken(f"{file} is damaged: it does not fit the model that it names")


def _write(model: Coder, stored: Stored, files: list[Path], console: Console) -> None:
    """Decode and write a few pictures at a time."""
    import torch

    from generative.passes import decoded, pass_size

    size = pass_size(model.shape)
    labels = None if stored.labels is None else torch.from_numpy(stored.labels.astype("int64"))
    with console.progress(len(files), "writing", "pictures") as progress:
        for start in range(0, len(files), size):
            rows = slice(start, start + size)
            latents = torch.from_numpy(stored.quantised.latents(rows))
            pictures = decoded(model, latents, None if labels is None else labels[rows])
            for file, picture in zip(files[rows], pictures.numpy(), strict=True):
                _write_png(file, picture)
            progress.update(min(rows.stop, len(files)))


def _write_png(file: Path, picture: Any) -> None:
    """Write (channels, height, width) uint8 to a file that is not there yet, whole or not at all."""
    from generative.generate.numbered import png_bytes

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("xb") as opened:
            try:
                opened.write(png_bytes(picture))
            except BaseException:
                file.unlink(missing_ok=True)
                raise
    except (FileExistsError, NotADirectoryError):
        raise Refused(f"{file} cannot be written: a file is in its place", hint="choose another -o") from None
