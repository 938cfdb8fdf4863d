"""``lesson``: one idea of the course as a picture and three lines of text."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from tyro.conf import Positional, arg

from sandbox.core.errors import Broken, SandboxError, UnknownName, UsageError
from sandbox.core.lesson import Desk, Taught
from sandbox.core.lesson_table import LESSONS
from sandbox.core.plugins import names, resolve
from sandbox.core.seeding import SEED_LIMIT
from sandbox.ui.console import Console
from sandbox.ui.png import png_path

SCHEMA = "sandbox.lesson/1"


@dataclass(frozen=True)
class Lesson:
    """Show one idea: trains something small, draws one picture and says what to look at in it.

    Alone it lists the lessons, in the order in which a course would take them. Each is a small program to be
    read, and takes less than a minute.

    Examples:
        python -m sandbox lesson line
        python -m sandbox lesson optimizers --seed 1
        python -m sandbox lesson skip-connections -o depth.png
        python -m sandbox list lessons
    """

    name: Annotated[Positional[str], arg(metavar="[NAME]")] = ""
    """Which lesson."""
    seed: int = 0
    """Decides everything that is random: another one, other numbers."""
    output: Annotated[Path | None, arg(aliases=("-o",), metavar="PNG")] = None
    """The picture; lesson-NAME.png here, unless given."""
    data_dir: Path | None = None
    """Folder with the data; SANDBOX_DATA, then the cache, unless given."""

    def run(self, console: Console) -> dict[str, Any]:
        """Teach; returns what ``--json`` prints.

        Raises:
            UnknownName: There is no such lesson.
            UsageError: The seed or the picture's name is wrong.
            NotFound: The data that it needs are nowhere.
            Broken: It is another package's, and keeps no promise.
        """
        if not self.name:
            listing = lessons()
            console.table(listing["columns"], listing["rows"])
            return {"schema": "sandbox.list/1", **listing}
        if self.name not in names("lessons"):
            known = names("lessons")
            raise UnknownName("lesson", self.name, known, hint="python -m sandbox list lessons")
        if not 0 <= self.seed < SEED_LIMIT:
            raise UsageError(f"--seed must be between 0 and {SEED_LIMIT - 1}, not {self.seed}")
        path = png_path(self.output, f"lesson-{self.name}.png", "-o")
        teach = resolve("lessons", self.name)
        begun = time.perf_counter()
        import torch

        from sandbox.nn.device import threads

        desk = Desk(self.seed, (lambda text: None) if console.quiet else console.note, self.data_dir)
        with threads(1), torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            taught = teach(desk)
        if not isinstance(taught, Taught):
            raise Broken(f"the lesson {self.name!r} ended with {type(taught).__name__}, not with Taught")
        from sandbox.ui.chart import save

        save(taught.figure, path)
        console.print("\n".join([*taught.lines, str(path)]))
        return {
            "schema": SCHEMA,
            "name": self.name,
            "seed": self.seed,
            "picture": str(path),
            "lines": list(taught.lines),
            "seconds": round(time.perf_counter() - begun, 1),
        }


def lessons() -> dict[str, Any]:
    """All lessons: `list lessons`."""
    rows = [[name, title(name)] for name in names("lessons")]
    return {"title": "lessons", "columns": ["name", "about"], "rows": rows}


def title(name: str) -> str:
    """What a lesson is about; another package's says it in the first line of its function's docstring."""
    if name in LESSONS:
        return LESSONS[name].title
    try:
        lines = (resolve("lessons", name).__doc__ or "").strip().splitlines()
    except SandboxError as error:  # A broken package must not hide the other lessons.
        return error.message
    return lines[0] if lines else "–"
