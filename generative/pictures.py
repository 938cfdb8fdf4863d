"""The pictures that a generative run's config names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generative.config import GeneratorConfig
from sandbox.core.errors import UnknownName, UsageError

if TYPE_CHECKING:
    from sandbox.data.pictures import Dataset, Pictures, Splits
    from sandbox.ui.console import Console


def load_pictures(
    config: GeneratorConfig, console: Console | None = None, data_dir: str | None = None
) -> Dataset:
    """Load the data set of a config, with all of its classes, in the form that it asks for.

    Args:
        console: is told what was noticed.
        data_dir: searched instead of the config's.

    Raises:
        UnknownName: the config learns from a class that is not there.
        SandboxError: the pictures are not there, or damaged, as `sandbox.data.catalog.load` says.
    """
    from sandbox.data.catalog import load

    dataset = load(config.data, data_dir or config.data_dir, form=config.form)
    for name in config.only:
        if name not in dataset.classes:
            raise UnknownName(f"class of {config.data}", name, dataset.classes)
    for note in dataset.notes if console else ():
        console.note(note)  # type: ignore[union-attr]
    return dataset


def learned_from(config: GeneratorConfig, dataset: Dataset) -> Splits:
    """The pictures of the classes that a run learns from, in each split.

    Raises:
        UsageError: there are none in one of the splits.
    """
    from sandbox.data.pictures import Splits

    found = Splits(*(of_classes(getattr(dataset, split), config.only) for split in Splits._fields))
    for split in Splits._fields:
        if not len(getattr(found, split)):
            raise UsageError(
                f"{config.data} has no {split} pictures of {', '.join(config.only) or 'any class'}"
            )
    return found


def of_classes(pictures: Pictures, names: tuple[str, ...]) -> Pictures:
    """Those of the classes called `names`, in their order; all of them where no name is given."""
    if not names:
        return pictures
    import torch

    wanted = torch.tensor([pictures.classes.index(name) for name in names], device=pictures.labels.device)
    return pictures.take(torch.isin(pictures.labels, wanted))
