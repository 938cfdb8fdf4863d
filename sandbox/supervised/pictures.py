"""The pictures that a classifier's config names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.core.errors import UsageError
from sandbox.supervised.config import ClassifierConfig

if TYPE_CHECKING:
    from sandbox.data.pictures import Dataset
    from sandbox.ui.console import Console


def load_pictures(
    config: ClassifierConfig, console: Console | None = None, data_dir: str | None = None
) -> Dataset:
    """Load the data set of a config, in the form that it asks for.

    Args:
        console: is told what was noticed.
        data_dir: searched instead of the config's.

    Raises:
        UsageError: there is but one class.
        SandboxError: the pictures are not there, or damaged, as `sandbox.data.catalog.load` says.
    """
    from sandbox.data.catalog import load

    dataset = load(config.data, data_dir or config.data_dir, form=config.form)
    if len(dataset.classes) < 2:
        raise UsageError(
            f"{config.data} has one class only, {', '.join(dataset.classes)}: there is nothing to tell apart"
        )
    for note in dataset.notes if console else ():
        console.note(note)  # type: ignore[union-attr]
    return dataset
