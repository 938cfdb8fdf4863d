"""Train agents and generative models with one command, and trust the runs that come out.

Importing this package is cheap: nothing but the standard library is loaded until a run is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

__version__ = "0.1.0"
__all__ = ["__version__", "load_run"]


def load_run(
    text: str | Path = "latest",
    *,
    root: str | Path | None = None,
    checkpoint: str = "best",
    device: str = "auto",
    trust: bool = False,
) -> Any:
    """Load what a run has learned: an agent for ``train-agent``, a model for the others.

    Args:
        text: ``latest``, a path, or the beginning of a run's name.
        root: Folder with the runs; ``SANDBOX_RUNS`` or ``runs`` when None.
        checkpoint: ``best``, ``last``, ``first`` or a step.
        device: ``auto``, ``cpu``, ``cuda``, …
        trust: Allow the run to import the module that its environment's id names.

    Raises:
        RunNotFound: No run matches ``text``.
        RunBroken: The run's own description is missing or damaged.
    """
    from sandbox.core.plugins import kind_of
    from sandbox.core.runs import find_run

    run = find_run(str(text), root)
    return kind_of(run.info["kind"]).load(run, checkpoint=checkpoint, device=device, trust=trust)
