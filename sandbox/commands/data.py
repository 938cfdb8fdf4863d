"""``data``: get a data set, and look at it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional, arg

from sandbox.core.errors import Interrupted, UnknownName, UsageError
from sandbox.core.seeding import derive_seed
from sandbox.ui.console import Console
from sandbox.ui.png import png_path

if TYPE_CHECKING:
    from sandbox.data.augment import Augment
    from sandbox.data.catalog import Entry
    from sandbox.data.pictures import Dataset, Pictures
    from sandbox.ui.grids import Row

COLUMNS = 10
"""pictures of a class, without --augment"""
BLOCKS, VARIANTS = 3, 3
"""with it: so many originals of a class, and altered pictures beside each"""
HEADERS = ["original", "", "altered", ""] * BLOCKS
"""over the columns: the second stands over the middle one of the altered pictures"""


@dataclass(frozen=True)
class Data:
    """Get the data sets and look at them; `list data` says which there are.

    Examples:
        python -m sandbox data get mnist
        python -m sandbox data show mnist
        python -m sandbox data show sign_mnist --augment
        python -m sandbox list data
    """

    @classmethod
    def route(cls, arguments: list[str], prog: str) -> tuple[type, list[str], str]:
        """Return the command that ``arguments`` are for, its own arguments, and how it is called.

        Raises:
            UnknownName: The first word is nothing that can be done with data.
        """
        if not arguments or arguments[0].startswith("-"):
            return cls, arguments, prog
        word = arguments[0]
        if word not in ACTIONS:
            raise UnknownName("data command", word, ACTIONS, hint=f"{prog} --help")
        return ACTIONS[word], arguments[1:], f"{prog} {word}"

    def run(self, console: Console) -> dict[str, Any]:
        """Print what can be done with data."""
        lines = [*(f"python -m sandbox data {word} DATA" for word in ACTIONS), "python -m sandbox list data"]
        console.print("\n".join(lines))
        return {
            "schema": "sandbox.list/1",
            "title": "data commands",
            "columns": ["name"],
            "rows": [[word] for word in ACTIONS],
        }


@dataclass(frozen=True)
class Show:
    """Draw some pictures of every class of a data set to a PNG file.

    Examples:
        python -m sandbox data show mnist
        python -m sandbox data show sign_mnist --augment --seed 1
        python -m sandbox data show digits --split test --out digits.png
        python -m sandbox data show folder:photos --size 96 --augment
        python -m sandbox data show frames:Snake@expert
    """

    data: Annotated[Positional[str], arg(metavar="DATA")] = ""
    """Name of the data set, as `list data` has it; or folder:PATH, or frames:ENV[@expert|@RUN]."""
    augment: bool = False
    """Beside each picture show how training alters it."""
    split: Literal["train", "validation", "test"] = "train"
    """Which pictures."""
    size: int | None = None
    """Width and height in pixels; the data set's own, unless given."""
    colours: Literal["grey", "colour"] | None = None
    """grey or colour; the data set's own, unless given."""
    data_dir: Path | None = None
    """Folder with the files; else SANDBOX_DATA, else the cache."""
    out: Path | None = None
    """The PNG file; DATA-SPLIT.png here, unless given."""
    seed: int = 0
    """Draws other pictures."""

    def run(self, console: Console) -> dict[str, Any]:
        """Draw; returns what ``--json`` prints.

        Raises:
            UnknownName: There is no such data set.
            UsageError: The options do not fit together.
            NotFound: The data set's files are nowhere.
            Broken: One of them is damaged.
        """
        if not self.data:
            raise UsageError("data show needs DATA", hint="python -m sandbox data show mnist")
        if not 0 <= self.seed < 2**31:
            raise UsageError(f"--seed must be between 0 and 2147483647, not {self.seed}")
        if self.augment and self.split != "train":
            raise UsageError(
                f"--augment shows what training does, and {self.split} pictures are never altered",
                hint="leave out --augment or --split",
            )
        from sandbox.data.catalog import Form, canonical, label, load

        form = Form(self.size, self.colours)
        data = canonical(self.data)
        # Whether the name is right is told before any file is read.
        name = f"{label(data)}-{self.split}{'-augmented' if self.augment else ''}.png"
        path = png_path(self.out, name, "--out")
        from sandbox.data.augment import Augment, preset

        augment = preset(data) if self.augment else None
        if augment == Augment():
            raise UsageError(f"training never alters {data}", hint="leave out --augment")
        dataset = load(data, self.data_dir, form=form)
        for note in dataset.notes:
            console.note(note)
        counts = draw(path, dataset, self.split, augment, self.seed)
        console.print(path)
        return {
            "schema": "sandbox.data-show/1",
            "data": dataset.name,
            "split": self.split,
            "pictures": sum(counts.values()),
            "shape": dataset.shape,
            "classes": counts,
            "augment": None if augment is None else vars(augment),
            "notes": list(dataset.notes),
            "file": str(path),
        }


@dataclass(frozen=True)
class Get:
    """Download a data set, unless it is here and right; alone, say which can be downloaded.

    What was interrupted goes on where it stopped. Only files with the published content are put in place.

    Examples:
        python -m sandbox data get
        python -m sandbox data get mnist
        python -m sandbox data get sign_mnist --data-dir ~/data
    """

    data: Annotated[Positional[str], arg(metavar="[DATA]")] = ""
    """Name of the data set, as `list data` has it."""
    data_dir: Path | None = None
    """Put it into the folder of its name in this one; else into the cache."""

    def run(self, console: Console) -> dict[str, Any]:
        """Download; returns what ``--json`` prints.

        Raises:
            UnknownName: There is no such data set.
            UsageError: It is none that is downloaded.
            Refused: No mirror can be reached, the disk is full, or another process is at it.
            Broken: No mirror has the published files.
            Interrupted: Ctrl-C; the next time goes on from there.
        """
        if not self.data:
            return _downloads(console)
        if ":" in self.data:
            kind = self.data.partition(":")[0]
            raise UsageError(
                f"there is nothing to download for {self.data}",
                hint=f"{kind}:… is made from what is on this machine; `data get` alone lists what can be got",
            )
        from sandbox.core.plugins import resolve

        data: Entry = resolve("data", self.data)
        if not data.mirrors and data.files:
            raise UsageError(
                f"{data.name} cannot be downloaded by a command", hint=f"get it from {data.source}"
            )
        if not data.mirrors:
            console.print(f"{data.name} needs no download: it comes with {data.bundled}")
            return _told(data, None, {})
        return self._download(data, console)

    def _download(self, data: Entry, console: Console) -> dict[str, Any]:
        from sandbox.data.downloads.download import get
        from sandbox.data.source import download_command

        data_dir = None if self.data_dir is None else self.data_dir.expanduser()
        try:
            got = get(data, data_dir, listener=console)
        except KeyboardInterrupt as stop:
            raise Interrupted(
                "interrupted; what has come is kept",
                hint=download_command(data.name, self.data_dir),
                signum=getattr(stop, "exit_code", 130) - 128,
            ) from None
        if got.fetched:
            hosts = ", ".join(dict.fromkeys(got.fetched.values()))
            console.print(f"{data.name} is in {got.folder}: {len(got.fetched)} files from {hosts}, checked")
        else:
            console.print(f"{data.name} is in {got.folder} already, and right")
        return _told(data, got.folder, got.fetched)


def _told(data: Entry, folder: Path | None, fetched: dict[str, str]) -> dict[str, Any]:
    return {
        "schema": "sandbox.data-get/1",
        "data": data.name,
        "folder": None if folder is None else str(folder),
        "fetched": fetched,
    }


def _downloads(console: Console) -> dict[str, Any]:
    """Show which data sets can be downloaded, and which of them are here."""
    from sandbox.core.plugins import names
    from sandbox.data.catalog import entry

    columns = ["name", "MB", "found in", "licence"]
    rows = [
        [data.name, round(sum(data.sizes.values()) / 1e6), str(data.locate() or "not found"), data.licence]
        for data in map(entry, names("data"))
        if data.mirrors
    ]
    console.table(columns, rows, title="data sets that can be downloaded: python -m sandbox data get NAME")
    return {"schema": "sandbox.list/1", "title": "downloads", "columns": columns, "rows": rows}


ACTIONS: dict[str, type] = {"get": Get, "show": Show}


def draw(path: Path, dataset: Dataset, split: str, augment: Augment | None, seed: int) -> dict[str, int]:
    """Draw a row of each class to the PNG ``path``; returns how many pictures each class has."""
    import torch

    from sandbox.data.catalog import label
    from sandbox.data.listing import describe
    from sandbox.ui.grids import picture_grid

    pictures = dataset.split(split)
    generator = torch.Generator().manual_seed(derive_seed(seed, "show"))
    counts = dict(zip(pictures.classes, pictures.counts().tolist(), strict=True))
    rows = [_row(pictures, label, augment, generator) for label in range(len(pictures.classes))]
    picture_grid(
        path,
        rows,
        title=f"{label(dataset.name)} · {split}" + (" · augmented" if augment else ""),
        subtitle=f"{len(pictures):,} pictures, {describe(dataset.shape)}: {dataset.summary}",
        columns=HEADERS if augment else (),
        block=1 + VARIANTS if augment else None,
    )
    return counts


def _row(pictures: Pictures, label: int, augment: Augment | None, generator: Any) -> Row:
    """Some pictures of one class, each followed by altered ones if ``augment`` is given."""
    import torch

    from sandbox.ui.grids import Row

    members = (pictures.labels == label).nonzero().squeeze(1)
    order = torch.randperm(len(members), generator=generator)
    images = pictures.images[members[order[: BLOCKS if augment else COLUMNS]]]
    if augment is not None:
        variants = images.repeat_interleave(VARIANTS, dim=0) / 255
        altered = (augment(variants, generator) * 255).round().to(torch.uint8)
        both = torch.cat([images[:, None], altered.unflatten(0, (-1, VARIANTS))], dim=1)
        images = both.flatten(0, 1)  # original, altered, altered, altered, original, …
    return Row(pictures.classes[label], f"{len(members):,}", images.numpy())
