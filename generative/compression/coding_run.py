"""The runs whose models turn pictures into a few numbers, and back."""

from __future__ import annotations

from pathlib import Path

from sandbox.core.errors import UsageError
from sandbox.core.run import Run
from sandbox.core.runs import find_run

KINDS = ("autoencoder", "vae")


def coding_run(name: str, root: Path | None) -> Run:
    """The run that ``name`` means, once it is certain that it has such a model.

    Raises:
        RunNotFound, RunBroken: there is none, or a damaged one.
        UsageError: it is of another kind.
    """
    run = find_run(name, root)
    kind = run.info["kind"]
    if kind not in KINDS:
        raise UsageError(
            f"{run.name} is no autoencoder: runs of the kind {kind!r} don't turn pictures into a few numbers",
            hint="python -m sandbox train-generator autoencoder --help",
        )
    return run
